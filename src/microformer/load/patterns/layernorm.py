"""LayerNormalization and RMSNormalization, written out or as operators, over the last axis.

    y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon)    without the means of x: RMS

Scale and bias are ones and zeros at first; ``affine`` folds what multiplies and adds.
"""

import math

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.reshapes import reshape


def recognise_norms(graph: ir.Graph) -> bool:
    """Division by the root of a mean of squares becomes a norm."""
    modified = False
    for node in list(graph):
        if node.op_type in ("Div", "Mul") and len(node.inputs) == 2:
            modified |= _from_division(node)
    return modified


def _from_division(node: ir.Node) -> bool:
    a, b = node.inputs
    pairs = [(a, b)] if node.op_type == "Div" else [(a, b), (b, a)]
    for numerator, other in pairs:
        root = other if node.op_type == "Div" else None
        if numerator is None or edit.array_of(numerator) is not None:
            continue
        found = _variance(other, inverted=root is None)
        if found is None:
            continue
        squared, epsilon = found
        if not _same_centred(squared, numerator):
            continue
        source = _centred(numerator)
        _emit(node, source if source is not None else numerator, epsilon, source is not None)
        return True
    return False


def _variance(value: ir.Value | None, inverted: bool) -> tuple[ir.Value, float] | None:
    """(d, epsilon) where ``value`` is sqrt(mean(d^2) + epsilon), or one over that."""
    if inverted:
        node = edit.producer(value, "Reciprocal", "Div", "Pow")
        if node is None:
            return None
        if node.op_type == "Pow":
            return _mean_square(node.inputs[0]) if edit.scalar_of(node.inputs[1]) == -0.5 else None
        if node.op_type == "Div" and edit.scalar_of(node.inputs[0]) != 1.0:
            return None
        return _variance(node.inputs[-1], inverted=False)
    node = edit.producer(value, "Sqrt", "Pow")
    if node is None or (node.op_type == "Pow" and edit.scalar_of(node.inputs[1]) != 0.5):
        return None
    return _mean_square(node.inputs[0])


def _mean_square(value: ir.Value | None) -> tuple[ir.Value, float] | None:
    """(d, epsilon) where ``value`` is mean(d^2) + epsilon over the last axis."""
    node = edit.producer(value, "Add")
    if node is None:
        return None
    a, b = node.inputs if edit.scalar_of(node.inputs[1]) is not None else node.inputs[::-1]
    epsilon, squares = edit.scalar_of(b), _mean_of(a)
    node = edit.producer(squares, "Mul", "Pow")
    if node is None or epsilon is None or epsilon <= 0 or node.inputs[0] is None:
        return None
    square = node.inputs[0] is node.inputs[1] or edit.scalar_of(node.inputs[1]) == 2.0
    return (node.inputs[0], epsilon) if square else None


def _mean_of(value: ir.Value | None) -> ir.Value | None:
    """x where ``value`` is the mean of x over its last axis, kept as 1; or None."""
    node = edit.producer(value, "ReduceMean")
    if node is None or node.inputs[0] is None or not edit.int_attribute(node, "keepdims", 1):
        return None
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    rank = len(edit.shape_of(node.inputs[0]))
    return node.inputs[0] if axes is not None and [a % rank for a in axes] == [rank - 1] else None


def _centred(value: ir.Value) -> ir.Value | None:
    """x where ``value`` is x - mean(x), or None."""
    node = edit.producer(value, "Sub")
    if node is None:
        return None
    x, mean = node.inputs
    return x if x is not None and _mean_of(mean) is x else None


def _same_centred(a: ir.Value, b: ir.Value) -> bool:
    """Whether two values are one, or both are x - mean(x) of the same x."""
    return a is b or (_centred(a) is not None and _centred(a) is _centred(b))


def _emit(node: ir.Node, x: ir.Value, epsilon: float, centred: bool) -> None:
    shape = edit.shape_of(x)
    constants = [edit.constant(node, np.ones(shape[-1], np.float32))]
    if centred:
        constants.append(edit.constant(node, np.zeros(shape[-1], np.float32)))
    op = "LayerNormalization" if centred else "RMSNormalization"
    attributes = {"axis": -1, "epsilon": epsilon}
    edit.replace(node.outputs[0], edit.insert(node, op, [x, *constants], shape, attributes))


def normalise_norms(graph: ir.Graph) -> bool:
    """Norms over several trailing axes get them flattened; axis is -1, epsilon explicit."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "LayerNormalization", "RMSNormalization"):
            modified |= _normalise(node)
    return modified


def _normalise(node: ir.Node) -> bool:
    x = node.inputs[0]
    if x is None or (len(node.outputs) == 1 and set(node.attributes) == {"axis", "epsilon"}):
        return False
    if any(v.uses() or v.is_graph_output() for v in node.outputs[1:]):
        return False
    shape = edit.shape_of(x)
    axis = edit.int_attribute(node, "axis", -1) % len(shape)
    flat = (*shape[:axis], math.prod(shape[axis:]))
    parameters: list[ir.Value] = []
    for value in node.inputs[1:]:
        data = edit.array_of(value)
        if value is not None and data is None:
            return False
        if data is not None:
            full = np.broadcast_to(data, shape[axis:]).reshape(-1)
            parameters.append(edit.constant(node, full) if full.shape != data.shape else value)  # type: ignore[arg-type]
    attributes = {"axis": -1, "epsilon": node.attributes.get_float("epsilon", 1e-5)}
    source = reshape(x, flat, node)
    value = edit.insert(node, node.op_type, [source, *parameters], flat, attributes)
    edit.replace(node.outputs[0], reshape(value, shape, node))
    return True
