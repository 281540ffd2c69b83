"""Residual streams whose rows are in groups of unlike scale (docs/quantization.md).

A tensor of several groups is as many tensors here. Sums and norms work on each; what a norm gives
is of one scale again and lies side by side, which costs no copy. Whoever else reads such a tensor
gets all its rows at one scale.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from microformer.graph.float_model import RowRange
from microformer.graph.ops import Add, Concat, Slice
from microformer.graph.tensor import Array
from microformer.quantize.context import Context
from microformer.quantize.convert_matrix import normalised
from microformer.quantize.scales import add_integers, affine
from microformer.quantize.source import constant_of, full_shape, int_shape, value_name


@dataclass(frozen=True)
class Part:
    """Rows start .. stop of a float tensor: an int tensor [rows, E], or constant real values."""

    start: int
    stop: int
    name: str
    data: Array | None = None


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
    if parts is None:
        return False
    if node.op_type in ("LayerNormalization", "RMSNormalization"):
        return _norm(c, node, parts)
    if node.op_type == "Slice":
        return _slice(c, node, parts)
    return False


def _written(c: Context, node: ir.Node, parts: list[Part]) -> bool:
    """Remember the parts, and all rows at one scale for whoever wants them so."""
    value = node.outputs[0]
    name, out = value_name(value), c.scales[value_name(value)]
    c.parts[name] = parts
    pieces = []
    for part in parts:
        if part.data is not None:
            pieces.append(c.builder.constant(f"{name}.rows", out.quantize(part.data), out))
        else:
            pieces.append(c.requantized(part.name, out))
    c.write(node, Concat(0), tuple(pieces))
    return True


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
                pieces.append(Part(group.start, group.stop, _rows(c, value, first, last)))
        parts.append(pieces[0] if len(pieces) == 1 else _joined(c, node, group, pieces))
    return _written(c, node, parts)


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


def _rows(c: Context, value: ir.Value, first: int, last: int) -> str:
    """Rows of an activation that has one scale: a view of it."""
    known = c.parts.get(value_name(value))
    for part in known or []:
        if (part.start, part.stop) == (first, last) and part.data is None:
            return part.name
    x = c.read(value)
    if (first, last) == (0, c.shape(x)[0]):
        return x
    shape = (last - first, *c.shape(x)[1:])
    op = Slice(0, first, last, 1)
    return c.step(f"{value_name(value)}.rows{first}", op, (x,), shape, c.qparams(x))


def _operand(c: Context, value: ir.Value | None, group: RowRange, width: int) -> Part:
    """Rows of one operand of a sum; a constant is repeated over what it lacks."""
    data = constant_of(value)
    assert value is not None
    if data is not None:
        full = np.broadcast_to(data.astype(np.float64), (1, _height(data, group), width))[0]
        rows = full if len(full) == group.stop - group.start else full[group.start : group.stop]
        return Part(group.start, group.stop, "", rows)
    for part in c.parts.get(value_name(value), []):
        if (part.start, part.stop) == (group.start, group.stop):
            return part
    return Part(group.start, group.stop, _rows(c, value, group.start, group.stop))


def _height(data: Array, group: RowRange) -> int:
    given = data.shape[-2] if data.ndim > 1 else 1
    return given if given > 1 else group.stop - group.start


def _add(c: Context, node: ir.Node, groups: tuple[RowRange, ...]) -> bool:
    """Equation (8) for each group, at the group's own scale."""
    shape = full_shape(node.outputs[0])
    for value in node.inputs:
        if constant_of(value) is None and full_shape(value) != shape:
            return False
    name = value_name(node.outputs[0])
    parts = []
    for group in groups:
        a, b = (_operand(c, value, group, shape[2]) for value in node.inputs[:2])
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
    return _written(c, node, parts)


def _level(c: Context, name: str, part: Part) -> str:
    if part.data is None:
        return part.name
    own = affine(float(part.data.min()), float(part.data.max()))
    return c.builder.constant(f"{name}.constant{part.start}", own.quantize(part.data), own)


def _norm(c: Context, node: ir.Node, parts: list[Part]) -> bool:
    """Equation (7) for each group; what comes out is of one scale, side by side."""
    out = c.out(node.outputs[0])
    if out.bits != 8:
        return False
    pieces = []
    for part in parts:
        label = f"{node.name}.rows{part.start}"
        if part.data is not None:
            pieces.append(c.builder.constant(label, out.quantize(_real_norm(node, part.data)), out))
            continue
        op, constants = normalised(c, node, part.name, label)
        pieces.append(c.step(label, op, (part.name, *constants), c.shape(part.name), out))
    c.write(node, Concat(0), tuple(pieces))
    return True


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
