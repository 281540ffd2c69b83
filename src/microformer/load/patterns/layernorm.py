"""LayerNormalization and RMSNormalization, written out or as operators, over any axes.

    y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon)    without the means of x: RMS
    y = x / sqrt(sum(x^2)), x / max(|x|, epsilon): vectors of unit length, RMS over sqrt(n)

Scale and bias are ones and zeros at first; ``affine`` folds what multiplies and adds.
"""

import math

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.patterns.group_norms import over_last
from microformer.load.patterns.lengths import Root, from_length, kept_axes, square_of
from microformer.load.patterns.reshapes import reshape


def recognise_norms(graph: ir.Graph) -> bool:
    """Division by the root of a mean of squares becomes a norm."""
    modified = False
    for node in list(graph):
        if node.op_type in ("Div", "Mul") and len(node.inputs) == 2:
            modified |= _from_division(node)
        elif node.op_type == "Add" and len(node.inputs) == 2:
            modified |= _from_sum(node)
    return modified


def _from_sum(node: ir.Node) -> bool:
    """x g + (beta - mean(x) g) with g = gamma / sqrt(variance + epsilon), as TensorFlow has it."""
    for product, rest in (node.inputs, node.inputs[::-1]):
        found = edit.producer(product, "Mul")
        for x, gain in (found.inputs, found.inputs[::-1]) if found is not None else ():
            if x is None or edit.array_of(x) is not None:
                continue
            inverse, gamma = _factor(gain)
            spread = _variance(inverse, inverted=True)
            if spread is None or _centred(spread[0], spread[2]) is not x:
                continue
            if spread[2] != (len(edit.shape_of(x)) - 1,):
                continue
            negative, beta = _addend(rest)
            if not _is_negative_mean(negative, gain, x, beta is None):
                continue
            _emit(node, x, spread[1], True, gamma, beta)
            return True
    return False


def _factor(gain: ir.Value | None) -> tuple[ir.Value | None, Array | None]:
    """(inverse deviation, gamma) of a gain, gamma None where it is one."""
    node = edit.producer(gain, "Mul")
    for a, b in (node.inputs, node.inputs[::-1]) if node is not None else ():
        if edit.array_of(b) is not None:
            return a, edit.array_of(b)
    return gain, None


def _addend(value: ir.Value | None) -> tuple[ir.Value | None, Array | None]:
    """(-mean g, beta) of a sum with a constant; a difference beta - mean g is left as it is."""
    node = edit.producer(value, "Add")
    for a, b in (node.inputs, node.inputs[::-1]) if node is not None else ():
        if edit.array_of(b) is not None:
            return a, edit.array_of(b)
    node = edit.producer(value, "Sub")
    return value, edit.array_of(node.inputs[0]) if node is not None else None


def _is_negative_mean(
    value: ir.Value | None, gain: ir.Value | None, x: ir.Value, alone: bool
) -> bool:
    """Whether ``value`` is -mean(x) gain, or the difference of a constant and mean(x) gain."""
    node = edit.producer(value, "Sub")
    negated = node is not None and edit.array_of(node.inputs[0]) is not None and not alone
    product = edit.producer(node.inputs[1] if node is not None and negated else value, "Mul")
    for mean, factor in (product.inputs, product.inputs[::-1]) if product is not None else ():
        if factor is not gain:
            continue
        inner = mean if negated else None
        negative = edit.producer(mean, "Neg")
        if negative is not None and not negated:
            inner = negative.inputs[0]
        found = None if inner is None else _mean_of(inner)
        if found is not None and found[0] is x:
            return True
    return False


def _from_division(node: ir.Node) -> bool:
    a, b = node.inputs
    pairs = [(a, b)] if node.op_type == "Div" else [(a, b), (b, a)]
    for numerator, other in pairs:
        root = other if node.op_type == "Div" else None
        if numerator is None or edit.array_of(numerator) is not None:
            continue
        found = _variance(other, inverted=root is None)
        if found is None:
            modified = from_length(node, numerator, other, inverted=root is None)
            if modified:
                return True
            continue
        squared, epsilon, axes = found
        if not _same_centred(squared, numerator, axes):
            continue
        source = _centred(numerator, axes)
        x = source if source is not None else numerator
        if axes == (len(edit.shape_of(x)) - 1,):
            _emit(node, x, epsilon, source is not None)
            return True
        width = math.prod(edit.shape_of(x)[a] for a in axes)
        parameters = [np.ones(width, np.float32), np.zeros(width, np.float32)]
        kind = "LayerNormalization" if source is not None else "RMSNormalization"
        parameters = parameters[: 2 if source is not None else 1]
        edit.replace(node.outputs[0], over_last(node, x, axes, kind, parameters, epsilon))
        return True
    return False


def _variance(value: ir.Value | None, inverted: bool) -> Root | None:
    """(d, epsilon, axes) where ``value`` is sqrt(mean(d^2) + epsilon), or one over that."""
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


def _mean_square(value: ir.Value | None) -> Root | None:
    """(d, epsilon, axes) where ``value`` is mean(d^2) + epsilon."""
    node = edit.producer(value, "Add")
    if node is None:
        return None
    a, b = node.inputs if edit.scalar_of(node.inputs[1]) is not None else node.inputs[::-1]
    epsilon, squares = edit.scalar_of(b), _mean_of(a)
    if squares is None or epsilon is None or epsilon <= 0:
        return None
    squared = square_of(squares[0])
    return None if squared is None else (squared, epsilon, squares[1])


def _mean_of(value: ir.Value | None) -> tuple[ir.Value, tuple[int, ...]] | None:
    """(x, axes) where ``value`` is the mean of x over axes that are kept as 1; or None."""
    node = edit.producer(value, "ReduceMean")
    axes = None if node is None else kept_axes(node)
    if node is None or axes is None or node.inputs[0] is None:
        return None
    return node.inputs[0], axes


def _centred(value: ir.Value, axes: tuple[int, ...]) -> ir.Value | None:
    """x where ``value`` is x - mean(x) over ``axes``, or None."""
    node = edit.producer(value, "Sub")
    if node is None:
        return None
    x, mean = node.inputs
    return x if x is not None and _mean_of(mean) == (x, axes) else None


def _same_centred(a: ir.Value, b: ir.Value, axes: tuple[int, ...]) -> bool:
    """Whether two values are one, or both are x - mean(x) of the same x."""
    return a is b or (_centred(a, axes) is not None and _centred(a, axes) is _centred(b, axes))


def _emit(
    node: ir.Node,
    x: ir.Value,
    epsilon: float,
    centred: bool,
    gamma: Array | None = None,
    beta: Array | None = None,
) -> None:
    shape = edit.shape_of(x)
    scale = np.ones(1) if gamma is None else gamma.reshape(-1)
    offset = np.zeros(1) if beta is None else beta.reshape(-1)
    constants = [edit.constant(node, np.broadcast_to(scale, shape[-1:]))]
    if centred:
        constants.append(edit.constant(node, np.broadcast_to(offset, shape[-1:])))
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
