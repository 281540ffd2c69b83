"""The one table of kernel cases: an operation, its operands, and how activations are drawn.

Every kernel that can do a case is compared with the reference in ``microformer.reference``: on this
machine under sanitizers (tests/kernels) and on every emulated core (tests/targets). Shapes are
small and awkward on purpose: one row, one column, tails of every tile, extremes of every type.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from microformer.bench.workloads import requantization
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.quantize.scales import (
    accumulator_limits,
    context_integers,
    exponential,
)
from microformer.reference.layernorm import H_LIMIT, half_bits
from microformer.reference.range_doppler import POWERS
from microformer.reference.softmax import exponential_lut, fine_lut

Shape = tuple[int, ...]
Operand = Shape | Array | None
"""The shape of an int8 activation (without batch axis), a constant, or nothing."""


@dataclass(frozen=True, eq=False)
class Case:
    """One operation with everything but the values of its activations."""

    name: str
    op: ops.Op
    operands: tuple[Operand, ...]
    dtype: str = "int8"
    """The activations' type; one that is not int8 (indices, samples) is a graph's input."""

    int16: tuple[int, ...] = ()
    """Places of the operands that are int16, made inside of a graph."""

    @property
    def alone(self) -> bool:
        """True if no other case can share its program."""
        return self.dtype != "int8"

    def tensors(self) -> list[Tensor | None]:
        """The operands as tensors, named a0, a1, ..."""
        made: list[Tensor | None] = []
        for i, operand in enumerate(self.operands):
            if operand is None:
                made.append(None)
            elif isinstance(operand, tuple):
                kind = "int16" if i in self.int16 else self.dtype
                made.append(Tensor(f"a{i}", operand, kind))
            else:
                made.append(constant(f"a{i}", operand))
        return made

    def output(self) -> Tensor:
        """The output tensor."""
        tensors = self.tensors()
        moves = isinstance(self.op, ops.Reshape | ops.Transpose | ops.Slice)
        kind = "int16" if moves and self.int16 else f"int{getattr(self.op, 'bits', 8)}"
        return Tensor("y", infer_shape(self.op, tuple(tensors)), kind)

    def draw(self, count: int) -> list[Array]:
        """``count`` samples of each activation, [count, *shape]: extremes first, then random."""
        rng = _rng(f"{self.name} values")
        tensors = [t for t in self.tensors() if t is not None and t.data is None]
        if self.dtype == "int16":
            return [_sweeps(rng, (count, *t.shape)) for t in tensors]
        if self.dtype == "int32":
            return [rng.integers(-3, 40, (count, *t.shape)).astype(np.int32) for t in tensors]
        ends = [(-(2**15), 2**15 - 1) if t.dtype == "int16" else (-128, 127) for t in tensors]
        drawn = [
            rng.integers(low, high + 1, (count, *t.shape)).astype(t.dtype)
            for t, (low, high) in zip(tensors, ends, strict=True)
        ]
        for values, (low, high) in zip(drawn, ends, strict=True):
            for sample, fill in enumerate((low, high, 0)):
                if sample < count - 1:
                    values[sample] = fill
            if count > 4:  # a narrow range, as after a norm over nothing much
                values[3] = rng.integers(-2, 3, values.shape[1:])
        if count > 5 and len(drawn) > 1:  # opposite extremes
            drawn[0][4], drawn[1][4] = ends[0][0], ends[1][1]
        return drawn


def _sweeps(rng: np.random.Generator, shape: Shape) -> Array:
    """Samples [count, sensors, 32, points, 2]: extremes, the loudest tones there are, noise."""
    count, *_, points, _ = shape
    drawn = rng.integers(-(2**15), 2**15, shape)
    for sample, fill in enumerate((-(2**15), 2**15 - 1, 0)):
        if sample < count - 1:
            drawn[sample] = fill
    if count > 4:  # square waves, a frequency a point
        turns = np.outer(np.arange(32), np.arange(points)) / 32.0 + 1 / 8
        wave = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], axis=-1)
        drawn[3] = np.where(wave >= 0, 2**15 - 1, -(2**15))
    if count > 5:
        drawn[4] = rng.integers(-40, 41, shape[1:])
    return drawn.astype(np.int16)


def _rng(text: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(text.encode()))


def _weights(rng: np.random.Generator, shape: Shape) -> Array:
    weight = rng.integers(-127, 128, shape).astype(np.int8)
    weight[0] = 127  # the largest sums there are
    weight[-1] = -127
    if shape[0] > 2:
        weight[1] = 0
    return weight


def _matrix_constants(rng: np.random.Generator, weight: Array) -> tuple[Array, Array, int]:
    fan_in = np.sqrt(np.prod(weight.shape[1:]))
    spread = np.full(weight.shape[0], 74.0 * 73.0 * fan_in)
    return requantization(rng, accumulator_limits(weight), spread)


def _acc64_constants(rng: np.random.Generator, weight: Array) -> tuple[Array, Array, int]:
    """Equation (2w)'s: multipliers of 31 bits, and a shift at which outputs are spread."""
    fan_in = np.sqrt(np.prod(weight.shape[1:]))
    shift = int(31 + np.log2(74.0 * 73.0 * fan_in / 60))
    mult = rng.integers(2**29, 2**31, weight.shape[0], np.int32)
    add = rng.integers(-(2**15), 2**15, weight.shape[0], np.int32)
    return np.asarray(mult), np.asarray(add), shift


