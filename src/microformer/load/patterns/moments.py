"""Norms by moments, mean(x^2) - mean(x)^2, as Flax writes them: brought to the form that is known.

    (x - m) * (g / sqrt(max(0, s - m m) + epsilon)) + b    m = sum(x) / n, s = sum(x x) / n

over axes that a Reshape puts back as 1 and an Expand repeats.
"""

import math

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.lengths import square_of

_REPEATS = ("Reshape", "Expand", "Identity", "Unsqueeze")


def recognise_moments(graph: ir.Graph) -> bool:
    """Replace what such a norm begins with: ``layernorm`` finds the rest."""
    modified = False
    for node in list(graph):
        if node.op_type == "Mul" and not node.domain and len(node.inputs) == 2:
            modified |= _rewrite(node)
    return modified


def _rewrite(node: ir.Node) -> bool:
    """(x - m) * gain -> (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * gamma."""
    for centred, gain in (node.inputs, node.inputs[::-1]):
        less = edit.producer(centred, "Sub")
        if less is None or less.inputs[0] is None or gain is None:
            continue
        x = less.inputs[0]
        inverse: ir.Value | None = gain
        gamma: ir.Value | None = None
        scaled = edit.producer(gain, "Mul")
        for a, b in (scaled.inputs, scaled.inputs[::-1]) if scaled is not None else ():
            if edit.array_of(b) is not None:
                inverse, gamma = a, b
        root = edit.producer(inverse, "Reciprocal")
        root = None if root is None else edit.producer(root.inputs[0], "Sqrt")
        total = None if root is None else edit.producer(root.inputs[0], "Add")
        if total is None:
            continue
        spread, least = total.inputs
        if edit.array_of(spread) is not None:
            spread, least = least, spread
        axes, epsilon = _variance(spread, x), _number(least)
        if axes is None or epsilon is None or _moment(less.inputs[1], x, squares=False) != axes:
            continue
        edit.replace(node.outputs[0], _known(node, x, axes, epsilon, gamma))
        return True
    return False


def _known(
    node: ir.Node, x: ir.Value, axes: tuple[int, ...], epsilon: float, gamma: ir.Value | None
) -> ir.Value:
    shape = edit.shape_of(x)
    kept = [1 if a in axes else d for a, d in enumerate(shape)]

    def mean(value: ir.Value) -> ir.Value:
        numbers = edit.constant(node, np.array(axes, np.int64))
        return edit.insert(node, "ReduceMean", [value, numbers], kept, {"keepdims": 1})

    below = edit.insert(node, "Sub", [x, mean(x)], shape)
    spread = mean(edit.insert(node, "Mul", [below, below], shape))
    guard = edit.constant(node, np.array(epsilon, np.float32))
    root = edit.insert(node, "Sqrt", [edit.insert(node, "Add", [spread, guard], kept)], kept)
    made = edit.insert(node, "Div", [below, root], shape)
    return made if gamma is None else edit.insert(node, "Mul", [made, gamma], shape)


def _number(value: ir.Value | None) -> float | None:
    """The one number of a constant that may be repeated."""
    data = edit.array_of(value)
    if data is None or data.size == 0 or (data != data.reshape(-1)[0]).any():
        return None
    return float(data.reshape(-1)[0])


def _variance(value: ir.Value | None, x: ir.Value) -> tuple[int, ...] | None:
    """The axes where ``value`` is mean(x^2) - mean(x)^2, perhaps at least 0, repeated or not."""
    while True:
        node = edit.producer(value, *_REPEATS, "Max", "Sub")
        if node is None:
            return None
        if node.op_type == "Sub":
            break
        operands = [v for v in node.inputs if edit.array_of(v) is None]
        if not operands:
            return None  # all of it is constant
        if node.op_type == "Max" and (
            len(operands) != 1 or {_number(v) for v in node.inputs if v is not operands[0]} != {0.0}
        ):
            return None
        value = operands[0]
    mean = square_of(node.inputs[1])
    axes = _moment(node.inputs[0], x, squares=True)
    return axes if axes is not None and _moment(mean, x, squares=False) == axes else None


def _moment(value: ir.Value | None, x: ir.Value, *, squares: bool) -> tuple[int, ...] | None:
    """The axes where ``value`` is the mean of x, or of its squares, repeated or not."""
    node = edit.producer(value, *_REPEATS, "Mul", "Div", "ReduceMean")
    while node is not None and node.op_type in _REPEATS:
        node = edit.producer(node.inputs[0], *_REPEATS, "Mul", "Div", "ReduceMean")
    factor = 1.0
    if node is not None and node.op_type in ("Mul", "Div"):
        a, b = node.inputs
        if node.op_type == "Mul" and edit.array_of(a) is not None:
            a, b = b, a
        number = _number(b)
        if number is None or not number:
            return None
        factor = number if node.op_type == "Mul" else 1.0 / number
        node = edit.producer(a, "ReduceSum")
    if node is None or node.op_type not in ("ReduceSum", "ReduceMean"):
        return None
    source = square_of(node.inputs[0]) if squares else node.inputs[0]
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if source is not x or not axes:
        return None
    shape = edit.shape_of(x)
    chosen = tuple(sorted(a % len(shape) for a in axes))
    count = math.prod(shape[a] for a in chosen)
    wanted = 1.0 if node.op_type == "ReduceMean" else 1.0 / count
    return chosen if math.isclose(factor, wanted, rel_tol=1e-5) else None
