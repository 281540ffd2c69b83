"""Hazard3 by its own documentation: "Instruction Cycle Counts" and "Branch Predictor".

Zero wait states, and the configuration that the RP2350 has (a fast multiplier, two bits of a
quotient a cycle). The rule numbers (H1 to H6) are those of docs/timing.md.
"""

from dataclasses import dataclass
from typing import Any

import capstone
from capstone import riscv

from microformer.errors import ToolError
from microformer.run.timing.block import Block

_LOADS = frozenset(("lb", "lbu", "lh", "lhu", "lw"))
_STORES = frozenset(("sb", "sh", "sw"))
_BRANCHES = frozenset(("beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez"))
_JUMPS = frozenset(("jal", "jalr", "j", "jr", "ret"))
_DIVISIONS = frozenset(("div", "divu", "rem", "remu"))
DIVIDE = 19  # H4: 18, or 19 by the signs; the slower
JUMP = 2  # H2
_32_BITS = 4
# Zba, Zbb and Zbs, register-register and register-immediate, of which this capstone may know none:
# one cycle each (H1), whatever they write
_OP, _OP_IMM = 0x33, 0x13


@dataclass(frozen=True)
class Step:
    """What the rules need of one instruction: ``reads`` in its second stage, ``loads`` it brings.

    ``branch`` is "" or "conditional" or "jump"; ``backward``: it goes to a lower address.
    """

    cycles: int
    reads: frozenset[int] = frozenset()
    loads: frozenset[int] = frozenset()
    branch: str = ""
    backward: bool = False


class Hazard3:
    """Cycles of blocks on a Hazard3; each block is decoded once."""

    mispredicted = 1  # H3: of a branch that mostly goes back, when it does not

    def __init__(self) -> None:
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC
        )
        self._decoder.detail = True
        self._steps: dict[tuple[int, int], list[Step]] = {}

    def entry_cycles(self, block: Block, fallen_from: Block | None) -> int:
        """Cycles of the block but for the branch that ends it (see ``Timing``)."""
        steps = self.steps(block)
        before = self.steps(fallen_from)[-1] if fallen_from is not None else None
        total = 0
        for step in steps[:-1] if steps[-1].branch else steps:
            total += step.cycles + _waits(step, before)
            before = step
        # H5: a jump to an instruction of 32 bits that is not aligned to them fetches twice
        wide = block.code[0] & 3 == 3
        return total + (fallen_from is None and wide and block.address % _32_BITS != 0)

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """Cycles of the branch that ends the block (see ``Timing``)."""
        steps = self.steps(block)
        last = steps[-1]
        if not last.branch:
            return 0
        wait = _waits(last, steps[-2] if len(steps) > 1 else None)
        if last.branch == "jump":
            return JUMP + wait
        # H3: the last backward branch is predicted taken, all others are not
        return wait + (1 if not taken or last.backward else 2)

    def steps(self, block: Block) -> list[Step]:
        """The block's instructions as the rules see them; ToolError for one not covered."""
        key = (block.address, len(block.code))
        if key not in self._steps:
            self._steps[key] = [self._step(at, code) for at, code in block.parts()]
        return self._steps[key]

    def _step(self, address: int, code: bytes) -> Step:
        decoded = list(self._decoder.disasm(code, address))
        if not decoded:
            return _bits(address, code)
        instruction = decoded[0]
        name = str(instruction.mnemonic).removeprefix("c.")
        operands = [o.reg for o in instruction.operands if o.type == riscv.RISCV_OP_REG]
        base = [o.mem.base for o in instruction.operands if o.type == riscv.RISCV_OP_MEM]
        name = {"lwsp": "lw", "swsp": "sw"}.get(name, name)
        if name in _LOADS:
            return Step(1, frozenset(base), frozenset(operands[:1]))
        if name in _STORES:  # H6: data that is stored is needed a stage later
            return Step(1, frozenset(base))
        if name in _BRANCHES:
            back = _backward(instruction)
            return Step(1, frozenset(operands), branch="conditional", backward=back)
        if name in _JUMPS:
            return Step(JUMP, frozenset(operands), branch="jump")
        # a short one reads what it writes
        reads = frozenset(operands if len(code) == 2 else operands[1:])
        return Step(DIVIDE if name in _DIVISIONS else 1, reads)


def _waits(step: Step, before: Step | None) -> int:
    """H6: a cycle where an instruction needs what the one before it loads."""
    return int(before is not None and bool(before.loads & step.reads))


def _backward(instruction: Any) -> bool:
    offset = next(o.imm for o in instruction.operands if o.type == riscv.RISCV_OP_IMM)
    return int(offset) < 0


def _bits(address: int, code: bytes) -> Step:
    """An instruction of bit manipulation by its fields: registers at bits 15 and 20."""
    word = int.from_bytes(code, "little")
    if len(code) != _32_BITS or word & 0x7F not in (_OP, _OP_IMM):
        raise ToolError(f"The timing model cannot decode the instruction at {address:#010x}.")
    first, second = word >> 15 & 31, word >> 20 & 31
    reads = {first, second} if word & 0x7F == _OP else {first}
    return Step(1, frozenset(riscv.RISCV_REG_X0 + r for r in reads))