def _gelu(rng: np.random.Generator) -> Array:
    return rng.integers(-128, 128, 256).astype(np.int8)


def linear(
    rows: int, k: int, n: int, lut: bool = False, acc64: bool = False, bits: int = 8
) -> Case:
    """x [rows, k] times weight [n, k]; an int16 result where ``bits`` says so."""
    kind = f"{'_table' if lut else ''}{'_acc64' if acc64 else ''}{'_s16' if bits == 16 else ''}"
    name = f"linear_{rows}x{k}x{n}{kind}"
    rng = _rng(name)
    weight = _weights(rng, (n, k))
    constants = _acc64_constants if acc64 else _matrix_constants
    mult, add, shift = constants(rng, weight)
    shift -= bits - 8  # results of 16 bits in place of 8
    operands: list[Operand] = [(rows, k), weight, mult, add]
    if lut:
        operands.append(_gelu(rng))
    zero = int(rng.integers(-128, 128)) if acc64 else 0
    return Case(name, ops.Linear(shift, acc64, zero, bits), tuple(operands))


def conv(
    size: tuple[int, int],
    channels: int,
    n: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    lut: bool = False,
    acc64: bool = False,
) -> Case:
    """x [H, W, C] with n filters."""
    parts = [*size, channels, n, *kernel, *stride, *pads, *dilation, groups, int(lut)]
    name = "conv_" + "x".join(map(str, parts)) + ("_acc64" if acc64 else "")
    rng = _rng(name)
    weight = _weights(rng, (n, *kernel, channels // groups))
    constants = _acc64_constants if acc64 else _matrix_constants
    mult, add, shift = constants(rng, weight)
    pad_value, zero = int(rng.integers(-128, 128)), int(rng.integers(-128, 128)) if acc64 else 0
    op = ops.Conv2d(stride, pads, dilation, groups, pad_value, shift, acc64, zero)
    operands: list[Operand] = [(*size, channels), weight, mult, add]
    if lut:
        operands.append(_gelu(rng))
    return Case(name, op, tuple(operands))


def conv_pool(
    inner: Case, kernel: tuple[int, int], stride: tuple[int, int] | None = None, rising: bool = True
) -> Case:
    """``inner``, a convolution, then maxima; ``rising``: its table, if any, never falls."""
    assert isinstance(inner.op, ops.Conv2d)
    stride = stride or kernel
    parts = "x".join(map(str, [*kernel, *stride, int(rising)]))
    *operands, last = inner.operands
    if rising and len(operands) == 4 and isinstance(last, np.ndarray):
        last = np.sort(last)
    op = ops.ConvPool(inner.op, kernel, stride)
    return Case(f"{inner.name}_pool_{parts}", op, (*operands, last))


def attention(
    sq: int,
    sk: int,
    heads: int,
    head_dim: int,
    *,
    value_dim: int | None = None,
    kv_heads: int | None = None,
    causal: bool = False,
    bias: str = "",
    softmax: str = "lut",
    unit: float = 0.002,
) -> Case:
    """q [sq, heads * head_dim]; ``bias``: "", "shared", "head" or "masked" (whole rows too)."""
    kv_heads, value_dim = kv_heads or heads, value_dim or head_dim
    flags = f"{'_causal' if causal else ''}{'_' + bias if bias else ''}_{unit:g}"
    name = f"attention_{softmax}_{sq}x{sk}x{heads}on{kv_heads}x{head_dim}x{value_dim}{flags}"
    rng = _rng(name)
    value, out = (
        QParams(0.02, int(rng.integers(-128, 128))),
        QParams(0.018, int(rng.integers(-40, 40))),
    )
    op = ops.Attention(
        heads,
        kv_heads,
        head_dim,
        value_dim,
        causal,
        exponential(softmax, unit, 2 * head_dim * 2**14),
        *context_integers(value, out),
        out.zero_point,
    )
    lut = exponential_lut() if softmax == "lut" else None
    operands: list[Operand] = [(sq, heads * head_dim), (sk, kv_heads * head_dim)]
    operands += [(sk, kv_heads * value_dim), lut, _attention_bias(rng, bias, (heads, sq, sk))]
    return Case(name, op, tuple(operands))


def block(rows: int, e: int, n: int, inner: Case) -> Case:
    """Self-attention with its projections: x [rows, e] -> [rows, n]; ``inner`` is the attention."""
    op = inner.op
    assert isinstance(op, ops.Attention)
    rng = _rng(f"block_{e}x{n}_{inner.name}")
    operands: list[Operand] = [(rows, e)]
    shifts = []
    acc64, v_wide = op.kv_heads * op.head_dim, op.kv_heads * op.value_dim
    sizes = ((op.heads * op.head_dim, e), (acc64, e), (v_wide, e), (n, op.heads * op.value_dim))
    for size in sizes:
        weight = _weights(rng, size)
        mult, add, shift = _matrix_constants(rng, weight)
        operands += [weight, mult, add]
        shifts.append(shift)
    fused = ops.AttentionBlock(op, (shifts[0], shifts[1], shifts[2]), shifts[3])
    operands += inner.operands[3:]
    return Case(f"block_{e}x{n}_{inner.name}", fused, tuple(operands))


def _attention_bias(rng: np.random.Generator, kind: str, shape: tuple[int, int, int]) -> Operand:
    if not kind:
        return None
    size = shape if kind == "head" else (1, *shape[1:])
    bias = rng.integers(-90_000, 90_001, size).astype(np.int32)
    if kind == "masked":
        bias[rng.random(size) < 0.4] = ops.MASKED
        bias[:, 0] = ops.MASKED
    return bias


def softmax(rows: int, n: int, kind: str = "lut", unit: float = 0.05) -> Case:
    """x [rows, n]."""
    op = ops.Softmax(exponential(kind, unit, 255))
    lut = exponential_lut() if kind == "lut" else None
    return Case(f"softmax_{kind}_{rows}x{n}_{unit:g}", op, ((rows, n), lut))


def fine_softmax(rows: int, n: int, unit: float = 0.05, scale: float = 1 / 256) -> Case:
    """x [rows, n] of scale ``unit``; probabilities at ``scale``."""
    name = f"softmax_fine_{rows}x{n}_{unit:g}_{scale:g}"
    op = ops.FineSoftmax(round(2.0**40 / scale), int(_rng(name).integers(-128, 1)))
    return Case(name, op, ((rows, n), fine_lut(unit)))


def matmul(batch: int, rows: int, k: int, n: int, transposed: bool = False) -> Case:
    """a [batch, rows, k] times b [batch, k, n]."""
    name = f"matmul_{batch}x{rows}x{k}x{n}{'_transposed' if transposed else ''}"
    rng = _rng(name)
    zeros = [int(v) for v in rng.integers(-128, 128, 3)]
    mult, shift = int(rng.integers(2**30, 2**31)), int(31 + np.log2(74 * 73 * np.sqrt(k) / 60))
    op = ops.MatMul(transposed, zeros[0], zeros[1], mult, shift, zeros[2])
    lead = (batch,) if batch > 1 else ()
    return Case(name, op, ((*lead, rows, k), (*lead, n, k) if transposed else (*lead, k, n)))


def layernorm(
    rows: int, n: int, rms: bool = False, eps: int | None = None, bits: tuple[int, int] = (8, 8)
) -> Case:
    """x [rows, n]; eps in the integer units of equation (7a); ``bits`` of x and of the result."""
    kind = "" if bits == (8, 8) else f"_s{bits[0]}_s{bits[1]}"
    name = f"{'rms' if rms else 'layer'}norm_{rows}x{n}_{eps}{kind}"
    rng = _rng(name)
    limits = np.full(n, H_LIMIT)
    frac = 15 - half_bits(n)
    mult, add, shift = requantization(rng, limits, np.full(n, 2.0**frac))
    signs = rng.choice([-1, 1], n).astype(np.int32)
    zero = int(rng.integers(-128, 128)) if rms and bits[0] == 8 else 0
    shift -= bits[1] - 8
    op = ops.LayerNorm(rms, eps or max(n * n // 50, 1), frac, shift, zero, bits[1])
    return Case(name, op, ((rows, n), mult * signs, add), int16=(0,) if bits[0] == 16 else ())


def residual_add(
    shape: Shape, bits: tuple[int, int, int], other: Shape | None = None, const: bool = False
) -> Case:
    """Add of x and something of ``other``'s shape; ``bits`` of both and of the sum."""
    name = f"add_{'x'.join(map(str, shape))}_{'x'.join(map(str, other or shape))}_{int(const)}"
    name += "".join(f"_s{b}" for b in bits)
    rng = _rng(name)
    mult_a, mult_b = (int(rng.integers(2**13, 2**14)) << (16 - b) for b in bits[:2])  # terms: 2^29
    second: Operand = other or shape
    if const:
        limit = 1 << (bits[1] - 1)
        second = rng.integers(-limit, limit, other or shape).astype(f"int{bits[1]}")
    op = ops.Add(mult_a, mult_b, int(rng.integers(-(2**20), 2**20)), 31 - bits[2], bits[2])
    acc64 = (i for i in range(2) if bits[i] == 16 and not (const and i == 1))
    return Case(name, op, (shape, second), int16=tuple(acc64))


def requantize(shape: Shape) -> Case:
    """x int16 to int8."""
    name = f"narrow_{'x'.join(map(str, shape))}"
    mult, add = (int(v) for v in _rng(name).integers(2**13, 2**15, 2))
    return Case(name, ops.Requantize(mult, add, 22), (shape,), int16=(0,))


def binary(kind: str, shape: Shape, other: Shape | None = None, const: bool = False) -> Case:
    """Add or Mul of x and something of ``other``'s shape."""
    name = f"{kind}_{'x'.join(map(str, shape))}_{'x'.join(map(str, other or shape))}_{int(const)}"
    rng = _rng(name)
    second: Operand = other or shape
    if const:
        second = rng.integers(-128, 128, other or shape).astype(np.int8)
    if kind == "mul":
        mult, add, shift = requantization(rng, np.array([255 * 255]), np.array([5000.0]))
        zeros = rng.integers(-128, 128, 2)
        op: ops.Op = ops.Mul(int(zeros[0]), int(zeros[1]), int(mult[0]), int(add[0]), shift)
    else:
        mult_a, mult_b = (int(v) for v in rng.integers(1, 2**15, 2))
        op = ops.Add(mult_a, mult_b, int(rng.integers(-(2**20), 2**20)), 15)
    return Case(name, op, (shape, second))


def lut(shape: Shape) -> Case:
    """x through 256 random bytes."""
    name = f"table_{'x'.join(map(str, shape))}"
    return Case(name, ops.Lut(), (shape, _gelu(_rng(name))))


def pool(
    kind: str,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    include_pad: bool = False,
) -> Case:
    """Max, or average with or without the padding counted."""
    parts = [*shape, *kernel, *stride, *pads, int(include_pad)]
    name = f"{kind}_pool_" + "x".join(map(str, parts))
    if kind == "max":
        return Case(name, ops.MaxPool2d(kernel, stride, pads), (shape,))
    rng = _rng(name)
    cells = np.arange(1, kernel[0] * kernel[1] + 1)
    mult = np.floor(2.0**16 / cells * 0.9).astype(np.int32)
    add = np.full(len(cells), 1 << 15, np.int32) + rng.integers(-(2**20), 2**20, dtype=np.int32)
    pad_value = int(rng.integers(-128, 128))
    op = ops.AvgPool2d(kernel, stride, pads, include_pad, pad_value, 16)
    return Case(name, op, (shape, mult, add))


def mean(shape: Shape, axes: tuple[int, ...]) -> Case:
    """x averaged over neighbouring axes."""
    name = f"mean_{'x'.join(map(str, shape))}_over_{'_'.join(map(str, axes))}"
    count = np.array([128 * np.prod([shape[a] for a in axes])])
    mult, add, shift = requantization(_rng(name), count, count / 2)
    return Case(name, ops.Mean(axes, int(mult[0]), int(add[0]), shift), (shape,))


def transpose(shape: Shape, perm: tuple[int, ...]) -> Case:
    """x with its axes in another order."""
    name = f"transpose_{'x'.join(map(str, shape))}_by_{'_'.join(map(str, perm))}"
    return Case(name, ops.Transpose(perm), (shape,))


def cut(shape: Shape, axis: int, start: int, stop: int, step: int = 1) -> Case:
    """A part of x along one axis."""
    name = f"slice_{'x'.join(map(str, shape))}_{axis}_{start}_{stop}_{step}"
    return Case(name, ops.Slice(axis, start, stop, step), (shape,))


def embedding(length: int, vocabulary: int, width: int) -> Case:
    """Rows of a table; indices beyond it are clamped."""
    name = f"embedding_{length}x{vocabulary}x{width}"
    rows = _rng(name).integers(-128, 128, (vocabulary, width)).astype(np.int8)
    return Case(name, ops.Embedding(), ((length,), rows), dtype="int32")


def range_doppler(sensors: int, points: int, step: int = 1, preshift: int = 2) -> Case:
    """Samples of a radar to its map. Every entry of the table is another than its neighbours."""
    name = f"range_doppler_{sensors}x{points}_{step}_{preshift}"
    levels = _rng(name).integers(-128, 128, POWERS).astype(np.int8)
    op = ops.RangeDoppler(step, preshift)
    return Case(name, op, ((sensors, 32, points, 2), levels), dtype="int16")


def _matrices() -> Iterator[Case]:
    for rows, k, n in [(1, 1, 1), (1, 7, 3), (2, 4, 4), (3, 5, 9), (5, 16, 8), (17, 33, 6)]:
        yield linear(rows, k, n)
    yield linear(7, 64, 10, lut=True)
    yield linear(1, 66, 13, lut=True)
    yield linear(21, 1030, 5)  # several blocks of rows in the dsp kernel
    yield conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1))
    yield conv((7, 5), 4, 8, (3, 2), stride=(2, 1), pads=(0, 1, 2, 0), lut=True)
    yield conv((8, 8), 2, 3, (3, 3), dilation=(2, 2), pads=(2, 2, 2, 2))
    yield conv((4, 4), 6, 4, (2, 2), stride=(2, 2), groups=2)
    yield conv((6, 6), 5, 5, (3, 3), pads=(1, 1, 1, 1), groups=5)
    yield conv((1, 15), 4, 6, (1, 5), pads=(0, 2, 0, 2), stride=(1, 2))
    yield conv((9, 11), 8, 8, (3, 3), pads=(1, 1, 1, 1), groups=8)
    yield conv((11, 7), 4, 4, (3, 2), pads=(0, 1, 1, 0), groups=4, lut=True)
    yield conv((8, 35), 4, 4, (4, 5), stride=(2, 3), pads=(1, 2, 1, 2), groups=4, lut=True)
    yield conv((1, 9), 6, 6, (1, 3), groups=6, lut=True)
    yield conv((3, 4), 6, 5, (1, 1))  # a matrix product in disguise
    yield conv((4, 4), 1, 7, (4, 4), stride=(4, 4))
    yield from _acc64()


def _acc64() -> Iterator[Case]:
    yield linear(1, 1, 1, acc64=True)
    yield linear(5, 33, 9, acc64=True)
    yield linear(3, 300, 6, lut=True, acc64=True)
    yield conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1), acc64=True)
    yield conv((6, 6), 5, 5, (3, 3), pads=(1, 1, 1, 1), groups=5, lut=True, acc64=True)
    yield conv((3, 4), 6, 5, (1, 1), acc64=True)
    for transposed in (False, True):
        yield matmul(1, 1, 1, 1, transposed)
        yield matmul(3, 5, 7, 4, transposed)
        yield matmul(2, 9, 70, 3, transposed)
    yield fine_softmax(1, 1)
    yield fine_softmax(5, 13, 0.3, 0.002)
    yield fine_softmax(3, 200, 1e-4, 1e-4)
    yield fine_softmax(2, 9, 5.0, 1 / 255)


