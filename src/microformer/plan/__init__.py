"""Stage ``plan``: KernelGraph + Target -> Plan: a place in the arena for every buffer."""

from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.plan.arena import ALIGNMENT, Block, place
from microformer.plan.check import check
from microformer.plan.lifetime import lifetimes

__all__ = ["plan"]


def plan(graph: KernelGraph) -> Plan:
    """Offsets of all buffers and scratch of ``graph``, checked never to overlap while alive.

    The graph's input and output live in the caller's memory, not in the arena. An output takes
    over the place of an input that dies in the same call where the kernel allows it.
    """
    spans = lifetimes(graph)
    blocks: dict[str, Block] = {}
    owner: dict[str, str] = {}
    outside = {*graph.inputs, *graph.outputs}
    for name, span in spans.items():
        if name not in outside:
            blocks[name] = Block(span[0], span[1], graph.tensors[name].nbytes)
            owner[name] = name
    for index, call in enumerate(graph.calls):
        heir = call.output
        if heir not in blocks or spans[heir][0] != index:
            continue
        for source in call.inplace:
            if source not in owner or spans[source][1] != index or source in graph.views:
                continue
            if graph.tensors[source].nbytes < graph.tensors[heir].nbytes:
                continue
            head = owner[source]
            blocks[head] = blocks[head].extended(spans[heir][1])
            del blocks[heir]
            owner[heir] = head
            break
    for index, call in enumerate(graph.calls):
        if call.scratch_bytes:
            blocks[_scratch(index)] = Block(index, index, call.scratch_bytes)
    places, arena_bytes = place(blocks)
    result = Plan(
        graph=graph,
        offsets={name: places[head] for name, head in owner.items()},
        lifetimes={name: spans[name] for name in owner},
        scratch_offsets=tuple(places.get(_scratch(i), -1) for i in range(len(graph.calls))),
        arena_bytes=-(-arena_bytes // ALIGNMENT) * ALIGNMENT,
    )
    check(result)
    return result


def _scratch(index: int) -> str:
    """A block name that no tensor can have (tensor names are never empty before a newline)."""
    return f"\n{index}"
