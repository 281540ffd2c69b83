"""The Cortex-M7: two instructions a cycle, in order, predicted branches.

Units, latencies and which instructions pair are those of LLVM's scheduling model of the core
(ARMScheduleM7.td, LLVM 14), restated as rules U1 to U12 of docs/timing.md; tests compare them
with llvm-mca where it is installed. Caches always hit.
"""

from dataclasses import replace
from typing import Any

from capstone import arm

from microformer.errors import ToolError
from microformer.run.timing.block import Block
from microformer.run.timing.in_order import Core, InOrder, Issue

CORE = Core(
    2, {"load": 2, "store": 1, "alu": 2, "mac": 1, "branch": 1, "simd": 1, "shift": 1, "flags": 1}
)
TAKEN = 1  # U9: a branch predicted taken: the fetch starts anew
DIVIDE = 12  # U8: 2 to 12, by the operands; the slowest, as on the M4

_EARLY, _LATE = -1, 1  # an operand needed a stage before, or behind, the ALUs
_FLAGS = -1  # as a register; one instruction a cycle sets them
_WORD, _SLOW = 1, 2  # latencies: of a word load and an ALU; of narrow loads and products
_WORD_LOADS = frozenset(("ldr", "ldrt", "ldrex"))
_NARROW_LOADS = frozenset(
    ["ldrb", "ldrh", "ldrsb", "ldrsh", "ldrbt", "ldrht", "ldrsbt", "ldrsht", "ldrexb", "ldrexh"]
)
_STORES = frozenset(["str", "strb", "strh", "strt", "strbt", "strht", "strex", "strexb", "strexh"])
_MULTIPLE = frozenset(["ldm", "ldmdb", "stm", "stmdb", "push", "pop", "ldrd", "strd"])
_BRANCHES = frozenset(["b", "bl", "bx", "blx", "cbz", "cbnz"])
_TABLE_BRANCHES = frozenset(("tbb", "tbh"))
_MAC_PREFIXES = ("mul", "mla", "mls", "smul", "smla", "smls", "smm", "smu", "sml", "umul", "umla")
_DIVIDES = frozenset(("sdiv", "udiv"))
_SLOT0 = frozenset(("clz", "bfi", "bfc"))
_SIMD_FAST = ("sxt", "uxt", "sadd", "ssub", "uadd", "usub", "shadd", "shsub", "uhadd", "uhsub")
_SIMD_FAST_NAMES = frozenset(("sel", "sasx", "ssax", "uasx", "usax"))
_SIMD_EARLY = frozenset(("rbit", "rev", "rev16", "revsh", "sbfx", "ubfx"))
_SIMD_SLOW = frozenset(
    ["usad8", "usada8", "qadd", "qsub", "qdadd", "qdsub", "qadd8", "qadd16", "qsub8", "qsub16"]
)
_SYSTEM = frozenset(["mrs", "msr", "cps", "isb", "dsb", "dmb"])


class CortexM7(InOrder):
    """Cycles of blocks on a Cortex-M7."""

    core = CORE
    mispredicted = 4  # U10: MispredictPenalty of LLVM's model

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """What leaving the block by a branch adds."""
        return TAKEN if taken else 0

    def decode(self, address: int, code: bytes) -> Issue:
        """What one instruction needs; ToolError for one that is not covered."""
        return _issue(self.disassembled(address, code))


def _issue(instruction: Any) -> Issue:
    """Classify one decoded instruction."""
    name = str(instruction.insn_name())
    if name.startswith("v"):
        raise ToolError(
            f"The timing model knows no floating point, and there is '{instruction.mnemonic}' at "
            f"{instruction.address:#010x}."
        )
    if name in _WORD_LOADS | _NARROW_LOADS | _STORES | _MULTIPLE | _TABLE_BRANCHES:
        return _memory(instruction, name)
    if name in _BRANCHES:
        return Issue(("branch",), _reads(instruction, 0))  # U9
    if name in _DIVIDES:
        return Issue((), _reads(instruction, 0), _writes(instruction, 1), True, cycles=DIVIDE)
    if name in _SYSTEM:
        return Issue((), _reads(instruction, 0), _writes(instruction, 1), True, cycles=3)  # U11
    issue = _data(instruction, name)
    if instruction.update_flags:
        units, writes = (*issue.units, "flags"), (*issue.writes, (_FLAGS, 1))
        issue = replace(issue, units=units, writes=writes)
    if instruction.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID):
        issue = replace(issue, reads=(*issue.reads, (_FLAGS, 0)))
    return issue


