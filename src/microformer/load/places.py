"""Outputs that are the place of the largest value (ArgMax): the float model ends with the values.

So ranges, tuning and fidelity have something to measure; ``quantize`` puts the search behind it.
"""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from microformer.load import edit
from microformer.load.check import refuse


class Places(dict[int, tuple[int, ...]]):
    """By the number of the output: the shape of the indices, batch axis included."""


_SAME = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten")


def take_places(model: ir.Model) -> Places:
    """Let outputs that are an ArgMax or ArgMin end with what they search; the shapes of both.

    Raises UnsupportedOpError for a search over a flattened tensor's batch, or for the last of
    several values as large.
    """
    graph, found = model.graph, Places()
    for place, value in enumerate(graph.outputs):
        node = _search(value)
        if node is None:
            continue
        shape = edit.shape_of(value)
        found[place] = shape if shape[:1] == (1,) else (1, *shape)
        graph.outputs[place] = _scores(node)
    if found:
        common.RemoveUnusedNodesPass()(model)
    return found


def _search(value: ir.Value) -> ir.Node | None:
    """The ArgMax whose indices an output is, in one shape or another."""
    node = value.producer()
    while node is not None and node.op_type in _SAME and not node.domain:
        source = node.inputs[0]
        node = None if source is None else source.producer()
    known = node is not None and node.op_type in ("ArgMax", "ArgMin") and not node.domain
    return node if known else None


def _scores(node: ir.Node) -> ir.Value:
    """What is searched, the axis that is searched last; negated where the smallest is wanted."""
    x = node.inputs[0]
    assert x is not None
    shape = edit.shape_of(x)
    axis = edit.int_attribute(node, "axis", 0) % len(shape)
    if edit.int_attribute(node, "select_last_index", 0):
        raise refuse(node, "the first of several values as large is found, not the last")
    if len(shape) > 1 and axis == 0:
        raise refuse(node, "it searches the batch axis; let it search the classes of one sample")
    order = [*(a for a in range(len(shape)) if a != axis), axis]
    if order != sorted(order):
        sizes = [shape[a] for a in order]
        x = edit.insert(node, "Transpose", [x], sizes, {"perm": order})
        shape = tuple(sizes)
    if node.op_type == "ArgMin":
        minus = edit.constant(node, np.array(-1.0, np.float32))
        x = edit.insert(node, "Mul", [x, minus], shape)
    return x
