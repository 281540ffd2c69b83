"""Rewriting of IntGraphs that keeps every output bit."""

from collections.abc import Callable
from dataclasses import replace

from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import constant
from microformer.graph.verify import verify
from microformer.quantize.passes.layout import label_sources, sink_transposes

Pass = Callable[[IntGraph], tuple[IntGraph, bool]]


def fuse_luts(graph: IntGraph) -> tuple[IntGraph, bool]:
    """A Table becomes part of the Linear or Conv2d before it, if it alone reads that one.

    Requires: nothing. Ensures: no such Table is left. Idempotent.
    """
    readers = graph.consumers()
    producers = {node.output: node for node in graph.nodes}
    for node in graph.nodes:
        before = producers.get(node.inputs[0]) if isinstance(node.op, ops.Lut) else None
        if before is None or not isinstance(before.op, ops.Linear | ops.Conv2d):
            continue
        if len(before.inputs) > 4 or len(readers[before.output]) != 1:
            continue
        if before.output in graph.outputs:
            continue
        fused = Node(before.name, before.op, (*before.inputs, node.inputs[1]), node.output)
        nodes = tuple(fused if n is before else n for n in graph.nodes if n is not node)
        return replace(graph, nodes=nodes).pruned(), True
    return graph, False


def merge_reshapes(graph: IntGraph) -> tuple[IntGraph, bool]:
    """A Reshape of a Reshape reads the first one's input; constants are reshaped at once."""
    producers = {node.output: node for node in graph.nodes}
    for node in graph.nodes:
        if not isinstance(node.op, ops.Reshape):
            continue
        before = producers.get(node.inputs[0])
        if before is not None and isinstance(before.op, ops.Reshape):
            direct = replace(node, inputs=before.inputs)
            nodes = tuple(direct if n is node else n for n in graph.nodes)
            return replace(graph, nodes=nodes).pruned(), True
        data = graph.tensors[node.inputs[0]].data
        if data is not None:
            qparams = graph.tensors[node.output].qparams
            tensor = constant(node.output, data.reshape(node.op.shape), qparams)
            nodes = tuple(n for n in graph.nodes if n is not node)
            tensors = {**graph.tensors, tensor.name: tensor}
            return replace(graph, nodes=nodes, tensors=tensors).pruned(), True
    return graph, False


PASSES: tuple[Pass, ...] = (
    label_sources,  # first: what stands for which float tensor is plain only while all stand
    sink_transposes,  # then layouts, while every Reshape still shows what it was for
    merge_reshapes,  # the sweep leaves Reshapes behind
    fuse_luts,  # last: only now do a Linear or Conv2d and its Table stand side by side
)


def simplify(graph: IntGraph) -> IntGraph:
    """Run all passes to a fixed point; VerifyError names the pass that broke the graph."""
    modified = True
    while modified:
        modified = False
        for step in PASSES:
            graph, changed = step(graph)
            modified |= changed
            if changed:
                verify(graph, step.__name__)
    return graph
