"""Which operator a node is to the kernels, and its C arguments in the order of the prototypes.

All kernels of one operator take the same arguments, so choosing another never changes a call.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from microformer.graph import ops
from microformer.graph.kernel_graph import Arg
from microformer.graph.op import unknown
from microformer.graph.tensor import Tensor
from microformer.kernels.permute import PERMUTE_RANK, merged_axes

__all__ = [
    "PERMUTE_RANK",
    "Operands",
    "arguments",
    "concat_arguments",
    "family",
    "is_pointwise",
]

Operands = Sequence[Tensor | None]


def family(op: ops.Op, inputs: Operands) -> str:
    """The operator of ``op``; a pointwise Conv2d is the matrix product that it is."""
    match op:
        case ops.Linear(bits=16):
            return "linear_s16"
        case ops.Linear() | ops.Conv2d():
            matrix = isinstance(op, ops.Linear) or is_pointwise(op, inputs)
            return ("linear" if matrix else "conv2d") + ("_acc64" if op.acc64 else "")
        case ops.Softmax():
            return "softmax_lut" if isinstance(op.exponential, ops.LutExp) else "softmax_ibert"
        case ops.LayerNorm():
            return ("rmsnorm" if op.rms else "layernorm") + _residual(op, inputs)
        case ops.Add():
            return "add" + _residual(op, inputs)
        case ops.Slice():
            return "copy2d" if op.step == 1 else "permute"
        case _:
            if type(op) not in _FAMILIES:
                raise unknown(op, "the list of kernel families")
            return _FAMILIES[type(op)]


_FAMILIES: dict[type[ops.Op], str] = {
    ops.Attention: "attention",
    ops.AttentionBlock: "attention_block",
    ops.MatMul: "matmul",
    ops.FineSoftmax: "softmax_fine",
    ops.ArgMax: "argmax",
    ops.Requantize: "requantize_s16",
    ops.Mul: "mul",
    ops.Lut: "lut",
    ops.ConvPool: "conv_pool",
    ops.MaxPool2d: "max_pool2d",
    ops.AvgPool2d: "avg_pool2d",
    ops.Mean: "mean",
    ops.Concat: "copy2d",
    ops.Transpose: "permute",
    ops.Embedding: "embedding",
    ops.Lstm: "lstm",
    ops.Gru: "gru",
    ops.RangeDoppler: "range_doppler",
    ops.LogMel: "log_mel",
}


def residual_types(op: ops.Add | ops.LayerNorm, inputs: Operands) -> int:
    """Which of a, b and y are int16, as ``mf_residual.h`` has it; a norm has no b."""
    operands = inputs[: 2 if isinstance(op, ops.Add) else 1]
    wide = [t is not None and t.dtype == "int16" for t in operands]
    return sum(1 << i for i, is_wide in enumerate(wide) if is_wide) + 4 * (op.bits == 16)


def _residual(op: ops.Add | ops.LayerNorm, inputs: Operands) -> str:
    """What a family's name ends in where an operand is int16."""
    return "_s16" if residual_types(op, inputs) else ""


def is_pointwise(op: ops.Conv2d, inputs: Operands) -> bool:
    """True for a 1x1 convolution over all channels of every cell: a Linear over H W rows."""
    return (
        present(inputs[1]).shape[1:3] == (1, 1)
        and op.stride == (1, 1)
        and not any(op.pads)
        and op.groups == 1
    )


def present(tensor: Tensor | None) -> Tensor:
    """An operand that is never absent."""
    assert tensor is not None
    return tensor


