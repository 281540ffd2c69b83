"""Stage ``lower``: IntGraph + Target -> KernelGraph: views, kernel calls, packed constants."""

from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelGraph
from microformer.graph.verify import verify_kernels
from microformer.lower.calls import Lowering
from microformer.lower.fuse import fuse
from microformer.lower.views import find_views
from microformer.targets import Target

__all__ = ["lower"]


def lower(graph: IntGraph, target: Target, *, isas: tuple[str, ...] | None = None) -> KernelGraph:
    """One kernel call an operation (one a part for Concat), none where a view will do.

    ``isas`` overrides the target's kernel families, best first; "ref" always fits.
    """
    graph = fuse(graph, isas or target.isas)
    views, aliases = find_views(graph)
    lowering = Lowering(graph, views, aliases, isas or target.isas, target.near_weights)
    for node in graph.nodes:
        lowering.add(node)
    outputs = tuple(lowering.whole(name) for name in graph.outputs)
    kernels = KernelGraph(
        name=graph.name,
        target=target.name,
        tensors=lowering.tensors,
        views=lowering.views,
        calls=tuple(lowering.calls),
        inputs=graph.inputs,
        outputs=outputs,
        cores=target.cores,
    )
    return verify_kernels(kernels)
