"""The Cortex-M55: one instruction a cycle, two narrow ones now and then, vectors in two beats.

Pipes and latencies are those of LLVM's scheduling model of the core (ARMScheduleM55.td, LLVM 19),
restated as rules V1 to V9 of docs/timing.md. Tightly coupled memory, no wait states.
"""

from typing import Any

import capstone
from capstone import arm

from microformer.run.timing import helium
from microformer.run.timing.block import Block
from microformer.run.timing.in_order import Core, InOrder, Issue

CORE = Core(
    2, {"alu": 1, "memory": 1, "integer": 1, "product": 1, "system": 1, "second": 1, "flags": 1}
)
TAKEN = 2  # V6: the pipeline is filled anew, as on the M4
LOOP_END = 0  # V7: LE and LETP, once the loop cache knows them
DIVIDE = 12

_FLAGS = -1
_LINK = 14
_CORE_REGISTERS = {getattr(arm, f"ARM_REG_R{i}"): i for i in range(13)} | {
    arm.ARM_REG_SP: 13,
    arm.ARM_REG_LR: 14,
    arm.ARM_REG_PC: 15,
}
_SECOND = frozenset(["nop", "it", "b", "add", "sub", "mov", "uxtb", "uxth", "sxtb", "sxth"])
_LOADS = ("ldr",)
_MULTIPLE = frozenset(["ldm", "ldmdb", "stm", "stmdb", "push", "pop", "ldrd", "strd"])
_SLOW = ("mul", "mla", "mls", "smul", "smla", "smull", "sml", "smm", "umull", "umla", "umaal")
_SLOW_NAMES = frozenset(["ssat", "usat", "bfi", "bfc", "sbfx", "ubfx"])


class CortexM55(InOrder):
    """Cycles of blocks on a Cortex-M55."""

    core = CORE
    mispredicted = 0  # it predicts none but loops of LE
    modes = InOrder.modes | capstone.CS_MODE_V8

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """What leaving the block by a branch adds."""
        if not taken:
            return 0
        *_, (_, last) = block.parts()
        return LOOP_END if _is_loop_end(_word(last)) else TAKEN

    def decode(self, address: int, code: bytes) -> Issue:
        """What one instruction needs; ToolError for one that is not covered."""
        wide = _wide(_word(code)) if len(code) == 4 else None
        return wide or _scalar(self.disassembled(address, code), len(code) == 2)


def _word(code: bytes) -> int:
    """The bits of an instruction, the first halfword uppermost."""
    word = int.from_bytes(code[:2], "little")
    return word if len(code) == 2 else word << 16 | int.from_bytes(code[2:], "little")


def _wide(word: int) -> Issue | None:
    """What capstone does not know: loops, vectors, conditional selection."""
    if _is_loop_end(word):
        return Issue((), ((_LINK, 0),), ((_LINK, 1),), alone=True)  # V7
    if word & 0xFF00F001 in (0xF000E001, 0xF000C001):
        return Issue(("alu",), ((word >> 16 & 15, 0),), ((_LINK, 1),), alone=True)
    if helium.is_vector(word):
        return helium.issue(word)
    if word & 0xFFF08000 == 0xEA508000:  # CSEL and its family
        sources = ((word & 15, 0), (word >> 16 & 15, 0), (_FLAGS, 0))
        return Issue(("alu",), sources, ((word >> 8 & 15, 1),), alone=True)
    return None


def _is_loop_end(word: int) -> bool:
    """LE and LETP."""
    return word & 0xFFCFF001 == 0xF00FC001


def _scalar(instruction: Any, narrow: bool) -> Issue:
    """An instruction of the core proper."""
    name = str(instruction.insn_name())
    reads, writes = instruction.regs_access()
    sources = {_CORE_REGISTERS[r] for r in reads if r in _CORE_REGISTERS}
    if name in ("ssat", "usat"):
        sources.add(_CORE_REGISTERS[instruction.operands[2].reg])  # capstone leaves it out
    wanted = tuple((r, 0) for r in sorted(sources))
    latency, cycles = 1, 1
    if name.startswith(_LOADS) or name.startswith(_SLOW) or name in _SLOW_NAMES:
        latency = 2  # V2, V3
    elif any(o.shift.type for o in instruction.operands) and not narrow:
        latency = 2
    if name in _MULTIPLE:
        operands = len(instruction.operands)
        count = 2 if name in ("ldrd", "strd") else operands - (name not in ("push", "pop"))
        latency, cycles = 2, count  # V4
    elif name in ("sdiv", "udiv"):
        cycles = DIVIDE
    elif name in ("tbb", "tbh"):
        cycles = 3
    made = [(_CORE_REGISTERS[r], latency) for r in writes if r in _CORE_REGISTERS]
    if instruction.update_flags:
        made.append((_FLAGS, 1))
    if instruction.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID):
        wanted = (*wanted, (_FLAGS, 0))
    alone = not narrow or cycles > 1
    unit = "second" if narrow and name in _SECOND else "alu"  # V5
    return Issue((unit,), wanted, tuple(made), alone=alone, cycles=cycles)
