"""Converters of everything without weights: sums, activations, pooling, movement."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.ops import (
    Add,
    Concat,
    Embedding,
    FineSoftmax,
    Lut,
    Mul,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from microformer.graph.tensor import QParams
from microformer.quantize.assign import SOFTMAX_QUANT
from microformer.quantize.context import Context
from microformer.quantize.functions import function_lut, function_of
from microformer.quantize.imported import imported_constant
from microformer.quantize.passes.pending import inverse
from microformer.quantize.scales import (
    add_integers,
    affine,
    exponential,
    scale_integers,
)
from microformer.quantize.source import (
    constant_of,
    full_shape,
    int_axis,
    int_shape,
    integer,
    ints,
    required_constant,
    value_name,
)
from microformer.reference.softmax import exponential_lut, fine_lut


def _pair(c: Context, node: ir.Node, read: Callable[[ir.Value | None], str]) -> tuple[str, str]:
    """Two operands, the larger first; a constant is quantised over its own range."""
    names: list[str] = []
    for value in node.inputs[:2]:
        data = constant_of(value)
        if data is None:
            names.append(read(value))
            continue
        shape = int_shape(data.shape) if data.ndim else (1,)
        qparams = imported_constant(data, c.grid(value))
        qparams = qparams or affine(float(data.min()), float(data.max()))
        levels = qparams.quantize(data).reshape(shape)
        names.append(c.builder.constant(value_name(value), levels, qparams))
    first, second = names
    if int(np.prod(c.shape(first))) < int(np.prod(c.shape(second))):
        first, second = second, first
    return first, second


def _write_pair(c: Context, node: ir.Node, op: Add | Mul, first: str, second: str) -> None:
    """``op`` on both operands, the second repeated over the axes that it lacks.

    Kernels repeat over leading axes only. Where others are lacking (a gate [C, 1, 1] on an image
    [C, H, W]) these are moved to the front and back again; a layout mostly absorbs it.
    """
    target, shape = c.shape(first), c.shape(second)
    full = (1,) * (len(target) - len(shape)) + shape
    if len(full) != len(target) or any(b not in {1, t} for b, t in zip(full, target, strict=True)):
        raise UnsupportedOpError(
            f"Node '{node.name}' ({node.op_type}) repeats both operands, {list(target)} and "
            f"{list(shape)}; expand one of them in the model first."
        )
    repeated = [a for a, (b, t) in enumerate(zip(full, target, strict=True)) if b != t]
    kept = [a for a in range(len(target)) if a not in repeated]
    second = c.reshaped(second, tuple(target[a] for a in kept) or (1,))
    perm = (*repeated, *kept)
    if perm == tuple(range(len(target))):
        c.write(node, op, (first, second))
        return
    name = node.name or value_name(node.outputs[0])
    front = tuple(target[a] for a in perm)
    moved = c.step(f"{name}.front", Transpose(perm), (first,), front, c.qparams(first))
    result = c.step(name, op, (moved, second), front, c.out(node.outputs[0]))
    c.write(node, Transpose(inverse(perm)), (result,))


def add(c: Context, node: ir.Node) -> None:
    """Equation (8), or (8r) in the residual stream."""
    first, second = _pair(c, node, c.read_residual)
    out = c.out(node.outputs[0])
    op = Add(*add_integers(c.qparams(first), c.qparams(second), out), out.bits)
    _write_pair(c, node, op, first, second)


def mul(c: Context, node: ir.Node) -> None:
    """Equation (9)."""
    if _relabelled(c, node):
        return
    first, second = _pair(c, node, c.read)
    a, b, out = c.qparams(first), c.qparams(second), c.scales[value_name(node.outputs[0])]
    ratio = a.scale * b.scale / out.scale
    mult, offset, shift = scale_integers(ratio, 255 * 255, 0, out.zero_point)
    op = Mul(a.zero_point, b.zero_point, mult, offset, shift)
    _write_pair(c, node, op, first, second)


def _relabelled(c: Context, node: ir.Node) -> bool:
    """A multiple of an imported tensor that is the same levels under another scale: no bytes."""
    out = c.scales[value_name(node.outputs[0])]
    for value, other in (node.inputs, node.inputs[::-1]):
        factor = constant_of(other)
        if factor is None or factor.size != 1 or not c.keeps(value):
            continue
        x = c.read(value)
        if QParams(c.qparams(x).scale * float(factor.reshape(())), c.qparams(x).zero_point) == out:
            c.write(node, Reshape(c.shape(x)), (x,))
            return True
    return False


def by_channel(c: Context, node: ir.Node) -> None:
    """Levels of an input with a scale for each channel: the same bytes, now plain numbers."""
    x = c.tensors[value_name(node.inputs[0])]
    c.write(node, Reshape(c.shape(x)), (x,))


def requantize(c: Context, node: ir.Node) -> None:
    """Equation (6): the same values at another scale."""
    x, out = c.read(node.inputs[0]), c.scales[value_name(node.outputs[0])]
    entries = function_lut(np.asarray, c.qparams(x), out)
    c.write(node, Lut(), (x, c.builder.table(f"{node.name}.table", entries)))


def activation(c: Context, node: ir.Node) -> None:
    """Equation (6): a table; nothing at all where the producer's saturation does the clamp."""
    x, output = c.read(node.inputs[0]), value_name(node.outputs[0])
    if c.scales.absorbed.get(value_name(node.inputs[0])) == output:
        c.tensors[output] = x
        return
    function = function_of(node)
    assert function is not None  # the table of converters has it here
    entries = function_lut(function, c.qparams(x), c.scales[output])
    c.write(node, Lut(), (x, c.builder.table(f"{node.name}.table", entries)))