def _conv_pools() -> Iterator[Case]:
    same = (1, 2, 1, 2)
    yield conv_pool(conv((8, 23), 2, 5, (3, 5), pads=same), (3, 5))  # the first of TinyRadarNN
    yield conv_pool(conv((7, 13), 16, 6, (3, 5), pads=same, lut=True), (3, 5))
    yield conv_pool(conv((2, 19), 8, 9, (1, 7), pads=(0, 3, 0, 3)), (1, 7))
    yield conv_pool(conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1), lut=True), (2, 2))
    yield conv_pool(conv((6, 9), 1, 3, (2, 4), pads=(1, 1, 0, 1), lut=True), (2, 3))
    yield conv_pool(conv((9, 6), 4, 4, (3, 3), pads=(0, 1, 1, 0)), (4, 1), (5, 2))
    yield conv_pool(conv((7, 8), 2, 7, (3, 3), stride=(1, 2), pads=(1, 1, 1, 1)), (1, 2))
    yield conv_pool(conv((9, 8), 4, 8, (3, 2), stride=(2, 1), dilation=(2, 1)), (2, 3))
    yield conv_pool(conv((7, 31), 1, 3, (2, 9), pads=(0, 1, 1, 0), lut=True), (3, 3), (4, 5))
    yield conv_pool(conv((9, 44), 2, 3, (3, 6), pads=(1, 3, 1, 2)), (5, 3), (5, 3))
    yield conv_pool(conv((5, 5), 4, 4, (2, 2), lut=True), (2, 2), rising=False)
    yield conv_pool(conv((6, 6), 4, 4, (2, 2), groups=2), (2, 2), (1, 1))
    yield conv_pool(conv((3, 4), 6, 5, (1, 1)), (1, 2))


