"""Which buffers lie in L1 and which in L2, and how the calls that touch those in L2 are tiled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from microformer.errors import TargetError
from microformer.graph.kernel_graph import KernelGraph
from microformer.kernels.costs import round8
from microformer.plan.blocks import Blocks, l1_blocks
from microformer.plan.tiling import Choice, TilingSpace, tiling_spaces


@dataclass(frozen=True)
class Attempt:
    """What follows if tensors lie ``in_l2``: how each call that touches them is done, what is over.

    ``over`` are the bytes that each call needs beyond the room, ``cycles`` those of tiled calls.
    """

    in_l2: frozenset[str]
    chosen: Mapping[int, tuple[TilingSpace, Choice]]
    over: Mapping[int, int]
    cycles: float


@dataclass
class Spill:
    """Searches for the buffers to keep in L2, for ``room`` bytes of L1 in all."""

    graph: KernelGraph
    spans: Mapping[str, tuple[int, int]]
    room: int
    l1_constants: frozenset[str]
    _spaces: dict[tuple[int, frozenset[str]], list[TilingSpace]] = field(default_factory=dict)

    def best(self) -> Attempt:
        """Buffers are moved out one by one, the least harmful first, until all fits; then back.

        Raises TargetError, naming the layer, if nothing more can be moved out.
        """
        attempt = self.attempt(frozenset())
        while attempt.over:
            worst = max(attempt.over, key=lambda i: attempt.over[i])
            further = [
                self.attempt(attempt.in_l2 | {n}) for n in self._movable(worst, attempt.in_l2)
            ]
            if not further:
                raise self._does_not_fit(worst, attempt)
            attempt = min(further, key=lambda a: (sum(a.over.values()), a.cycles))
        for name in sorted(attempt.in_l2, key=self._size):
            back = self.attempt(attempt.in_l2 - {name})
            if not back.over and back.cycles <= attempt.cycles:
                attempt = back
        return attempt

    def attempt(self, in_l2: frozenset[str]) -> Attempt:
        """The calls, each in the quickest way for which there is room."""
        in_l2 = self._together(in_l2)
        blocks = l1_blocks(self.graph, self.spans, in_l2)
        chosen: dict[int, tuple[TilingSpace, Choice]] = {}
        over: dict[int, int] = {}
        cycles = 0.0
        for index, call in enumerate(self.graph.calls):
            room = self.room - self._callers_l1(in_l2) - _alive(blocks, index)
            touched = frozenset(
                n for n in (*call.inputs, call.output) if self.graph.buffer(n) in in_l2
            )
            need = round8(call.scratch_bytes)
            if touched:
                ways = self._ways(index, touched)
                fitting = [(way, choice) for way in ways if (choice := way.best(room))]
                need = min(way.least() for way in ways)
                if fitting:
                    chosen[index] = min(fitting, key=lambda f: f[1].cycles)
                    cycles += chosen[index][1].cycles
                    continue
            if need > room:
                over[index] = need - room
        return Attempt(in_l2, chosen, over, cycles)

    def _together(self, in_l2: frozenset[str]) -> frozenset[str]:
        """All inputs lie in one memory, as a row of them does, and so do all outputs."""
        for ends in (frozenset(self.graph.inputs), frozenset(self.graph.outputs)):
            in_l2 |= ends if ends & in_l2 else frozenset()
        return in_l2

    def _ways(self, index: int, touched: frozenset[str]) -> list[TilingSpace]:
        key = (index, touched)
        if key not in self._spaces:
            call, graph = self.graph.calls[index], self.graph
            self._spaces[key] = tiling_spaces(
                call, graph.tensors, touched, graph.target, self.l1_constants
            )
        return self._spaces[key]

    def _size(self, name: str) -> int:
        return round8(self.graph.tensors[name].nbytes)

    def _callers_l1(self, in_l2: frozenset[str]) -> int:
        """Bytes of L1 that the caller's buffers take, at all times."""
        callers = {*self.graph.inputs, *self.graph.outputs}
        return sum(self._size(n) for n in callers - in_l2)

    def _movable(self, index: int, in_l2: frozenset[str]) -> Iterable[str]:
        """Buffers in L1 while call ``index`` runs."""
        callers = {*self.graph.inputs, *self.graph.outputs}
        alive = (n for n, (a, b) in self.spans.items() if a <= index <= b or n in callers)
        return sorted(n for n in alive if n not in in_l2)

    def _does_not_fit(self, index: int, attempt: Attempt) -> TargetError:
        call = self.graph.calls[index]
        need = self.room + attempt.over[index]
        return TargetError(
            f"'{self.graph.name}' does not fit into L1 of {self.graph.target.name}: layer "
            f"'{call.name}' ({call.op} {call.shape}) needs {need:,} bytes there at once, even in "
            f"its smallest blocks, and there are {self.room:,}; choose a smaller model."
        )


def _alive(blocks: Blocks, index: int) -> int:
    """Bytes of the arena that buffers take during a call."""
    return sum(round8(b.size_bytes) for b in blocks.blocks.values() if b.first <= index <= b.last)