def arguments(op: ops.Op, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    """The C arguments of a node. Reshape has none (a view), Concat has ``concat_arguments``."""
    if type(op) not in _ARGUMENTS:
        raise unknown(op, "the list of C arguments")
    return _ARGUMENTS[type(op)](op, inputs, output)


def concat_arguments(
    op: ops.Concat, inputs: Operands, output: Tensor, part: int
) -> tuple[Arg, ...]:
    """The C arguments of the copy that puts input ``part`` in its place in a Concat."""
    widths = [math.prod(present(t).shape[op.axis :]) for t in inputs]
    rows = math.prod(output.shape[: op.axis])
    integers = (rows, widths[part], 0, widths[part], sum(widths[:part]), sum(widths))
    return (_source(inputs[part]), _target(output), *_ints(*integers))


def _source(tensor: Tensor | None) -> Arg:
    """An operand: a constant, an activation, or NULL where an optional one is absent."""
    if tensor is None:
        return Arg("null")
    return Arg("in" if tensor.data is None else "const", tensor.name)


def _sources(inputs: Operands, count: int) -> list[Arg]:
    """The first ``count`` operands; those beyond the node's inputs are absent."""
    padded = [*inputs, *[None] * count]
    return [_source(t) for t in padded[:count]]


def _target(output: Tensor) -> Arg:
    return Arg("out", output.name)


def _ints(*values: int) -> list[Arg]:
    return [Arg("int", int(v)) for v in values]


def _linear(op: Any, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    n = present(inputs[1]).shape[0]
    k = math.prod(present(inputs[1]).shape[1:])
    zero = (op.zero,) if op.acc64 else ()
    integers = _ints(output.size // n, k, n, op.shift, *zero)
    return (*_sources(inputs, 5), _target(output), *integers, Arg("scratch"))


def _matmul(op: ops.MatMul, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    *lead, rows, k = present(inputs[0]).shape
    shape = (math.prod(lead), rows, k, output.shape[-1], op.transposed)
    scale = (op.zero_a, op.zero_b, op.mult, op.shift, op.zero)
    return (*_sources(inputs, 2), _target(output), *_ints(*shape, *scale), Arg("scratch"))


def _recurrent(op: ops.Recurrent, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    kind = (op.reset_after,) if isinstance(op, ops.Gru) else ()
    cell = (op.cell_bits,) if isinstance(op, ops.Lstm) else ()
    gate = (op.shift, op.gate_mult, op.gate_add, op.gate_shift)
    integers = (*output.shape, *kind, *gate, *cell, op.out_mult, op.out_add, op.out_shift)
    return (*_sources(inputs, 6), _target(output), *_ints(*integers), Arg("scratch"))


def _fine_softmax(op: ops.FineSoftmax, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    n = output.shape[-1]
    integers = _ints(output.size // n, n, op.numerator, op.zero)
    return (*_sources(inputs, 2), _target(output), *integers, Arg("scratch"))


def _conv2d(op: ops.Conv2d, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    if is_pointwise(op, inputs):
        return _linear(op, inputs, output)
    integers = _convolution(op, inputs, output)
    return (*_sources(inputs, 5), _target(output), *_ints(*integers), Arg("scratch"))


def _conv_pool(op: ops.ConvPool, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    integers = (*_convolution(op.conv, inputs, output), *op.kernel, *op.stride)
    return (*_sources(inputs, 5), _target(output), *_ints(*integers), Arg("scratch"))


def _convolution(op: ops.Conv2d, inputs: Operands, output: Tensor) -> tuple[int, ...]:
    n, kh, kw, _ = present(inputs[1]).shape
    return (
        *present(inputs[0]).shape,
        *output.shape[:2],
        n,
        kh,
        kw,
        *op.stride,
        *op.pads[:2],
        *op.dilation,
        op.groups,
        op.pad_value,
        op.shift,
        *((op.zero,) if op.acc64 else ()),
    )


def _attention(op: ops.Attention, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    q, k, v, lut, bias = _sources(inputs, 5)
    rows, keys = present(inputs[0]).shape[0], present(inputs[1]).shape[0]
    mask = inputs[4] if len(inputs) > 4 else None
    per_head = rows * keys if mask is not None and mask.shape[0] > 1 else 0
    shape = (rows, keys, op.heads, op.kv_heads, op.head_dim, op.value_dim, per_head, op.causal)
    out = (op.out_mult, op.out_shift, op.out_round, op.out_zero, op.masked_value)
    integers = _ints(*shape, *_either(op.exponential), *out)
    return (q, k, v, lut, bias, _target(output), *integers, Arg("scratch"))


def _integers(exp: ops.Exponential) -> tuple[int, ...]:
    """The integers of equation (3a) or (4)."""
    if isinstance(exp, ops.LutExp):
        return exp.mult, exp.shift
    return exp.preshift, exp.ln2, exp.b, exp.c, exp.shift


def _either(exp: ops.Exponential) -> tuple[int, ...]:
    """The integers of ``mf_exponential``: whether it is a LUT, then five (a LUT has two)."""
    given = _integers(exp)
    return (isinstance(exp, ops.LutExp), *given, *[0] * (5 - len(given)))


def _argmax(_op: ops.ArgMax, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    width = present(inputs[0]).shape[-1]
    return (*_sources(inputs, 1), _target(output), *_ints(output.size, width))


def _softmax(op: ops.Softmax, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    n = output.shape[-1]
    sources = _sources(inputs, 2 if isinstance(op.exponential, ops.LutExp) else 1)
    integers = _ints(output.size // n, n, *_integers(op.exponential))
    return (*sources, _target(output), *integers, Arg("scratch"))


def _attention_block(op: ops.AttentionBlock, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    inner, sources = op.attention, _sources(inputs, 15)
    rows, e = present(inputs[0]).shape
    mask = inputs[14] if len(inputs) > 14 else None
    per_head = rows * rows if mask is not None and mask.shape[0] > 1 else 0
    shape = (rows, e, output.shape[1], *op.shifts, op.shift, inner.heads, inner.kv_heads)
    widths = (inner.head_dim, inner.value_dim, per_head, inner.causal)
    out = (inner.out_mult, inner.out_shift, inner.out_round, inner.out_zero, inner.masked_value)
    integers = _ints(*shape, *widths, *_either(inner.exponential), *out)
    return (*sources, _target(output), *integers, Arg("scratch"))


def _layernorm(op: ops.LayerNorm, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    n = output.shape[-1]
    types = residual_types(op, inputs)
    more = ((op.zero_point,) if op.rms else ()) + ((types,) if types else ())
    integers = _ints(output.size // n, n, op.eps, op.frac, op.shift, *more)
    return (*_sources(inputs, 3), _target(output), *integers, Arg("scratch"))


def _add(op: ops.Add, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    integers = (output.size, present(inputs[1]).size, op.mult_a, op.mult_b, op.add, op.shift)
    types = residual_types(op, inputs)
    more = (types,) if types else ()
    return (*_sources(inputs, 2), _target(output), *_ints(*integers, *more), Arg("scratch"))


def _requantize(op: ops.Requantize, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    integers = _ints(output.size, op.mult, op.add, op.shift)
    return (_source(inputs[0]), _target(output), *integers, Arg("scratch"))


def _mul(op: ops.Mul, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    sizes = (output.size, present(inputs[1]).size)
    integers = _ints(*sizes, op.zero_a, op.zero_b, op.mult, op.add, op.shift)
    return (*_sources(inputs, 2), _target(output), *integers, Arg("scratch"))


def _lut(_op: ops.Lut, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    return (*_sources(inputs, 2), _target(output), *_ints(output.size), Arg("scratch"))


def _max_pool2d(op: ops.MaxPool2d, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    integers = _ints(*_windows(op, present(inputs[0]), output))
    return (_source(inputs[0]), _target(output), *integers)


def _avg_pool2d(op: ops.AvgPool2d, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    windows = _windows(op, present(inputs[0]), output)
    integers = _ints(*windows, op.include_pad, op.pad_value, op.shift)
    return (*_sources(inputs, 3), _target(output), *integers)


def _windows(op: ops.MaxPool2d | ops.AvgPool2d, x: Tensor, output: Tensor) -> tuple[int, ...]:
    return (*x.shape, *output.shape[:2], *op.kernel, *op.stride, *op.pads[:2])


def _mean(op: ops.Mean, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    shape, first, last = present(inputs[0]).shape, min(op.axes), max(op.axes)
    sizes = (
        math.prod(shape[:first]),
        math.prod(shape[first : last + 1]),
        math.prod(shape[last + 1 :]),
    )
    return (_source(inputs[0]), _target(output), *_ints(*sizes, op.mult, op.add, op.shift))


def _slice(op: ops.Slice, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    shape = present(inputs[0]).shape
    rows, length = math.prod(shape[: op.axis]), shape[op.axis]
    inner = math.prod(shape[op.axis + 1 :]) * output.itemsize
    count = output.shape[op.axis]
    if op.step == 1:
        integers = (rows, count * inner, op.start * inner, length * inner, 0, count * inner)
        return (_source(inputs[0]), _target(output), *_ints(*integers))
    axes = [(rows, length * inner), (count, op.step * inner), (inner, 1)]
    return _permute_arguments(inputs[0], output, op.start * inner, axes)


def _transpose(op: ops.Transpose, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    shape = present(inputs[0]).shape
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    size = output.itemsize
    axes = [(shape[p], size * strides[p]) for p in op.perm]
    return _permute_arguments(inputs[0], output, 0, axes + [(size, 1)] * (size > 1))


def _permute_arguments(
    source: Tensor | None, output: Tensor, offset: int, axes: list[tuple[int, int]]
) -> tuple[Arg, ...]:
    """``axes`` are the output's (length, byte stride in the source), bytes of an element last."""
    lengths, strides = merged_axes(axes, output.name)
    return (_source(source), _target(output), *_ints(offset, *lengths, *strides))


def _embedding(_op: ops.Embedding, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    vocabulary, width = present(inputs[1]).shape
    return (*_sources(inputs, 2), _target(output), *_ints(output.size // width, vocabulary, width))


def _range_doppler(op: ops.RangeDoppler, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    """Samples, table, map; sensors, points, step, preshift; scratch."""
    samples, table = inputs[:2]
    assert samples is not None and table is not None
    integers = (samples.shape[0], samples.shape[2], op.step, op.preshift)
    return (
        Arg("in", samples.name),
        Arg("const", table.name),
        Arg("out", output.name),
        *(Arg("int", value) for value in integers),
        Arg("scratch"),
    )


def _log_mel(op: ops.LogMel, inputs: Operands, output: Tensor) -> tuple[Arg, ...]:
    """Samples, tables, features; fft, mels, outputs, floor, mult, add, shift; scratch."""
    samples, bands = present(inputs[0]), present(inputs[3])
    sizes = (samples.shape[0], bands.shape[0], output.size)
    integers = _ints(*sizes, op.floor, op.mult, op.add, op.shift)
    return (*_sources(inputs, 7), _target(output), *integers, Arg("scratch"))


_ARGUMENTS: dict[type[ops.Op], Callable[[Any, Operands, Tensor], tuple[Arg, ...]]] = {
    ops.Linear: _linear,
    ops.MatMul: _matmul,
    ops.FineSoftmax: _fine_softmax,
    ops.ArgMax: _argmax,
    ops.Lstm: _recurrent,
    ops.Gru: _recurrent,
    ops.Conv2d: _conv2d,
    ops.ConvPool: _conv_pool,
    ops.Attention: _attention,
    ops.AttentionBlock: _attention_block,
    ops.Softmax: _softmax,
    ops.LayerNorm: _layernorm,
    ops.Add: _add,
    ops.Requantize: _requantize,
    ops.Mul: _mul,
    ops.Lut: _lut,
    ops.MaxPool2d: _max_pool2d,
    ops.AvgPool2d: _avg_pool2d,
    ops.Mean: _mean,
    ops.Slice: _slice,
    ops.Transpose: _transpose,
    ops.Embedding: _embedding,
    ops.RangeDoppler: _range_doppler,
    ops.LogMel: _log_mel,
}