def _attentions() -> Iterator[Case]:
    for kind in ("lut", "ibert"):
        yield attention(1, 1, 1, 1, softmax=kind)
        yield attention(3, 5, 2, 4, softmax=kind, unit=0.01)
        yield attention(17, 17, 3, 6, value_dim=10, softmax=kind)
        yield attention(5, 33, 4, 8, kv_heads=2, softmax=kind, unit=0.0005)
        yield attention(9, 9, 1, 16, causal=True, softmax=kind)
        yield attention(6, 4, 2, 5, causal=True, bias="shared", softmax=kind)
        yield attention(6, 7, 3, 4, bias="head", softmax=kind)
        yield attention(6, 11, 2, 4, bias="masked", softmax=kind)
        yield attention(4, 6, 2, 64, softmax=kind, unit=3.0)  # one score wins it all
        yield attention(4, 90, 1, 8, softmax=kind, unit=1e-7)  # all alike
        yield softmax(3, 1, kind)
        yield softmax(4, 13, kind)
        yield softmax(2, 70, kind, unit=0.001)
        yield softmax(11, 45, kind, unit=0.02)
        yield softmax(21, 19, kind, unit=0.01)  # so many that a LUT by distance gains


def _blocks() -> Iterator[Case]:
    for kind in ("lut", "ibert"):
        yield block(1, 1, 1, attention(1, 1, 1, 1, softmax=kind))
        yield block(5, 8, 12, attention(5, 5, 2, 4, softmax=kind))
        yield block(17, 9, 7, attention(17, 17, 3, 6, value_dim=10, softmax=kind))
        yield block(6, 12, 5, attention(6, 6, 4, 8, kv_heads=2, value_dim=3, softmax=kind))
        yield block(9, 16, 16, attention(9, 9, 2, 5, causal=True, softmax=kind))
        yield block(7, 6, 9, attention(7, 7, 2, 4, bias="head", softmax=kind))
        yield block(10, 4, 4, attention(10, 10, 2, 7, bias="masked", causal=True, softmax=kind))
        yield block(4, 32, 32, attention(4, 4, 1, 40, softmax=kind, unit=2.0))


