"""Norms, sums and products of rows, LUTs, means, the int16 residual stream."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from microformer.bench.builder import requantization
from microformer.graph import ops
from microformer.reference.layernorm import H_LIMIT, half_bits
from tests.cases.case import Case, Operand, Shape, drawn_lut, seeded_rng
from tests.cases.matrices import linear
from tests.cases.movements import cut, transpose


def layernorm(
    rows: int, n: int, rms: bool = False, eps: int | None = None, bits: tuple[int, int] = (8, 8)
) -> Case:
    """x [rows, n]; eps in the integer units of equation (7a); ``bits`` of x and of the result."""
    kind = "" if bits == (8, 8) else f"_s{bits[0]}_s{bits[1]}"
    name = f"{'rms' if rms else 'layer'}norm_{rows}x{n}_{eps}{kind}"
    rng = seeded_rng(name)
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
    rng = seeded_rng(name)
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
    mult, add = (int(v) for v in seeded_rng(name).integers(2**13, 2**15, 2))
    return Case(name, ops.Requantize(mult, add, 22), (shape,), int16=(0,))


def binary(kind: str, shape: Shape, other: Shape | None = None, const: bool = False) -> Case:
    """Add or Mul of x and something of ``other``'s shape."""
    name = f"{kind}_{'x'.join(map(str, shape))}_{'x'.join(map(str, other or shape))}_{int(const)}"
    rng = seeded_rng(name)
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
    return Case(name, ops.Lut(), (shape, drawn_lut(seeded_rng(name))))


def mean(shape: Shape, axes: tuple[int, ...]) -> Case:
    """x averaged over neighbouring axes."""
    name = f"mean_{'x'.join(map(str, shape))}_over_{'_'.join(map(str, axes))}"
    count = np.array([128 * np.prod([shape[a] for a in axes])])
    mult, add, shift = requantization(seeded_rng(name), count, count / 2)
    return Case(name, ops.Mean(axes, int(mult[0]), int(add[0]), shift), (shape,))


def argmax(shape: Shape) -> Case:
    """The place of the largest value of each row."""
    return Case(f"argmax_{'x'.join(map(str, shape))}", ops.ArgMax(), (shape,))


def rows_cases() -> Iterator[Case]:
    yield from map(argmax, ((1,), (4, 3, 33), (19, 128)))
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
    yield from residuals_cases()
    yield lut((3, 7))
    yield lut((9, 131))  # enough words for cores to begin in different banks
    yield mean((17, 6), (0,))
    yield mean((5, 4, 3), (0, 1))
    yield mean((4, 9), (1,))
    yield mean((2, 39), (1,))
    yield mean((3, 2, 5), (1,))


def residuals_cases() -> Iterator[Case]:
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