def softmax(c: Context, node: ir.Node) -> None:
    """Equation (11) over the last axis; (11f) at a scale that is imported or small."""
    x = c.read(node.inputs[0])
    axis = int_axis(full_shape(node.inputs[0]), integer(node, "axis", -1))
    if axis != len(c.shape(x)) - 1:
        raise UnsupportedOpError(
            f"Node '{node.name}' (Softmax) works on axis {axis} of {list(c.shape(x))}; only the "
            "last axis is compiled, so transpose before it."
        )
    out = c.scales[value_name(node.outputs[0])]
    if out != SOFTMAX_QUANT or (c.imported is not None and c.keeps(node.outputs[0])):
        table = c.builder.constant(f"{node.name}.table", fine_lut(c.qparams(x).scale))
        c.write(node, FineSoftmax(round(2.0**40 / out.scale), out.zero_point), (x, table))
        return
    op = Softmax(exponential(c.softmax, c.qparams(x).scale, 255))
    lut = c.builder.table("softmax_lut", exponential_lut()) if c.softmax == "lut" else ""
    output = c.write(node, op, (x, lut))
    assert c.qparams(output) == SOFTMAX_QUANT


def concat(c: Context, node: ir.Node) -> None:
    """Parts at one scale; constants (a class token) are quantised at it."""
    out, shape = c.scales[value_name(node.outputs[0])], full_shape(node.outputs[0])
    parts = [c.requantized(c.read_or_constant(value), out) for value in node.inputs]
    axis = int_axis(shape, integer(node, "axis", 0))
    if axis < 0 or any(len(c.shape(p)) != len(int_shape(shape)) for p in parts):
        raise UnsupportedOpError(
            f"Node '{node.name}' (Concat) joins along the batch axis, of which there is only one."
        )
    c.write(node, Concat(axis), tuple(parts))


def slice_axes(c: Context, node: ir.Node) -> None:
    """One Slice an axis that is really cut."""
    x, shape = _moved(c, node), full_shape(node.inputs[0])
    starts, stops = (required_constant(node, i, "bounds").reshape(-1).tolist() for i in (1, 2))
    listed = constant_of(node.inputs[3]) if len(node.inputs) > 3 else None
    axes = listed.reshape(-1).tolist() if listed is not None else list(range(len(starts)))
    given = constant_of(node.inputs[4]) if len(node.inputs) > 4 else None
    steps = given.reshape(-1).tolist() if given is not None else [1] * len(starts)
    cuts = []
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        size = shape[int(axis) % len(shape)]
        first, end, _ = slice(int(start), int(stop), int(step)).indices(size)
        if (first, end, step) != (0, size, 1):
            cuts.append((int_axis(shape, int(axis)), first, end, int(step)))
    for index, (axis, first, end, step) in enumerate(cuts):
        op = Slice(axis, first, end, step)
        if index == len(cuts) - 1:
            c.write(node, op, (x,))
            return
        dims = list(c.shape(x))
        dims[axis] = len(range(first, end, step))
        x = c.step(f"{node.name}.axis{axis}", op, (x,), tuple(dims), c.qparams(x))
    c.write(node, Reshape(int_shape(full_shape(node.outputs[0]))), (x,))


def _moved(c: Context, node: ir.Node) -> str:
    """The input of an operation that moves bytes, at its output's scale (imported ones differ)."""
    if value_name(node.outputs[0]) in c.scales.int16_tensors:
        return c.read_residual(node.inputs[0])
    return c.requantized(c.read(node.inputs[0]), c.scales[value_name(node.outputs[0])])


def reshape(c: Context, node: ir.Node) -> None:
    """The same bytes under another shape."""
    shape = int_shape(full_shape(node.outputs[0]))
    c.write(node, Reshape(shape), (_moved(c, node),))


def transpose(c: Context, node: ir.Node) -> None:
    """Axes of length 1 are left out of the permutation: they move for nothing."""
    shape = full_shape(node.inputs[0])
    perm = ints(node, "perm", tuple(reversed(range(len(shape)))))
    moving = [axis for axis in range(len(shape)) if shape[axis] != 1]
    order = [moving.index(axis) for axis in perm if shape[axis] != 1]
    x = c.reshaped(_moved(c, node), tuple(shape[a] for a in moving))
    wanted = int_shape(full_shape(node.outputs[0]))
    squeezed = tuple(shape[axis] for axis in perm if shape[axis] != 1)
    if squeezed == wanted:
        c.write(node, Transpose(tuple(order)), (x,))
        return
    x = c.step(f"{node.name}.transpose", Transpose(tuple(order)), (x,), squeezed, c.qparams(x))
    c.write(node, Reshape(wanted), (x,))


def embedding(c: Context, node: ir.Node) -> None:
    """Equation (12): rows of a constant table [V, E], at the output's scale; or rows [N, W] of an
    activation that a constant lists, at its own."""
    if constant_of(node.inputs[0]) is None:
        rows = required_constant(node, 1, "list of rows").astype(np.int32)
        index = c.builder.constant(f"{node.name}.rows", rows)
        c.write(node, Embedding(), (index, _moved(c, node)))
        return
    table = required_constant(node, 0, "table")
    qparams = c.scales[value_name(node.outputs[0])]
    name = c.builder.constant(f"{node.name}.table", qparams.quantize(table), qparams)
    c.write(node, Embedding(), (c.read(node.inputs[1]), name))
