"""Operators that are others put together: written out, so that every later pass knows them.

Reductions, choices between two activations, LogSoftmax; norms are in ``group_norms``. Each entry
gives the same values in float32.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.constants import evaluate
from microformer.load.layout import MAX_ELEMENTS
from microformer.load.patterns.group_norms import normalised_channels, unit_length
from microformer.load.patterns.reshapes import reshape


def write_out(graph: ir.Graph) -> bool:
    """Replace each node that ``_FORMS`` knows by what it is made of."""
    return edit.rewrite(graph, _FORMS)


def _op(node: ir.Node, kind: str, *inputs: ir.Value | None) -> ir.Value:
    """An elementwise node, its shape that of its operands broadcast."""
    shape = np.broadcast_shapes(*(edit.shape_of(v) for v in inputs if v is not None))
    return edit.insert(node, kind, inputs, shape)


def _number(node: ir.Node, value: float) -> ir.Value:
    return edit.constant(node, np.array(value))


def _reduced(
    node: ir.Node, kind: str, x: ir.Value, axes: Sequence[int] | None, keep: int
) -> ir.Value:
    """A reduction with constant axes (all, if None) as canonical as ``pooling`` wants it."""
    shape = edit.shape_of(x)
    listed = list(range(len(shape))) if axes is None else sorted(a % len(shape) for a in axes)
    kept = [1 if a in listed else n for a, n in enumerate(shape) if keep or a not in listed]
    numbers = edit.constant(node, np.array(listed, np.int64))
    return edit.insert(node, kind, [x, numbers], kept, {"keepdims": keep})


def _axes(node: ir.Node) -> tuple[list[int] | None, bool]:
    """The constant axes of a reduction (None: all), and whether they are known."""
    given = node.inputs[1] if len(node.inputs) > 1 else None
    axes = edit.integers_of(given)
    if not axes:
        return None, given is None or axes is not None
    return axes, True


def _reduction(
    before: Callable[[ir.Node, ir.Value], ir.Value],
    kind: str,
    behind: Callable[[ir.Node, ir.Value], ir.Value],
) -> Callable[[ir.Node], ir.Value | None]:
    def form(node: ir.Node) -> ir.Value | None:
        x, (axes, known) = node.inputs[0], _axes(node)
        if x is None or not known:
            return None
        if axes is None and edit.int_attribute(node, "noop_with_empty_axes", 0):
            return behind(node, before(node, x))
        keep = edit.int_attribute(node, "keepdims", 1)
        return behind(node, _reduced(node, kind, before(node, x), axes, keep))

    return form


def _same(_node: ir.Node, x: ir.Value) -> ir.Value:
    return x


def _applied(kind: str) -> Callable[[ir.Node, ir.Value], ir.Value]:
    return lambda node, x: _op(node, kind, x)


def _squared(node: ir.Node, x: ir.Value) -> ir.Value:
    return _op(node, "Mul", x, x)


def _log_sum_exp(node: ir.Node) -> ir.Value | None:
    """max + log(sum(exp(x - max))) over the axes."""
    x, (axes, known) = node.inputs[0], _axes(node)
    if x is None or not known:
        return None
    most = _reduced(node, "ReduceMax", x, axes, 1)
    powers = _op(node, "Exp", _op(node, "Sub", x, most))
    total = _op(node, "Add", _op(node, "Log", _reduced(node, "ReduceSum", powers, axes, 1)), most)
    return reshape(total, edit.shape_of(node.outputs[0]), node)


def _log_of_sum(node: ir.Node) -> ir.Value | None:
    """log(sum(exp(x))) spelled out, without the maximum taken off first: exp(60) has no int8."""
    total = edit.producer(node.inputs[0], "ReduceSum")
    powers = edit.producer(total.inputs[0], "Exp") if total is not None else None
    if total is None or powers is None or powers.inputs[0] is None:
        return None
    below = edit.producer(powers.inputs[0], "Sub")
    axes, known = _axes(total)
    if not known or (below is not None and edit.producer(below.inputs[1], "ReduceMax", "MaxPool")):
        return None
    x = powers.inputs[0]
    most = _reduced(node, "ReduceMax", x, axes, 1)
    inner = _op(node, "Exp", _op(node, "Sub", x, most))
    logs = _op(node, "Log", _reduced(node, "ReduceSum", inner, axes, 1))
    return reshape(_op(node, "Add", logs, most), edit.shape_of(node.outputs[0]), node)


def _log_softmax(node: ir.Node) -> ir.Value | None:
    """d - log(sum(exp(d))) with d = x - max(x): what a table of 256 logarithms can hold."""
    x = node.inputs[0]
    if x is None:
        return None
    axes = [edit.int_attribute(node, "axis", -1)]
    below = _op(node, "Sub", x, _reduced(node, "ReduceMax", x, axes, 1))
    total = _reduced(node, "ReduceSum", _op(node, "Exp", below), axes, 1)
    return _op(node, "Sub", below, _op(node, "Log", total))


def _several(kind: str, share: bool) -> Callable[[ir.Node], ir.Value | None]:
    """Sum, Mean, Max and Min of any number of values as pairs."""

    def form(node: ir.Node) -> ir.Value | None:
        values = [v for v in node.inputs if v is not None]
        if kind in ("Max", "Min") and len(values) < 3:
            return None
        total = values[0]
        for value in values[1:]:
            total = _op(node, kind, total, value)
        return _op(node, "Mul", total, _number(node, 1.0 / len(values))) if share else total

    return form


def _larger(sign: float) -> Callable[[ir.Node], ir.Value | None]:
    """Max(a, b) = b + relu(a - b) of two activations; Min(a, b) = b - relu(b - a)."""

    def form(node: ir.Node) -> ir.Value | None:
        if len(node.inputs) != 2:
            return _several(node.op_type, False)(node)
        a, b = node.inputs
        if a is None or b is None or any(edit.scalar_of(v) is not None for v in (a, b)):
            return None  # of one value: a table, or a clamp
        if edit.array_of(b) is None and edit.array_of(a) is not None:
            a, b = b, a
        rest = _op(node, "Relu", _op(node, "Sub", *((a, b) if sign > 0 else (b, a))))
        return _op(node, "Add" if sign > 0 else "Sub", b, rest)

    return form


def _divided(node: ir.Node) -> ir.Value | None:
    """a / b of two activations: the reciprocal is a table; a / b of one alike is left alone."""
    a, b = node.inputs
    if a is None or b is None or edit.array_of(b) is not None or edit.scalar_of(a) is not None:
        return None
    return _op(node, "Mul", a, _op(node, "Reciprocal", b))


def _chosen(node: ir.Node) -> ir.Value | None:
    """Where with a constant condition: each operand times its share of it."""
    condition = edit.array_of(node.inputs[0])
    if condition is None:
        return None
    shape = edit.shape_of(node.outputs[0])
    for value, always in ((node.inputs[1], condition.all()), (node.inputs[2], ~condition.any())):
        if value is not None and always and edit.shape_of(value) == shape:
            return value if edit.array_of(value) is None else None
    total: ir.Value | None = None
    for value, share in ((node.inputs[1], condition), (node.inputs[2], ~condition.astype(bool))):
        data = edit.array_of(value)
        if value is None or (data is not None and not np.isfinite(data).all()):
            return None
        if data is not None and np.abs(data).max(initial=0.0) >= _MASKING:
            return None  # a mask, or what was meant as one
        mask = np.asarray(share, np.float32)
        if data is not None:
            part = edit.constant(node, np.where(mask, data, 0.0))
            if not np.any(edit.array_of(part)):
                continue
        else:
            part = value if mask.all() else _op(node, "Mul", value, edit.constant(node, mask))
        total = part if total is None else _op(node, "Add", total, part)
    return total


_MASKING = 1e3


def _triangle(node: ir.Node) -> ir.Value | None:
    """Trilu: a product with a constant of 0 and 1."""
    x = node.inputs[0]
    given = node.inputs[1] if len(node.inputs) > 1 else None
    k = edit.scalar_of(given) if given is not None else 0.0
    if x is None or k is None or edit.array_of(x) is not None:
        return None
    rows, columns = edit.shape_of(x)[-2:]
    full = np.ones((rows, columns), np.float32)
    upper = edit.int_attribute(node, "upper", 1)
    mask = np.triu(full, int(k)) if upper else np.tril(full, int(k))
    return _op(node, "Mul", x, edit.constant(node, mask))


def _scattered(node: ir.Node) -> ir.Value | None:
    """ScatterND and ScatterElements at constant places: elements of both, picked by a list."""
    data, places, updates = node.inputs[:3]
    where = edit.array_of(places)
    if data is None or updates is None or where is None:
        return None
    size, more = edit.size_of(data), edit.size_of(updates)
    if size + more > MAX_ELEMENTS:
        return None
    numbers = np.arange(size + more).astype(np.float32)
    shape = edit.shape_of(data)
    given = numbers[size:].reshape(edit.shape_of(updates))
    index = evaluate(node, [numbers[:size].reshape(shape), where, given]).astype(np.int64)
    flat = []
    for value in (data, updates):
        array = edit.array_of(value)
        row = (1, edit.size_of(value))
        flat.append(
            reshape(value, row, node) if array is None else edit.constant(node, array.reshape(row))
        )
    both = edit.insert(node, "Concat", flat, (1, size + more), {"axis": 1})
    both.dtype = ir.DataType.FLOAT
    chosen = edit.constant(node, index.reshape(-1))
    value = edit.insert(node, "Gather", [both, chosen], (1, size), {"axis": 1})
    return reshape(value, shape, node)


def _leaky(node: ir.Node) -> ir.Value | None:
    """PRelu with a slope a channel: slope x + (1 - slope) relu(x); of one slope it is a table."""
    x, slope = node.inputs[0], edit.array_of(node.inputs[1])
    if x is None or slope is None or slope.size == 1:
        return None
    steep = _op(node, "Mul", _op(node, "Relu", x), edit.constant(node, 1.0 - slope))
    return _op(node, "Add", _op(node, "Mul", x, edit.constant(node, slope)), steep)


_FORMS: dict[str, Callable[[ir.Node], ir.Value | None]] = {
    "ReduceSumSquare": _reduction(_squared, "ReduceSum", _same),
    "ReduceL2": _reduction(_squared, "ReduceSum", _applied("Sqrt")),
    "ReduceL1": _reduction(_applied("Abs"), "ReduceSum", _same),
    "ReduceLogSum": _reduction(_same, "ReduceSum", _applied("Log")),
    "ReduceMin": _reduction(_applied("Neg"), "ReduceMax", _applied("Neg")),
    "ReduceLogSumExp": _log_sum_exp,
    "Log": _log_of_sum,
    "LogSoftmax": _log_softmax,
    "Sum": _several("Add", share=False),
    "Mean": _several("Add", share=True),
    "Max": _larger(1.0),
    "Min": _larger(-1.0),
    "Where": _chosen,
    "Trilu": _triangle,
    "InstanceNormalization": normalised_channels,
    "LpNormalization": unit_length,
    "PRelu": _leaky,
    "ScatterElements": _scattered,
    "ScatterND": _scattered,
}
WRITTEN_OUT = tuple(_FORMS)


def divide(graph: ir.Graph) -> bool:
    """Division of activations, once no pattern looks for it any more."""
    return edit.rewrite(graph, {"Div": _divided})
