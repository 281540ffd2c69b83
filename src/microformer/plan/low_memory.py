"""Where RAM is short: kernels that need less working memory, only where they are needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from microformer.graph.kernel_graph import KernelCall, KernelGraph, Plan
from microformer.kernels.prices import cycles
from microformer.kernels.registry import candidates, kernel_of
from microformer.plan.blocks import l1_blocks
from microformer.plan.places import placed

_ATTEMPTS = 16


@dataclass(frozen=True)
class Way:
    """A call with another kernel, and the cycles that the registry expects of it."""

    call: KernelCall
    cycles: float


def with_less_memory(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], quickest: Plan, room: int
) -> Plan:
    """``quickest``, or a plan of the same calls by other kernels whose arena is ``room`` bytes.

    Calls that need more than the room at once take the quickest kernel of less working memory
    that fits; where gaps between buffers still leave too much, the room is taken to be smaller.
    At the end each call has its own kernel back if the arena stays within the room. If nothing
    fits, the plan of the smallest arena, so that what is said to be missing is what is missing.
    """
    best, tighter = quickest, room
    for _ in range(_ATTEMPTS):
        if best.arena_bytes <= room:
            return _restored(quickest.graph, spans, best, room)
        made = placed(_within(graph, spans, tighter), spans, frozenset())
        if made.arena_bytes < best.arena_bytes:
            best = made
        tighter -= max(made.arena_bytes - room, room // _ATTEMPTS)
    return best


def _within(graph: KernelGraph, spans: Mapping[str, tuple[int, int]], room: int) -> KernelGraph:
    """``graph`` with other kernels wherever buffers and scratch of a call exceed ``room``."""
    blocks = l1_blocks(graph, spans, frozenset()).blocks.values()
    calls = []
    for index, call in enumerate(graph.calls):
        left = room - sum(b.size_bytes for b in blocks if b.first <= index <= b.last)
        calls.append(call if call.scratch_bytes <= left else _smaller(call, graph, left))
    return replace(graph, calls=tuple(calls))


def _smaller(call: KernelCall, graph: KernelGraph, left: int) -> KernelCall:
    """The quickest way of ``call`` with ``left`` bytes of scratch, or that with the least."""
    ways = [Way(call, 0.0), *other_ways(call, graph)]
    fitting = [w for w in ways if w.call.scratch_bytes <= left]
    if fitting:
        return min(fitting, key=lambda w: w.cycles).call
    return min(ways, key=lambda w: w.call.scratch_bytes).call


def other_ways(call: KernelCall, graph: KernelGraph) -> Iterator[Way]:
    """The same call by other kernels of its own instruction set or the reference."""
    kernel = kernel_of(call.symbol)
    if call.node is None or kernel.pack is not None:
        return
    op, output = call.node.op, graph.tensors[call.node.output]
    inputs = tuple(graph.tensors[n] if n else None for n in call.node.inputs)
    for other in candidates(op, inputs, output, graph.target, (kernel.isa, "ref")):
        if other is not kernel and other.pack is None:
            changed = replace(
                call,
                symbol=other.symbol,
                scratch_bytes=other.scratch(op, inputs, output, graph.target),
                inplace=other.inplace_operands(inputs, output),
                streams=other.streams,
                all_cores=other.all_cores,
                pitched=other.pitched,
            )
            yield Way(changed, cycles(other, op, inputs, output, graph.target))


def _restored(
    quickest: KernelGraph, spans: Mapping[str, tuple[int, int]], made: Plan, room: int
) -> Plan:
    """``made`` with those calls of ``quickest`` put back for which there is room."""
    for index, call in enumerate(quickest.calls):
        if made.graph.calls[index] is call:
            continue
        calls = list(made.graph.calls)
        calls[index] = call
        back = placed(replace(made.graph, calls=tuple(calls)), spans, frozenset())
        if back.arena_bytes <= room:
            made = back
    return made
