"""The blocks of memory that buffers of one arena need, some of them shared by two buffers."""

from collections.abc import Mapping
from dataclasses import dataclass

from microformer.graph.kernel_graph import KernelGraph
from microformer.plan.arena import Block


@dataclass(frozen=True)
class Blocks:
    """``blocks`` by name; ``owner`` gives for each buffer the block that it lies in."""

    blocks: dict[str, Block]
    owner: dict[str, str]


def l1_blocks(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], in_l2: frozenset[str]
) -> Blocks:
    """The blocks of the arena in L1: for all buffers but the caller's and those ``in_l2``."""
    callers = {*graph.inputs, *graph.outputs}
    return _shared(graph, spans, [n for n in spans if n not in callers and n not in in_l2])


def l2_blocks(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], in_l2: frozenset[str]
) -> Blocks:
    """The blocks of the arena in L2: for all buffers ``in_l2`` that are not the caller's."""
    callers = {*graph.inputs, *graph.outputs}
    return _shared(graph, spans, [n for n in spans if n in in_l2 and n not in callers])


def _shared(graph: KernelGraph, spans: Mapping[str, tuple[int, int]], names: list[str]) -> Blocks:
    """An output takes over the place of an input that dies in the same call, if it may."""
    blocks = {n: Block(*spans[n], graph.tensors[n].nbytes) for n in names}
    owner = {n: n for n in names}
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
    return Blocks(blocks, owner)