def _data(instruction: Any, name: str) -> Issue:
    """Operations on registers: U1, U3 to U5."""
    if name.startswith(_MAC_PREFIXES):
        return Issue(("mac",), _product_reads(instruction, name), _writes(instruction, _SLOW))
    if name in ("ssat", "usat", "ssat16", "usat16"):
        source = ((instruction.operands[2].reg, _EARLY),)  # capstone does not say that it is read
        return replace(_simd(instruction, _SLOW, _EARLY), reads=source)
    if name in _SIMD_EARLY:
        return _simd(instruction, 0 if name.startswith("r") else 1, _EARLY)
    if name.startswith("pkh") or name.startswith(("sxta", "uxta")):
        return _simd(instruction, 1, 0, shifted=_EARLY)
    if name.startswith(_SIMD_FAST) or name in _SIMD_FAST_NAMES:
        return _simd(instruction, 1, 0, shifter=False)
    if name in _SIMD_SLOW:
        return _simd(instruction, _SLOW, 0, shifter=False)
    if name in _SLOT0:
        return Issue(("alu",), _reads(instruction, 0), _writes(instruction, 1), first=True)
    if name in ("lsl", "lsr", "asr", "ror"):
        return Issue(("alu", "shift"), _reads(instruction, 0), _writes(instruction, 1))
    shifted = any(o.shift.type for o in instruction.operands)
    units = ("alu", "shift") if shifted else ("alu",)
    late = 2 if shifted and name in ("cmp", "cmn", "tst", "teq") else 1
    return Issue(units, _reads(instruction, 0, _EARLY), _writes(instruction, late))


def _simd(
    instruction: Any, latency: int, advance: int, *, shifted: int = 0, shifter: bool = True
) -> Issue:
    """The DSP extension: one a cycle, and the first of its cycle (U5)."""
    units = ("simd", "alu", "shift") if shifter else ("simd", "alu")
    reads = _reads(instruction, advance)
    if shifted:  # the last operand is the one that is shifted or extended
        last = instruction.operands[-1].reg
        reads = tuple((r, shifted if r == last else a) for r, a in reads)
    return Issue(units, reads, _writes(instruction, latency), first=True)


def _memory(instruction: Any, name: str) -> Issue:
    """Loads and stores: U2, U6, U7."""
    address: set[int] = set()
    for operand in instruction.operands:
        if operand.type == arm.ARM_OP_MEM:
            address |= {operand.mem.base, operand.mem.index} - {0}
    reads, writes = instruction.regs_access()
    if name in ("push", "pop"):
        address = {arm.ARM_REG_SP}
    elif name in _MULTIPLE and not address:
        address = {instruction.operands[0].reg}
    wanted = tuple((r, _EARLY if r in address else _LATE) for r in reads)
    updated = tuple((r, 0) for r in writes if r in address)
    slow = _SLOW if name in _NARROW_LOADS else _WORD
    loaded = tuple((r, slow) for r in writes if r not in address)
    if name in _TABLE_BRANCHES:
        return Issue((), wanted, (), alone=True, cycles=2)
    if name in _MULTIPLE:
        operands = len(instruction.operands)
        count = 2 if name in ("ldrd", "strd") else operands - (name not in ("push", "pop"))
        is_load = name in ("ldm", "ldmdb", "pop", "ldrd")
        cycles = -(-count // 2) if is_load else count  # U7: two words a cycle in, one out
        return Issue((), wanted, (*updated, *loaded), alone=True, cycles=cycles)
    unit = "store" if name in _STORES else "load"
    return Issue((unit,), wanted, (*updated, *loaded), first=name.endswith("ex"))


def _reads(
    instruction: Any, advance: int, shifted: int | None = None
) -> tuple[tuple[int, int], ...]:
    """Registers read; one that is shifted on the way is needed at ``shifted``."""
    early = {o.reg for o in instruction.operands if o.type == arm.ARM_OP_REG and o.shift.type}
    advances = dict.fromkeys(instruction.regs_access()[0], advance)
    if shifted is not None:
        advances |= dict.fromkeys(early, shifted)
    return tuple(advances.items())


def _writes(instruction: Any, latency: int) -> tuple[tuple[int, int], ...]:
    return tuple((r, latency) for r in instruction.regs_access()[1])


def _product_reads(instruction: Any, name: str) -> tuple[tuple[int, int], ...]:
    """Products take what they add to a stage later (U4)."""
    reads = _reads(instruction, 0)
    registers = [o.reg for o in instruction.operands]
    if name in ("smlal", "umlal", "umaal") or name.startswith(("smlald", "smlsld")):
        late = set(registers[:2])
    else:
        late = set(registers[3:])
    late -= (
        set(registers[2:4]) if len(registers) == 4 and name.startswith(("smlal", "u")) else set()
    )
    late -= set(registers[1:3]) if name not in ("smlal", "umlal", "umaal") else set()
    return tuple((r, _LATE if r in late else a) for r, a in reads)
