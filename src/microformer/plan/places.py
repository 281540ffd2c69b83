"""Offsets for every buffer and scratch, in L1 and in L2."""

from collections.abc import Mapping
from dataclasses import replace

from microformer.graph.kernel_graph import KernelCall, KernelGraph, Plan
from microformer.kernels.costs import round8
from microformer.plan.arena import Block, place
from microformer.plan.blocks import l1_blocks, l2_blocks
from microformer.plan.tiling import Choice, TilingSpace


def tiled(graph: KernelGraph, chosen: Mapping[int, tuple[TilingSpace, Choice]]) -> KernelGraph:
    """``graph`` with the calls ``chosen`` done tile by tile."""
    calls = list(graph.calls)
    for index, (tiling, choice) in chosen.items():
        call: KernelCall = calls[index]
        calls[index] = replace(call, tiling=tiling.tiling(choice), scratch_bytes=choice.nbytes)
    return replace(graph, calls=tuple(calls))


def placed(graph: KernelGraph, spans: Mapping[str, tuple[int, int]], in_l2: frozenset[str]) -> Plan:
    """Offsets of all buffers; those ``in_l2`` lie there, or are kept there by the caller."""
    here, there = l1_blocks(graph, spans, in_l2), l2_blocks(graph, spans, in_l2)
    blocks = dict(here.blocks)
    for index, call in enumerate(graph.calls):
        if call.scratch_bytes:
            blocks[_scratch(index)] = Block(index, index, call.scratch_bytes)
    places, arena_bytes = place(blocks)
    l2_places, l2_bytes = place(there.blocks)
    return Plan(
        graph=graph,
        offsets={name: places[head] for name, head in here.owner.items()},
        lifetimes={name: spans[name] for name in (*here.owner, *there.owner)},
        scratch_offsets=tuple(places.get(_scratch(i), -1) for i in range(len(graph.calls))),
        arena_bytes=round8(arena_bytes),
        l2_offsets={name: l2_places[head] for name, head in there.owner.items()},
        l2_bytes=round8(l2_bytes),
        caller_l2=in_l2 & {*graph.inputs, *graph.outputs},
    )


def _scratch(index: int) -> str:
    """A block name that no tensor can have (tensor names are never empty before a newline)."""
    return f"\n{index}"
