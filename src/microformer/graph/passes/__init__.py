"""Rewriting of IntGraphs that keeps every output bit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import constant
from microformer.graph.verify import verify

Pass = Callable[[IntGraph], tuple[IntGraph, bool]]


def fuse_tables(graph: IntGraph) -> tuple[IntGraph, bool]:
    """A Table becomes part of the Linear or Conv2d before it, if it alone reads that one.

    Requires: nothing. Ensures: no such Table is left. Idempotent.
    """
    readers = graph.consumers()
    producers = {node.output: node for node in graph.nodes}
    for node in graph.nodes:
        before = producers.get(node.inputs[0]) if isinstance(node.op, ops.Table) else None
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


def permute_unit_axes(graph: IntGraph) -> tuple[IntGraph, bool]:
    """A Transpose that only moves axes of length 1 becomes a Reshape, which is free."""
    nodes, modified = [], False
    for node in graph.nodes:
        if isinstance(node.op, ops.Transpose):
            shape = graph.tensors[node.inputs[0]].shape
            moving = [axis for axis in node.op.perm if shape[axis] != 1]
            if moving == sorted(moving):
                op = ops.Reshape(graph.tensors[node.output].shape)
                node, modified = replace(node, op=op), True  # noqa: PLW2901
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes)), modified


def cancel_transposes(graph: IntGraph) -> tuple[IntGraph, bool]:
    """[..., A, B] transposed, its inner axes reshaped as one, transposed back: a Reshape.

    Serves a patch stem: [h, w, E] -> [E, h, w] -> [E, hw] -> [hw, E] moves no byte. Found by
    following element numbers through the chain, so it holds for any chain of Transpose and
    Reshape that ends in the order it began with.
    """
    producers = {node.output: node for node in graph.nodes}
    for node in graph.nodes:
        if not isinstance(node.op, ops.Transpose):
            continue
        chain = [node]
        while True:
            before = producers.get(chain[-1].inputs[0])
            if before is None or not isinstance(before.op, ops.Transpose | ops.Reshape):
                break
            chain.append(before)
            source = before.inputs[0]
            order = np.arange(graph.tensors[source].size).reshape(graph.tensors[source].shape)
            for step in reversed(chain):
                op = step.op
                order = order.transpose(op.perm) if isinstance(op, ops.Transpose) else order
                order = order.reshape(graph.tensors[step.output].shape)
            if (np.diff(order.reshape(-1)) == 1).all():
                shape = graph.tensors[node.output].shape
                short = Node(node.name, ops.Reshape(shape), (source,), node.output)
                nodes = tuple(short if n is node else n for n in graph.nodes)
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
            quant = graph.tensors[node.output].quant
            tensor = constant(node.output, data.reshape(node.op.shape), quant)
            nodes = tuple(n for n in graph.nodes if n is not node)
            tensors = {**graph.tensors, tensor.name: tensor}
            return replace(graph, nodes=nodes, tensors=tensors).pruned(), True
    return graph, False


PASSES: tuple[Pass, ...] = (
    permute_unit_axes,  # first: what is a Reshape need not be looked at as a Transpose
    cancel_transposes,  # then whole chains, while they are still in one piece
    merge_reshapes,
    fuse_tables,  # last: only now do a Linear and its Table stand side by side
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
