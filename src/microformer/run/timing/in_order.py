"""A core that issues in order, several instructions a cycle where units and operands allow it.

The state is a scoreboard: when each register can be read, and which units the current cycle has
left. What an instruction needs is an ``Issue``; a core's file makes them from machine code.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import capstone

from microformer.errors import ToolError
from microformer.run.timing.block import Block


@dataclass(frozen=True)
class Issue:
    """What the scoreboard needs of one instruction.

    ``units`` are those it occupies, one each. ``reads`` are (register, advance): the operand is
    needed ``advance`` cycles after the stage in which simple operations execute (negative:
    before). ``writes`` are (register, latency). ``alone``: it shares its cycle with no other and
    takes ``cycles``. ``first``: none may go before it in its cycle. ``done`` is its latency where
    it writes no register. ``holds``: for how many cycles its units are its own.
    """

    units: tuple[str, ...] = ()
    reads: tuple[tuple[int, int], ...] = ()
    writes: tuple[tuple[int, int], ...] = ()
    alone: bool = False
    first: bool = False
    cycles: int = 1
    done: int = 1
    holds: int = 1


@dataclass(frozen=True)
class Core:
    """``width`` instructions a cycle, and how many there are of each unit.

    Results are written in program order, as llvm-mca has it for cores that issue in order: an
    instruction waits until its first result would not overtake the last one before it.
    """

    width: int
    units: Mapping[str, int]

    def cycles(self, issues: Iterable[Issue]) -> int:
        """Cycles in which ``issues`` are issued, all registers being ready at the start."""
        now, placed = 0, 0
        used: Counter[str] = Counter()
        ready: dict[int, int] = {}
        written = 0
        held: dict[str, int] = {}
        for issue in issues:
            latencies = [latency for _, latency in issue.writes] or [issue.done]
            wanted = max((ready[r] - a for r, a in issue.reads if r in ready), default=0)
            wanted = max(wanted, written - min(latencies) - issue.cycles + 1)
            wanted = max([wanted, *(held.get(u, 0) for u in issue.units)])
            if wanted > now:
                now, placed, used = wanted, 0, Counter()
            if placed and not self._fits(issue, placed, used):
                now, placed, used = now + 1, 0, Counter()
            for register, latency in issue.writes:
                ready[register] = now + latency + issue.cycles - 1
            if issue.holds > 1:
                held.update(dict.fromkeys(issue.units, now + issue.holds))
            written = max(written, now + max(latencies) + issue.cycles - 1)
            if issue.alone:
                now, placed, used = now + issue.cycles, 0, Counter()
            else:
                placed += 1
                used.update(issue.units)
        return now + (placed > 0)

    def _fits(self, issue: Issue, placed: int, used: Counter[str]) -> bool:
        if issue.alone or issue.first or placed == self.width:
            return False
        return all(used[u] < self.units[u] for u in issue.units)

    def after(self, issues: Sequence[Issue], before: Sequence[Issue]) -> int:
        """Cycles that ``issues`` add behind ``before``."""
        return self.cycles([*before, *issues]) - self.cycles(before)


class InOrder(ABC):
    """Cycles of blocks on a core of this kind; each block is decoded once.

    A core's file says what its instructions need (``decode``) and what leaving a block adds.
    """

    core: Core
    mispredicted: int
    modes = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS

    def __init__(self) -> None:
        self._decoder = capstone.Cs(capstone.CS_ARCH_ARM, self.modes)
        self._decoder.detail = True
        self._issues: dict[Block, Sequence[Issue]] = {}
        self._known: dict[tuple[Block, Block | None], int] = {}

    def entry_cycles(self, block: Block, fallen_from: Block | None) -> int:
        """Cycles of the block (see ``Timing``), its branch among them: it may pair."""
        key = (block, fallen_from)
        if key not in self._known:
            before = self.issues(fallen_from) if fallen_from is not None else []
            self._known[key] = self.core.after(self.issues(block), before)
        return self._known[key]

    @abstractmethod
    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """What leaving the block by a branch adds."""

    @abstractmethod
    def decode(self, address: int, code: bytes) -> Issue:
        """What one instruction needs; ToolError for one that is not covered."""

    def issues(self, block: Block) -> Sequence[Issue]:
        """The block's instructions as the rules see them."""
        if block not in self._issues:
            self._issues[block] = [self.decode(*part) for part in block.parts()]
        return self._issues[block]

    def disassembled(self, address: int, code: bytes) -> Any:
        """capstone's view of one instruction; ToolError if it has none."""
        for instruction in self._decoder.disasm(code, address):
            return instruction
        raise ToolError(f"The timing model cannot decode the instruction at {address:#010x}.")
