"""Tensors whose rows are in groups of unlike scale (docs/quantization.md).

A tensor of several groups is as many tensors here. Sums, norms, products and functions work on
each; what they give at one scale lies side by side, which costs no copy. Whoever else reads such a
tensor gets all its rows at one scale.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from microformer.graph.float_model import RowRange
from microformer.graph.ops import Concat, Slice
from microformer.graph.tensor import Array, QParams
from microformer.quantize.context import Context
from microformer.quantize.functions import function_of, useful_range
from microformer.quantize.scales import affine
from microformer.quantize.source import constant_of, full_shape, value_name


@dataclass(frozen=True)
class Part:
    """Rows start .. stop of a float tensor: an int tensor [rows, E], or constant real values."""

    start: int
    stop: int
    name: str
    data: Array | None = None


def operands(c: Context, node: ir.Node) -> list[tuple[Part, QParams]]:
    """What a node reads, group by group, and the scale that it writes each at."""
    value = node.outputs[0]
    groups, source = c.rows.get(value_name(value)), node.inputs[0]
    assert source is not None
    if groups is None:
        return [(part, c.out(value)) for part in c.parts[value_name(source)]]
    width = full_shape(source)[-1]
    return [(operand(c, source, g, width), _useful(c, value, g)) for g in groups]


def _useful(c: Context, value: ir.Value, group: RowRange) -> QParams:
    """The scale of a group: without what the only reader, a function, cannot tell apart."""
    readers = list(value.uses())
    function = function_of(readers[0].node) if len(readers) == 1 else None
    if function is None:
        return affine(group.low, group.high)
    after = value_name(readers[0].node.outputs[0])
    scales = [affine(g.low, g.high) for g in c.rows.get(after, ()) if g.start == group.start]
    tolerance = (scales[0] if scales else c.scales[after]).scale / 4.0
    return affine(*useful_range(function, group.low, group.high, tolerance))


def operand(c: Context, value: ir.Value | None, group: RowRange, width: int) -> Part:
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
    return Part(group.start, group.stop, rows_of(c, value, group.start, group.stop))


def _height(data: Array, group: RowRange) -> int:
    given = data.shape[-2] if data.ndim > 1 else 1
    return given if given > 1 else group.stop - group.start


def rows_of(c: Context, value: ir.Value, first: int, last: int) -> str:
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


def finished(c: Context, node: ir.Node, parts: list[Part]) -> bool:
    """The result in groups where it is to be, or at one scale side by side."""
    if value_name(node.outputs[0]) in c.rows:
        return written(c, node, parts)
    _side_by_side(c, node, parts)
    return True


def written(c: Context, node: ir.Node, parts: list[Part]) -> bool:
    """Remember the parts, and all rows at one scale for whoever wants them so."""
    c.parts[value_name(node.outputs[0])] = parts
    _side_by_side(c, node, parts)
    return True


def _side_by_side(c: Context, node: ir.Node, parts: list[Part]) -> None:
    """All rows at one scale."""
    out, pieces = c.out(node.outputs[0]), []
    for part in parts:
        if part.data is not None:
            label = f"{value_name(node.outputs[0])}.rows"
            pieces.append(c.builder.constant(label, out.quantize(part.data), out))
        else:
            pieces.append(c.requantized(part.name, out))
    c.write(node, Concat(0), tuple(pieces))
