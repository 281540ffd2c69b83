"""Stage ``plan``: KernelGraph + Target -> Plan: a place for every buffer, tiles where L1 ends."""

from collections.abc import Mapping
from dataclasses import replace

from microformer.errors import TargetError
from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.kernels.costs import round8
from microformer.plan.check import check
from microformer.plan.lifetime import lifetimes
from microformer.plan.low_memory import with_less_memory
from microformer.plan.places import placed, tiled
from microformer.plan.second import over_both
from microformer.plan.spill import Spill
from microformer.targets import Target

__all__ = ["plan"]

_ATTEMPTS = 32


def plan(
    graph: KernelGraph, target: Target | None = None, in_l2: frozenset[str] | None = None
) -> Plan:
    """Offsets of all buffers and scratch of ``graph``, checked never to overlap while alive.

    The graph's input and output live in the caller's memory, not in the arena. An output takes
    over the place of an input that dies in the same call where the kernel allows it. On a cluster
    ``target`` with an L1 that is too small for it all, buffers are moved to L2, and the calls that
    touch them are done tile by tile. Given ``in_l2``, which of the caller's buffers lie in L2, none
    is moved: its calls stream. Raises TargetError if it still does not fit. On another ``target``
    a second RAM takes whole buffers, and calls take kernels of less working memory, where its RAM
    demands it.
    """
    spans = lifetimes(graph)
    result = placed(graph, spans, in_l2 or frozenset())
    if target is not None and target.is_cluster:
        room = target.buffer_bytes()
        in_l1 = _constants(graph) if target.weights == "l1" else frozenset()
        room -= sum(round8(graph.tensors[n].nbytes) for n in in_l1)
        if room < 0:
            raise TargetError(
                f"The constants of '{graph.name}' exceed L1 of {target.name} by {-room:,} bytes; "
                "leave the weights in L2."
            )
        if in_l2 is None:
            result = _within(graph, spans, result, room, in_l1)
        elif (over := _l1_bytes(result) - room) > 0:
            raise TargetError(f"'{graph.name}' exceeds L1 of {target.name} by {over:,} bytes.")
        result = replace(result, l1_constants=in_l1)
    elif target is not None and not target.is_host:
        result = _in_rams(graph, spans, result, target)
    check(result)
    return result


def _in_rams(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], quickest: Plan, target: Target
) -> Plan:
    """``quickest`` where it fits, else over two RAMs, else with kernels of less memory."""
    room = target.buffer_bytes() - _caller_l1_bytes(quickest)
    weights, other = target.weights_memory(), target.second_ram()
    size = sum(round8(graph.tensors[name].nbytes) for name in _constants(graph))
    room -= size * (weights is not None and weights == target.data_memory()[1])
    second = 0 if other is None else other.size_bytes - size * (weights == other)
    if quickest.arena_bytes <= room:
        return quickest
    if second > 0 and (both := over_both(graph, spans, room, second)):
        return both
    smaller = with_less_memory(graph, spans, quickest, room)
    if smaller.arena_bytes > room and second > 0:
        return over_both(smaller.graph, spans, room, second) or smaller
    return smaller


def _constants(graph: KernelGraph) -> frozenset[str]:
    """All that the calls read."""
    return frozenset(str(a.value) for call in graph.calls for a in call.args if a.kind == "const")


def _within(
    graph: KernelGraph,
    spans: Mapping[str, tuple[int, int]],
    result: Plan,
    room: int,
    l1_constants: frozenset[str],
) -> Plan:
    """The plan with as much in L2 as brings it into ``room`` bytes of L1."""
    tighter = room
    for _ in range(_ATTEMPTS):
        over = _l1_bytes(result) - room
        if over <= 0:
            break
        if result.caller_l2 or result.l2_offsets:
            # gaps between the buffers, which a slightly smaller room need not close
            tighter -= max(over, room // _ATTEMPTS)
        attempt = Spill(graph, spans, tighter, l1_constants).best()
        result = placed(tiled(graph, attempt.chosen), spans, attempt.in_l2)
    return result


def _l1_bytes(result: Plan) -> int:
    """Bytes of L1: the arena and those buffers of the caller's that lie there."""
    return result.arena_bytes + _caller_l1_bytes(result)


def _caller_l1_bytes(result: Plan) -> int:
    """Bytes of the caller's buffers that do not lie in L2."""
    tensors = result.graph.tensors
    callers = {*result.graph.inputs, *result.graph.outputs} - result.caller_l2
    return sum(round8(tensors[n].nbytes) for n in callers)