def _rows() -> Iterator[Case]:
    for rms in (False, True):
        yield layernorm(1, 1, rms)
        yield layernorm(3, 2, rms)
        yield layernorm(4, 31, rms)
        yield layernorm(3, 64, rms)
        yield layernorm(2, 600, rms, eps=1)
        yield layernorm(3, 64, rms, eps=2**40)
        yield layernorm(19, 37, rms)  # two rows a core of eight, and three for all of them
    for kind in ("add", "mul"):
        yield binary(kind, (1,))
        yield binary(kind, (5, 7))
        yield binary(kind, (4, 6), (6,))
        yield binary(kind, (5, 3, 4), (3, 4), const=True)
        yield binary(kind, (2, 1037), (1037,), const=True)  # two parts of a constant
    yield from _residuals()
    yield lut((3, 7))
    yield lut((9, 131))  # enough words for cores to begin in different banks
    yield mean((17, 6), (0,))
    yield mean((5, 4, 3), (0, 1))
    yield mean((4, 9), (1,))
    yield mean((2, 39), (1,))
    yield mean((3, 2, 5), (1,))


def _residuals() -> Iterator[Case]:
    """The int16 residual stream."""
    for bits in ((8, 16), (16, 8), (16, 16)):
        for rms in (False, True):
            yield layernorm(1, 1, rms, bits=bits)
            yield layernorm(4, 31, rms, bits=bits)
            yield layernorm(2, 600, rms, eps=1, bits=bits)
            yield layernorm(3, 64, rms, eps=2**60, bits=bits)
            yield layernorm(19, 37, rms, bits=bits)
    for first in (8, 16):
        for second in (8, 16):
            for result in (8, 16):
                if (first, second, result) != (8, 8, 8):
                    yield residual_add((5, 7), (first, second, result))
                    yield residual_add((4, 6), (first, second, result), (6,))
    yield residual_add((5, 3, 4), (16, 8, 16), (3, 4), const=True)
    yield residual_add((2, 1037), (16, 16, 16), (1037,), const=True)
    yield residual_add((5, 45), (8, 16, 16), const=True)  # cut by rows: offsets in bytes
    yield residual_add((1,), (16, 8, 16))
    yield requantize((1,))
    yield requantize((9, 131))
    for shape in ((1, 1, 1), (3, 7, 5), (9, 64, 18), (5, 40, 3), (17, 130, 13)):
        yield linear(*shape, bits=16)
    yield replace(transpose((2, 3, 5), (2, 0, 1)), name="transpose_s16", int16=(0,))
    yield replace(cut((3, 9, 2), 1, 1, 8), name="cut_s16", int16=(0,))
    yield replace(cut((3, 9, 2), 1, 1, 8, 3), name="cut_steps_s16", int16=(0,))


