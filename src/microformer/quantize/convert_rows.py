"""Converters of nodes whose operand or result is in groups of rows (``rows``)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import onnx_ir as ir

from microformer.graph.float_model import RowRange
from microformer.graph.ops import Add, Concat, Linear, Lut, Slice
from microformer.graph.tensor import Array, QParams
from microformer.quantize.context import Context
from microformer.quantize.convert_columns import split_levels
from microformer.quantize.convert_matrix import bias_of, normalised, stored
from microformer.quantize.functions import function_lut, function_of
from microformer.quantize.imported import imported_integers
from microformer.quantize.rows import Part, finished, operand, operands, rows_of, written
from microformer.quantize.scales import add_integers, affine, linear_integers
from microformer.quantize.source import (
    constant_of,
    full_shape,
    int_shape,
    required_constant,
    value_name,
)


def convert_rows(c: Context, node: ir.Node) -> bool:
    """Write ``node`` group by group, if its result or what it reads is in groups."""
    result = value_name(node.outputs[0])
    if result in c.rows and node.op_type == "Concat":
        return _concat(c, node, c.rows[result])
    if result in c.rows and node.op_type == "Add":
        return _add(c, node, c.rows[result])
    source = node.inputs[0] if node.inputs else None
    if source is None or constant_of(source) is not None:
        return False
    parts = c.parts.get(value_name(source))
    if parts is not None and node.op_type == "Slice":
        return _slice(c, node, parts)
    if parts is None and result not in c.rows:
        return False
    if node.op_type in ("LayerNormalization", "RMSNormalization"):
        return _norm(c, node)
    if node.op_type == "Linear":
        return _linear(c, node)
    return _function(c, node)


def _concat(c: Context, node: ir.Node, groups: tuple[RowRange, ...]) -> bool:
    """Each operand keeps its own scale where it is a group of its own; else it is cut."""
    spans: list[tuple[int, int, ir.Value]] = []
    at = 0
    for value in node.inputs:
        assert value is not None
        rows = full_shape(value)[1]
        spans.append((at, at + rows, value))
        at += rows
    parts = []
    for group in groups:
        pieces = []
        for begin, end, value in spans:
            first, last = max(group.start - begin, 0), min(group.stop, end) - begin
            if first >= min(last, end - begin):
                continue
            data = constant_of(value)
            if data is not None:
                real = data.reshape(full_shape(value)[1:])[first:last].astype(np.float64)
                pieces.append(Part(group.start, group.stop, "", real))
            else:
                pieces.append(Part(group.start, group.stop, rows_of(c, value, first, last)))
        parts.append(pieces[0] if len(pieces) == 1 else _joined(c, node, group, pieces))
    return written(c, node, parts)


def _joined(c: Context, node: ir.Node, group: RowRange, pieces: list[Part]) -> Part:
    """Rows of several operands as one group."""
    if all(piece.data is not None for piece in pieces):
        rows = np.concatenate([piece.data for piece in pieces if piece.data is not None])
        return Part(group.start, group.stop, "", rows)
    out, label = affine(group.low, group.high), f"{node.name}.rows{group.start}"
    names = []
    for piece in pieces:
        if piece.data is not None:
            names.append(c.builder.constant(label, out.quantize(piece.data), out))
        else:
            names.append(c.requantized(piece.name, out))
    shape = (group.stop - group.start, *c.shape(names[0])[1:])
    return Part(group.start, group.stop, c.step(label, Concat(0), tuple(names), shape, out))


def _add(c: Context, node: ir.Node, groups: tuple[RowRange, ...]) -> bool:
    """Equation (8) for each group, at the group's own scale."""
    shape = full_shape(node.outputs[0])
    for value in node.inputs:
        if constant_of(value) is None and full_shape(value) != shape:
            return False
    name = value_name(node.outputs[0])
    parts = []
    for group in groups:
        a, b = (operand(c, value, group, shape[2]) for value in node.inputs[:2])
        if a.data is not None and b.data is not None:
            parts.append(Part(group.start, group.stop, "", a.data + b.data))
            continue
        first, second = (
            _level(c, name, part) for part in ((b, a) if a.data is not None else (a, b))
        )
        out = affine(group.low, group.high)
        op = Add(*add_integers(c.qparams(first), c.qparams(second), out))
        label = f"{node.name}.rows{group.start}"
        made = c.step(label, op, (first, second), (group.stop - group.start, shape[2]), out)
        parts.append(Part(group.start, group.stop, made))
    return written(c, node, parts)


def _level(c: Context, name: str, part: Part) -> str:
    if part.data is None:
        return part.name
    own = affine(float(part.data.min()), float(part.data.max()))
    return c.builder.constant(f"{name}.constant{part.start}", own.quantize(part.data), own)


