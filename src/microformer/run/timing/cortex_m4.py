"""The Cortex-M4 by the rules of its manual: Arm DDI 0439D, tables 3-1 and 3-2 and section 3.3.2.

Zero wait states. The rule numbers (T1 to T13) are those of docs/timing.md, which says for each
what the manual states and what we had to assume.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import capstone
from capstone import arm

from microformer.errors import ToolError
from microformer.run.timing.block import Block

REFILL = 2  # T2: the manual's P, 1 to 3; its middle
LOAD_REFILL = 3  # T3: what it says of LDR PC
DIVIDE = 12  # T7: 2 to 12, by the operands; the slowest

_LOADS = frozenset(
    ["ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "ldrt", "ldrbt", "ldrht", "ldrsbt", "ldrsht"]
)
_EXCLUSIVE = frozenset(["ldrex", "ldrexb", "ldrexh", "strex", "strexb", "strexh"])
_STORES = frozenset(["str", "strb", "strh", "strt", "strbt", "strht"])
_MULTIPLE = frozenset(["ldm", "ldmdb", "stm", "stmdb", "push", "pop", "ldrd", "strd"])
_BRANCHES = frozenset(["b", "bl", "bx", "blx", "cbz", "cbnz"])
_TABLE_BRANCHES = frozenset(("tbb", "tbh"))
_SLOW = {"sdiv": DIVIDE, "udiv": DIVIDE, "mrs": 2, "msr": 2, "cps": 2, "isb": 1 + REFILL}

Kind = Literal["data", "load", "store", "multiple", "branch"]


@dataclass(frozen=True)
class Step:
    """What the rules need of one instruction.

    ``cycles`` where nothing precedes it; ``refill`` what is added when control leaves by it, 0 if
    it cannot; ``address_registers`` make its address; ``writes`` are the registers it writes.
    """

    kind: Kind
    cycles: int
    refill: int = 0
    address_registers: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()

    def after(self, before: "Step | None") -> int:
        """Cycles of this step after another (T4 to T6), ``refill`` not included."""
        if before is None or not self.address_registers:
            return self.cycles
        depends = bool(before.writes & self.address_registers)
        if before.kind == "data" and depends:
            return self.cycles + 1  # T6: the address waits for the register bank
        pipelines = self.kind in ("load", "store") and before.kind == "load" and not depends
        return max(self.cycles - pipelines, 1)  # T4, T5


def block_cycles(steps: Sequence[Step], before: Step | None = None) -> int:
    """Cycles of ``steps`` run one after another, ``before`` having run just ahead of them.

    A branch at the end counts as not taken; what being taken adds is its ``refill``.
    """
    total = 0
    for step in steps:
        total += step.after(before)
        before = step
    return total


class CortexM4:
    """Cycles of blocks on a Cortex-M4; each block is decoded once."""

    mispredicted = 0  # it predicts none: T1, T2

    def __init__(self) -> None:
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._decoder.detail = True
        self._steps: dict[tuple[int, int], list[Step]] = {}

    def entry_cycles(self, block: Block, fallen_from: Block | None) -> int:
        """Cycles of the block but for the branch that ends it (see ``Timing``)."""
        steps = self.steps(block)
        before = self.steps(fallen_from)[-1] if fallen_from is not None else None
        return block_cycles(steps[:-1] if steps[-1].refill else steps, before)

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """Cycles of the branch that ends the block (see ``Timing``)."""
        steps = self.steps(block)
        last = steps[-1]
        if not last.refill:
            return 0
        if not taken:
            return 1  # T1; also a return in an IT block that is not done (T8)
        return last.after(steps[-2] if len(steps) > 1 else None) + last.refill

    def steps(self, block: Block) -> list[Step]:
        """The block's instructions as the rules see them; ToolError for one not covered."""
        key = (block.address, len(block.code))
        if key not in self._steps:
            decoded = list(self._decoder.disasm(block.code, block.address))
            if sum(i.size for i in decoded) != len(block.code) or not decoded:
                end = decoded[-1].address + decoded[-1].size if decoded else block.address
                raise ToolError(f"The timing model cannot decode the instruction at {end:#010x}.")
            self._steps[key] = [self.step(i) for i in decoded]
        return self._steps[key]

    def step(self, instruction: Any) -> Step:
        """One decoded instruction as the rules see it."""
        return _step(instruction)


def _step(instruction: Any) -> Step:
    """Classify one decoded instruction."""
    name = str(instruction.insn_name())  # without width, condition and the S of flag setting
    writes = frozenset(instruction.regs_access()[1])
    if name.startswith("v"):
        raise ToolError(
            f"The timing model knows no floating point, and there is '{instruction.mnemonic}' at "
            f"{instruction.address:#010x}."
        )
    if name in _BRANCHES:
        return Step("branch", 1, REFILL)  # T1, T2
    if name in _TABLE_BRANCHES:
        # T3: two cycles for the load, one for the add, three for the refill
        return Step("branch", 2, 1 + LOAD_REFILL, address_registers=_address(instruction))
    if name in _LOADS | _STORES | _EXCLUSIVE:
        return _single(instruction, name, writes)
    if name in _MULTIPLE:
        return _multiple(instruction, name, writes)
    cycles = _SLOW.get(name, 1)  # T7 to T10, IT among them
    to_pc = arm.ARM_REG_PC in writes
    return Step("data", cycles, REFILL if to_pc else 0, writes=writes)


def _single(instruction: Any, name: str, writes: frozenset[int]) -> Step:
    """One load or store (T4, T5)."""
    address = _address(instruction)
    if name in _LOADS | _EXCLUSIVE:
        step = Step("load", 2, address_registers=address, writes=writes)
        return replace(step, refill=LOAD_REFILL) if arm.ARM_REG_PC in writes else step
    by_register = any(o.type == arm.ARM_OP_MEM and o.mem.index != 0 for o in instruction.operands)
    return Step("store", 2 if by_register else 1, address_registers=address, writes=writes)


def _multiple(instruction: Any, name: str, writes: frozenset[int]) -> Step:
    """Several registers at once: 1 + N (T11)."""
    listed = len(instruction.operands)
    if name in ("ldrd", "strd"):
        count, address = 2, _address(instruction)
    elif name in ("push", "pop"):
        count, address = listed, frozenset((arm.ARM_REG_SP,))
    else:
        count, address = listed - 1, frozenset((instruction.operands[0].reg,))
    refill = LOAD_REFILL if arm.ARM_REG_PC in writes else 0
    return Step("multiple", 1 + count, refill, address, writes)


def _address(instruction: Any) -> frozenset[int]:
    """Registers from which the address is made."""
    registers: set[int] = set()
    for operand in instruction.operands:
        if operand.type == arm.ARM_OP_MEM:
            registers |= {operand.mem.base, operand.mem.index}
    return frozenset(registers - {0})
