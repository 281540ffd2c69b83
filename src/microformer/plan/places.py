"""Offsets for every buffer and scratch, in L1 and in L2."""

from collections.abc import Mapping
from dataclasses import replace

from microformer.graph.kernel_graph import KernelCall, KernelGraph, Plan
from microformer.kernels.costs import round8
from microformer.plan.arena import Block, place
from microformer.plan.blocks import far_blocks, near_blocks
from microformer.plan.tile import Choice, Tiling


def tiled(graph: KernelGraph, chosen: Mapping[int, tuple[Tiling, Choice]]) -> KernelGraph:
    """``graph`` with the calls ``chosen`` done by blocks."""
    calls = list(graph.calls)
    for index, (tiling, choice) in chosen.items():
        call: KernelCall = calls[index]
        calls[index] = replace(call, tile=tiling.tile(choice), scratch_bytes=choice.nbytes)
    return replace(graph, calls=tuple(calls))


def placed(graph: KernelGraph, spans: Mapping[str, tuple[int, int]], far: frozenset[str]) -> Plan:
    """Offsets of all buffers; those of ``far`` in L2, or kept there by the caller."""
    near, distant = near_blocks(graph, spans, far), far_blocks(graph, spans, far)
    blocks = dict(near.blocks)
    for index, call in enumerate(graph.calls):
        if call.scratch_bytes:
            blocks[_scratch(index)] = Block(index, index, call.scratch_bytes)
    places, arena_bytes = place(blocks)
    far_places, far_bytes = place(distant.blocks)
    return Plan(
        graph=graph,
        offsets={name: places[head] for name, head in near.owner.items()},
        lifetimes={name: spans[name] for name in (*near.owner, *distant.owner)},
        scratch_offsets=tuple(places.get(_scratch(i), -1) for i in range(len(graph.calls))),
        arena_bytes=round8(arena_bytes),
        far_offsets={name: far_places[head] for name, head in distant.owner.items()},
        far_bytes=round8(far_bytes),
        far_outside=far & {*graph.inputs, *graph.outputs},
    )


def _scratch(index: int) -> str:
    """A block name that no tensor can have (tensor names are never empty before a newline)."""
    return f"\n{index}"