def _images() -> Iterator[Case]:
    for kind in ("max", "avg"):
        yield pool(kind, (6, 7, 3), (2, 2), (2, 2))
        yield pool(kind, (5, 5, 4), (3, 3), (2, 2), (1, 1, 1, 1))
        yield pool(kind, (1, 12, 5), (1, 4), (1, 3), (0, 1, 0, 2))
        yield pool(kind, (4, 3, 2), (4, 3))
        yield pool(kind, (5, 7, 28), (2, 3), (2, 3), (0, 1, 1, 1))
    yield pool("avg", (5, 5, 4), (3, 3), (1, 1), (1, 1, 1, 1), include_pad=True)


def _movements() -> Iterator[Case]:
    yield transpose((3, 5), (1, 0))
    yield transpose((2, 3, 4), (2, 0, 1))
    yield transpose((5, 3, 7), (1, 0, 2))  # runs of seven bytes
    yield transpose((1, 70), (1, 0))
    yield transpose((2, 3, 4, 5), (3, 1, 0, 2))
    yield transpose((2, 3, 2, 3, 2), (4, 2, 0, 3, 1))
    yield cut((5, 8), 1, 2, 7)
    yield cut((4, 3, 6), 1, 0, 2)
    yield cut((3, 70), 1, 5, 61)
    yield cut((7, 4), 0, 6, -1, -2)
    yield cut((3, 9, 2), 1, 1, 8, 3)
    yield embedding(7, 30, 5)
    yield embedding(21, 30, 33)  # more rows than transfers that can wait
    yield range_doppler(1, 1)
    yield range_doppler(2, 37, 2)  # several blocks on a cluster, the last one small
    yield range_doppler(1, 13, 3, preshift=0)


