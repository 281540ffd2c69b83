"""What an emulator must know of an architecture: its registers, its exceptions, where it begins."""

from dataclasses import dataclass

import unicorn
from unicorn import arm_const, riscv_const


@dataclass(frozen=True)
class Architecture:
    """Numbers of unicorn's. ``thumb`` is set in an address that is jumped to.

    ``vectors``: the program begins with its stack pointer and first address; else at the symbol
    Reset_Handler, which sets the pointer itself.
    """

    arch: int
    mode: int
    cpus: str
    arguments: tuple[int, ...]
    stack: int
    link: int
    counter: int
    exceptions: dict[int, str]
    thumb: int = 0
    vectors: bool = False


ARM = Architecture(
    arch=unicorn.UC_ARCH_ARM,
    mode=unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS,
    cpus="UC_CPU_ARM_",
    arguments=tuple(getattr(arm_const, f"UC_ARM_REG_R{n}") for n in range(4)),
    stack=arm_const.UC_ARM_REG_SP,
    link=arm_const.UC_ARM_REG_LR,
    counter=arm_const.UC_ARM_REG_PC,
    exceptions={2: "an SVC", 3: "a jump to where there is no memory", 7: "a breakpoint"},
    thumb=1,
    vectors=True,
)
RISCV = Architecture(
    arch=unicorn.UC_ARCH_RISCV,
    mode=unicorn.UC_MODE_RISCV32,
    cpus="UC_CPU_",
    arguments=tuple(getattr(riscv_const, f"UC_RISCV_REG_A{n}") for n in range(4)),
    stack=riscv_const.UC_RISCV_REG_SP,
    link=riscv_const.UC_RISCV_REG_RA,
    counter=riscv_const.UC_RISCV_REG_PC,
    # mcause (RISC-V privileged architecture, table of exception codes)
    exceptions={2: "an illegal instruction", 3: "a breakpoint", 11: "an environment call"},
)


def cpu_model(architecture: Architecture, name: str) -> int | None:
    """unicorn's number of the core called ``name``, None where it knows none."""
    constants = arm_const if architecture is ARM else riscv_const
    found = getattr(constants, f"{architecture.cpus}{name}", None)
    return None if found is None else int(found)