def _norm(c: Context, node: ir.Node) -> bool:
    """Equation (7) for each group."""
    if c.out(node.outputs[0]).bits != 8:
        return False

    def made(x: str, out: QParams, label: str) -> str:
        op, constants = normalised(c, node, x, out, label)
        return c.step(label, op, (x, *constants), c.shape(x), out)

    return _each(c, node, operands(c, node), partial(_real_norm, node), made)


def _linear(c: Context, node: ir.Node) -> bool:
    """Equation (2) for each group, all of one weight: that of the largest."""
    weight = required_constant(node, 1, "weight")  # [N, K]
    readers = {use.node.op_type for use in node.outputs[0].uses()}
    in_groups = value_name(node.outputs[0]) in c.rows
    if split_levels(c, node, weight) is not None or (not in_groups and "Attention" in readers):
        return False
    bias = bias_of(node, len(weight))
    given: tuple[Array, Array] | None = None  # levels int8 [N, K], scale [N]

    def made(name: str, out: QParams, label: str) -> str:
        nonlocal given
        x = c.qparams(name)
        if given is None:
            integers = linear_integers(weight, bias, x, out, label)
            given = integers.weight, integers.mult * (out.scale / 2.0**integers.shift / x.scale)
        else:
            integers = imported_integers(*given, bias, x, out, label)
        op = Linear(integers.shift, integers.acc64, out.zero_point if integers.acc64 else 0, 8)
        operand = c.reshaped(name, (c.shape(name)[0], weight.shape[1]))
        constants = stored(c, node, integers, label)
        return c.step(label, op, (operand, *constants), (c.shape(name)[0], len(weight)), out)

    by_size = sorted(operands(c, node), key=lambda found: found[0].start - found[0].stop)
    return _each(c, node, by_size, lambda x: x @ weight.T + bias, made)


def _function(c: Context, node: ir.Node) -> bool:
    """Equation (6) for each group."""
    function = function_of(node)
    if function is None or value_name(node.inputs[0]) in c.scales.absorbed:
        return False

    def made(x: str, out: QParams, label: str) -> str:
        table = c.builder.table(f"{label}.table", function_lut(function, c.qparams(x), out))
        return c.step(label, Lut(), (x, table), c.shape(x), out)

    return _each(c, node, operands(c, node), function, made)


def _each(
    c: Context,
    node: ir.Node,
    parts: list[tuple[Part, QParams]],
    real: Callable[[Array], Array],
    made: Callable[[str, QParams, str], str],
) -> bool:
    """Each group in the order of ``parts``: constant rows by ``real``, others by ``made``.

    ``made`` takes the int tensor, the scale it is written at and what to call it.
    """
    found = [
        replace(part, name=made(part.name, out, f"{node.name}.rows{part.start}"))
        if part.data is None
        else replace(part, data=np.asarray(real(part.data)))
        for part, out in parts
    ]
    return finished(c, node, sorted(found, key=lambda part: part.start))


def _real_norm(node: ir.Node, x: Array) -> Array:
    """What a norm makes of rows that are constant."""
    scale, bias = constant_of(node.inputs[1]), None
    if len(node.inputs) > 2:
        bias = constant_of(node.inputs[2])
    attribute = node.attributes.get("epsilon")
    epsilon = attribute.as_float() if attribute is not None else 1e-5
    centred = x if node.op_type == "RMSNormalization" else x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + epsilon)
    y = y if scale is None else y * scale
    return np.asarray(y if bias is None else y + bias)


def _slice(c: Context, node: ir.Node, parts: list[Part]) -> bool:
    """Rows of one group only: a view of it, at its own scale or that of the result."""
    shape, output = full_shape(node.inputs[0]), full_shape(node.outputs[0])
    numbers = [constant_of(value) for value in node.inputs[1:]]
    if any(data is None or data.size != 1 for data in numbers) or len(numbers) < 3:
        return False
    start, stop, axis = (int(np.asarray(data).reshape(())) for data in numbers[:3])
    step = int(np.asarray(numbers[3]).reshape(())) if len(numbers) > 3 else 1
    if axis % len(shape) != 1 or step != 1:
        return False
    first, last, _ = slice(start, stop, 1).indices(shape[1])
    inside = [p for p in parts if p.start <= first and last <= p.stop]
    if not inside or inside[0].data is not None:
        return False
    part = inside[0]
    x = part.name
    if (first, last) != (part.start, part.stop):
        op = Slice(0, first - part.start, last - part.start, 1)
        rows = (last - first, *c.shape(x)[1:])
        x = c.step(f"{node.name}.rows", op, (x,), rows, c.qparams(x))
    x = c.requantized(c.reshaped(x, int_shape(output)), c.scales[value_name(node.outputs[0])])
    c.tensors[value_name(node.outputs[0])] = x
    return True