CASES: tuple[Case, ...] = (
    *_matrices(),
    *_conv_pools(),
    *_attentions(),
    *_blocks(),
    *_rows(),
    *_images(),
    *_movements(),
)
"""All cases. Names are unique (test_cases.py)."""


_WIDEN = ops.Add(512, 2, 256, 1, 16)
"""x = 256 high + low + 128 from two int8."""
_HIGH, _LOW = ops.Requantize(1, 0, 8), ops.Add(2, -512, -256, 1)
"""The two back from x; low also reads high."""


def tensor_of(name: str, like: Tensor) -> Tensor:
    """A tensor like another, under another name."""
    return replace(like, name=name)


def as_bytes(values: Array) -> Array:
    """int8 [N, ...] flat as they are, int16 as ``bundle`` gives and takes them: int8 [N, bytes]."""
    flat = values.reshape(len(values), -1)
    if flat.dtype != np.int16:
        return flat
    halves: Array = np.concatenate([flat >> 8, (flat & 255) - 128], axis=1)
    return halves.astype(np.int8)


def bundle(cases: Sequence[Case]) -> IntGraph:
    """One graph that does every case on its own part of one input, results side by side.

    A whole table then needs one build a target. An int16 operand is made of two parts of the input,
    an int16 result ends as two. A case that takes indices or samples stands alone:
    only a graph's own input may be of another type than int8.
    """
    assert len(cases) == 1 or not any(case.alone for case in cases)
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    parts: list[str] = []
    dtype = cases[0].dtype
    total = sum(_sizes(case)[i] for case in cases for i in range(len(_sizes(case))))
    whole = next(o for o in cases[0].operands if isinstance(o, tuple))
    tensors["x"] = Tensor("x", whole if cases[0].alone else (total,), dtype, QParams(1.0, 0))
    offset = 0
    for case in cases:
        names: list[str] = []
        for tensor in case.tensors():
            name = "" if tensor is None else f"{case.name}.{tensor.name}"
            names.append(name)
            if tensor is None:
                continue
            if tensor.data is not None:
                tensors[name] = constant(name, tensor.data)
                continue
            if case.alone:
                names[-1] = "x"
                continue
            halves = []
            for half in range(tensor.itemsize):
                flat, shaped = (
                    f"{name}.flat{half}",
                    f"{name}.{half}" if tensor.itemsize > 1 else name,
                )
                tensors[flat] = Tensor(flat, (tensor.size,), dtype)
                tensors[shaped] = Tensor(shaped, tensor.shape, dtype)
                end = offset + tensor.size
                nodes.append(Node(flat, ops.Slice(0, offset, end, 1), ("x",), flat))
                nodes.append(Node(shaped, ops.Reshape(tensor.shape), (flat,), shaped))
                offset = end
                halves.append(shaped)
            if tensor.dtype == "int16":
                tensors[name] = tensor_of(name, tensor)
                nodes.append(Node(name, _WIDEN, (halves[0], halves[1]), name))
        output = case.output()
        made = f"{case.name}.y"
        tensors[made] = tensor_of(made, output)
        nodes.append(Node(case.name, case.op, tuple(names), made))
        results = [made]
        if output.dtype == "int16":
            results = [f"{made}.high", f"{made}.low"]
            nodes.append(Node(results[0], _HIGH, (made,), results[0]))
            nodes.append(Node(results[1], _LOW, (made, results[0]), results[1]))
            tensors |= {name: Tensor(name, output.shape, "int8") for name in results}
        for result in results:
            part = f"{result}.part"
            tensors[part] = Tensor(part, (output.size,), "int8")
            nodes.append(Node(part, ops.Reshape((output.size,)), (result,), part))
            parts.append(part)
    size = sum(tensors[p].size for p in parts)
    tensors["y"] = Tensor("y", (size,), "int8", QParams(1.0, 0))
    nodes.append(Node("all", ops.Concat(0), tuple(parts), "y"))
    return IntGraph("cases", tensors, tuple(nodes), ("x",), ("y",))


def _sizes(case: Case) -> list[int]:
    given = (t for t in case.tensors() if t is not None and t.data is None)
    return [t.size if case.alone else t.nbytes for t in given]


def bundle_inputs(cases: Sequence[Case], count: int) -> Array:
    """The input of ``bundle``: [count, total]."""
    drawn = [
        values.reshape(count, -1) if case.alone else as_bytes(values)
        for case in cases
        for values in case.draw(count)
    ]
    return np.concatenate(drawn, axis=1)
