"""Norms of groups and of vectors' lengths: LayerNormalization, RMSNormalization of their axes."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.patterns.reshapes import reshape


def write_out_group_norms(graph: ir.Graph) -> None:
    """GroupNormalization as InstanceNormalization: onnx's inference does not know its shape.

    Before any shape is known: 0 keeps an axis, -1 takes what is left.
    """
    for node in list(graph):
        if node.op_type != "GroupNormalization" or node.domain:
            continue
        x, gamma, beta = node.inputs[:3]
        size = gamma.shape[0] if gamma is not None and gamma.shape is not None else None
        if x is None or beta is None or not isinstance(size, int):
            continue
        groups = edit.int_attribute(node, "num_groups", size)
        ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
        constants = [edit.constant(node, ones), edit.constant(node, zeros)]
        epsilon = {"epsilon": node.attributes.get_float("epsilon", 1e-5)}
        shape = _bare(node, "Shape", [x], ir.DataType.INT64)
        value = _bare(node, "Reshape", [x, _shape(node, 0, groups, -1)])
        value = _bare(node, "InstanceNormalization", [value, *constants], attributes=epsilon)
        if size != groups:  # one a channel: one a group is the form before opset 21
            value = _bare(node, "Reshape", [value, shape])
            value = _bare(node, "Reshape", [value, _shape(node, 0, size, -1)])
        column = _shape(node, size, 1)
        value = _bare(node, "Mul", [value, _bare(node, "Reshape", [gamma, column])])
        value = _bare(node, "Add", [value, _bare(node, "Reshape", [beta, column])])
        edit.replace(node.outputs[0], _bare(node, "Reshape", [value, shape]))
        graph.remove(node, safe=True)


def _shape(node: ir.Node, *sizes: int) -> ir.Value:
    return edit.constant(node, np.array(sizes, np.int64))


def _bare(
    node: ir.Node,
    kind: str,
    inputs: Sequence[ir.Value | None],
    dtype: ir.DataType = ir.DataType.FLOAT,
    attributes: dict[str, float] | None = None,
) -> ir.Value:
    """A node of no known shape."""
    value = edit.insert(node, kind, inputs, (), attributes)
    value.shape, value.dtype = None, dtype
    return value


def normalised_channels(node: ir.Node) -> ir.Value | None:
    """InstanceNormalization: LayerNormalization of each channel."""
    x, gamma, beta = node.inputs[0], edit.array_of(node.inputs[1]), edit.array_of(node.inputs[2])
    if x is None or gamma is None or beta is None:
        return None
    batch, channels, *rest = shape = edit.shape_of(x)
    width = math.prod(rest)
    rows = reshape(x, (batch, channels, width), node)
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    constants = [edit.constant(node, ones), edit.constant(node, zeros)]
    attributes = {"axis": -1, "epsilon": node.attributes.get_float("epsilon", 1e-5)}
    made = edit.insert(
        node, "LayerNormalization", [rows, *constants], (batch, channels, width), attributes
    )
    column = (channels, *[1] * len(rest))
    value = reshape(made, shape, node)
    if not np.all(gamma == 1.0):
        value = edit.insert(node, "Mul", [value, edit.constant(node, gamma.reshape(column))], shape)
    if np.any(beta):
        value = edit.insert(node, "Add", [value, edit.constant(node, beta.reshape(column))], shape)
    return value


def unit_length(node: ir.Node) -> ir.Value | None:
    """LpNormalization of p = 2: x / |x|, an RMSNormalization."""
    x = node.inputs[0]
    if x is None:
        return None
    return unit_vectors(node, x, [edit.int_attribute(node, "axis", -1)], 0.0)


LEAST_EPSILON = 1e-12
"""Where x is all zeros the quotient is 0, as with any epsilon, and not 0 / 0."""


def unit_vectors(node: ir.Node, x: ir.Value, axes: Sequence[int], epsilon: float) -> ir.Value:
    """x / sqrt(sum over ``axes`` of x^2 + epsilon): RMSNormalization of scale 1 / sqrt(n)."""
    shape = edit.shape_of(x)
    listed = sorted(a % len(shape) for a in axes)
    count = math.prod(shape[a] for a in listed)
    scale = np.full(count, count**-0.5, np.float32)
    least = max(epsilon / count, LEAST_EPSILON)
    return over_last(node, x, listed, "RMSNormalization", [scale], least)


def over_last(
    node: ir.Node,
    x: ir.Value,
    axes: Sequence[int],
    kind: str,
    parameters: Sequence[Array],
    epsilon: float,
) -> ir.Value:
    """A norm over any axes: they are brought to the end, made one, and back again."""
    shape = edit.shape_of(x)
    rest = [a for a in range(len(shape)) if a not in axes]
    perm = [*rest, *axes]
    turned = [shape[a] for a in perm]
    flat = (*turned[: len(rest)], math.prod(turned[len(rest) :]))
    value = x
    if perm != list(range(len(shape))):
        value = edit.insert(node, "Transpose", [value], turned, {"perm": perm})
    value = reshape(value, flat, node)
    constants = [edit.constant(node, data) for data in parameters]
    value = edit.insert(node, kind, [value, *constants], flat, {"axis": -1, "epsilon": epsilon})
    value = reshape(value, turned, node)
    if perm != list(range(len(shape))):
        back = {"perm": list(edit.inverse(perm))}
        value = edit.insert(node, "Transpose", [value], shape, back)
    return value
