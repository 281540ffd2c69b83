"""Vectors over their own length, x / |x| in any spelling: an RMSNormalization."""

import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.group_norms import unit_vectors


def from_length(node: ir.Node, x: ir.Value, other: ir.Value | None, inverted: bool) -> bool:
    """x over its own length."""
    found = _length(other, inverted)
    if found is None or found[0] is not x or edit.shape_of(x) != edit.shape_of(node.outputs[0]):
        return False
    edit.replace(node.outputs[0], unit_vectors(node, x, found[2], found[1]))
    return True


Root = tuple[ir.Value, float, tuple[int, ...]]
"""(d, epsilon, axes): what a root of d's squares is of."""


def _length(value: ir.Value | None, inverted: bool) -> Root | None:
    """Where ``value`` is sqrt(sum(d^2) + epsilon), or one over that.

    The length plus a small number, or at least that, counts as this with its square.
    """
    if inverted:
        node = edit.producer(value, "Reciprocal", "Div", "Pow")
        if node is None:
            return None
        if node.op_type == "Pow":
            exponent = edit.scalar_of(node.inputs[1])
            return _squares(node.inputs[0]) if exponent == -0.5 else None
        if node.op_type == "Div" and edit.scalar_of(node.inputs[0]) != 1.0:
            return None
        return _length(node.inputs[-1], inverted=False)
    node = edit.producer(value, "Expand", "Clip", "Max", "Add", "Sqrt", "Pow", "ReduceL2")
    if node is None:
        return None
    if node.op_type == "Expand":
        return _length(node.inputs[0], inverted=False)
    if node.op_type == "ReduceL2":
        axes = kept_axes(node)
        return None if axes is None or node.inputs[0] is None else (node.inputs[0], 0.0, axes)
    if node.op_type == "Sqrt" or (node.op_type == "Pow" and edit.scalar_of(node.inputs[1]) == 0.5):
        return _squares(node.inputs[0])
    if node.op_type == "Pow":
        return None
    a, b = node.inputs[:2] if len(node.inputs) > 1 else (node.inputs[0], None)
    if node.op_type != "Clip" and edit.scalar_of(a) is not None:
        a, b = b, a
    least, inner = edit.scalar_of(b), _length(a, inverted=False)
    bounded = len(node.inputs) > 2 and node.inputs[2] is not None
    if inner is None or least is None or bounded or not 0.0 <= least <= _SMALL:
        return None
    return inner[0], inner[1] + least * least, inner[2]


_SMALL = 1e-3
"""A larger addend to a length is more than a guard against zero."""


def _squares(value: ir.Value | None) -> Root | None:
    """(d, epsilon, axes) where ``value`` is sum(d^2), perhaps plus or at least a small epsilon."""
    node = edit.producer(value, "Add", "Max", "Clip")
    epsilon = 0.0
    if node is not None:
        a, b = node.inputs[:2] if len(node.inputs) > 1 else (node.inputs[0], None)
        if node.op_type != "Clip" and edit.scalar_of(a) is not None:
            a, b = b, a
        least = edit.scalar_of(b)
        if least is None or not 0.0 <= least <= _SMALL:
            return None
        value, epsilon = a, least
    node = edit.producer(value, "ReduceSum", "ReduceSumSquare")
    axes = None if node is None else kept_axes(node)
    if node is None or axes is None:
        return None
    if node.op_type == "ReduceSumSquare":
        return None if node.inputs[0] is None else (node.inputs[0], epsilon, axes)
    squared = square_of(node.inputs[0])
    return None if squared is None else (squared, epsilon, axes)


def kept_axes(node: ir.Node) -> tuple[int, ...] | None:
    """The constant axes of a reduction that keeps them as 1, ascending; else None."""
    if node.inputs[0] is None or not edit.int_attribute(node, "keepdims", 1):
        return None
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    rank = len(edit.shape_of(node.inputs[0]))
    return tuple(sorted(a % rank for a in axes)) if axes else None


def square_of(value: ir.Value | None) -> ir.Value | None:
    """d where ``value`` is d * d or d^2, or None."""
    node = edit.producer(value, "Mul", "Pow")
    if node is None or node.inputs[0] is None:
        return None
    if node.op_type == "Mul":
        return node.inputs[0] if node.inputs[0] is node.inputs[1] else None
    return node.inputs[0] if edit.scalar_of(node.inputs[1]) == 2.0 else None
