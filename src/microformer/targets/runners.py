"""What runs a program here in place of the board."""

from dataclasses import dataclass
from typing import Literal

from microformer.targets.memories import FlatMemory
from microformer.targets.strict import Strict

RtlCore = Literal["ri5cy", "cv32e40p"]
QemuSystem = Literal["arm", "riscv32"]


@dataclass(frozen=True)
class HostRunner(Strict):
    """A shared library in a process of this machine."""

    kind: Literal["host"] = "host"


@dataclass(frozen=True)
class UnicornRunner(Strict):
    """The emulator unicorn; ``cpu`` is its name of the core."""

    cpu: str
    kind: Literal["unicorn"] = "unicorn"


@dataclass(frozen=True)
class QemuRunner(Strict):
    """QEMU's board ``machine``, for cores that unicorn does not know.

    ``memory`` is what that machine has, where it is not the board's own: a program is linked for
    the board to see that it fits, and for the machine to run. ``system`` is QEMU's name of the
    architecture, ``cpu`` its name of a core with its options, where the machine takes several.
    """

    machine: str
    memory: FlatMemory | None = None
    system: QemuSystem = "arm"
    cpu: str = ""
    kind: Literal["qemu"] = "qemu"

    @property
    def program(self) -> str:
        """QEMU's program for the system."""
        return f"qemu-system-{self.system}"


@dataclass(frozen=True)
class RtlRunner(Strict):
    """A cluster on the register-transfer description of its ``core``, compiled by Verilator."""

    core: RtlCore
    kind: Literal["rtl"] = "rtl"


Runner = HostRunner | UnicornRunner | QemuRunner | RtlRunner
