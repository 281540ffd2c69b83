"""Stage ``lower``: IntGraph + Target -> KernelGraph: views, kernel calls, packed constants."""

from dataclasses import replace

from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelGraph
from microformer.graph.verify import verify_kernels
from microformer.kernels.registry import check_isas
from microformer.lower.calls import Lowering
from microformer.lower.fuse import fuse
from microformer.lower.views import find_views
from microformer.targets import Target

__all__ = ["lower"]


def lower(
    graph: IntGraph,
    target: Target,
    *,
    isas: tuple[str, ...] | None = None,
    preferred: frozenset[str] = frozenset(),
) -> KernelGraph:
    """One kernel call an operation (one a part for Concat), none where a view will do.

    ``isas`` overrides the target's instruction sets, best first; "ref" always fits. Kernels whose
    symbols are ``preferred`` are taken wherever they fit, and nothing else is fused then. Raises
    TargetError where there are no kernels of one of them.
    """
    target = target if isas is None else replace(target, isas=isas)
    check_isas(target)
    graph = fuse(graph, target, preferred)
    views, aliases = find_views(graph)
    lowering = Lowering(graph, views, aliases, target, preferred)
    for node in graph.nodes:
        lowering.add(node)
    outputs = tuple(lowering.whole(name) for name in graph.outputs)
    kernels = KernelGraph(
        name=graph.name,
        target=target,
        tensors=lowering.tensors,
        views=lowering.views,
        calls=tuple(lowering.calls),
        inputs=graph.inputs,
        outputs=outputs,
        kind=graph.kind,
        states=tuple((read, lowering.whole(written)) for read, written in graph.states),
    )
    return verify_kernels(kernels)
