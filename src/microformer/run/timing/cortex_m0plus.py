"""The Cortex-M0+ by the table of its manual: Arm DDI 0484C, table 3-1. Rules P1 to P6.

Two stages, nothing overlaps: a block's cycles are the sum of its instructions'. Memory without wait
states, the one-cycle multiplier.
"""

from typing import Any

import capstone
from capstone import arm

from microformer.errors import ToolError
from microformer.run.timing.block import Block

TAKEN = 1  # P2: a branch is 1, one that is taken 2
LINK = 3  # P3: BL
_MEMORY = frozenset(
    ("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "str", "strb", "strh")
)  # P4: 2 each; 1 to a single-cycle port, which buffers do not lie in
_SEVERAL = frozenset(("ldm", "stm", "push", "pop"))
_SLOW = {"mrs": 3, "msr": 3, "dmb": 3, "dsb": 3, "isb": 3}
_BRANCHES = frozenset(("b", "bx", "blx"))

Step = tuple[int, int]
"""Cycles of an instruction, and what is added when control leaves by it."""


class CortexM0Plus:
    """Cycles of blocks on a Cortex-M0+; each block is decoded once."""

    mispredicted = 0

    def __init__(self) -> None:
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._decoder.detail = True
        self._steps: dict[tuple[int, int], list[Step]] = {}

    def entry_cycles(self, block: Block, _fallen_from: Block | None) -> int:
        """Cycles of the block but for the branch that ends it (see ``Timing``)."""
        steps = self.steps(block)
        return sum(cycles for cycles, _ in (steps[:-1] if steps[-1][1] else steps))

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """Cycles of the branch that ends the block (see ``Timing``)."""
        cycles, more = self.steps(block)[-1]
        return 0 if not more else cycles + more * taken

    def steps(self, block: Block) -> list[Step]:
        """The block's instructions; ToolError for one that the core has not."""
        key = (block.address, len(block.code))
        if key not in self._steps:
            decoded = list(self._decoder.disasm(block.code, block.address))
            if sum(i.size for i in decoded) != len(block.code) or not decoded:
                end = decoded[-1].address + decoded[-1].size if decoded else block.address
                raise ToolError(f"The timing model cannot decode the instruction at {end:#010x}.")
            self._steps[key] = [_step(i) for i in decoded]
        return self._steps[key]


def _step(instruction: Any) -> Step:
    name = str(instruction.insn_name())
    if instruction.size == 4 and name not in {"bl", *_SLOW}:
        raise ToolError(
            f"The Cortex-M0+ has no '{name}' of 32 bits, and there is one at "
            f"{instruction.address:#010x}."
        )
    if name == "bl":
        return LINK - 1, 1
    if name in _BRANCHES:
        return 1, TAKEN
    if name in _MEMORY:
        return 2, 0
    to_pc = arm.ARM_REG_PC in instruction.regs_access()[1]
    if name in _SEVERAL:
        listed = len(instruction.operands) - (name in ("ldm", "stm"))
        return 1 + listed, 2 * to_pc  # P5: POP that returns: 3 + N, the PC among N
    return _SLOW.get(name, 1), TAKEN * to_pc
