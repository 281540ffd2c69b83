"""One case: an operation, its operands, and how activations are drawn."""

import zlib
from dataclasses import dataclass

import numpy as np

from microformer.bench.builder import requantization
from microformer.graph import ops
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Array, Tensor, constant
from microformer.quantize.scales import (
    accumulator_limits,
)

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
        return self.dtype != "int8" or isinstance(self.op, ops.ArgMax)

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
        rng = seeded_rng(f"{self.name} values")
        tensors = [t for t in self.tensors() if t is not None and t.data is None]
        if self.dtype == "int16":
            draw = _sounds if isinstance(self.op, ops.LogMel) else _sweeps
            return [draw(rng, (count, *t.shape)) for t in tensors]
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


def _sounds(rng: np.random.Generator, shape: Shape) -> Array:
    """Samples [count, fft]: extremes, silence, a loud tone, a quiet one, a click, noise."""
    count, fft = shape
    drawn = rng.integers(-(2**15), 2**15, shape)
    turns = 2 * np.pi * np.arange(fft) / fft
    alike = [
        np.full(fft, -(2**15)),
        np.full(fft, 2**15 - 1),
        np.zeros(fft),
        np.where(np.cos(turns * 9.3) >= 0, 2**15 - 1, -(2**15)),
        np.rint(1.4 * np.sin(turns * 20.5)),
        np.where(np.arange(fft) == fft // 2, 7, 0),
    ]
    for sample, values in enumerate(alike[: count - 1]):
        drawn[sample] = values
    return drawn.astype(np.int16)


def seeded_rng(text: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(text.encode()))


def drawn_weights(rng: np.random.Generator, shape: Shape) -> Array:
    weight = rng.integers(-127, 128, shape).astype(np.int8)
    weight[0] = 127  # the largest sums there are
    weight[-1] = -127
    if shape[0] > 2:
        weight[1] = 0
    return weight


def matrix_constants(rng: np.random.Generator, weight: Array) -> tuple[Array, Array, int]:
    fan_in = np.sqrt(np.prod(weight.shape[1:]))
    spread = np.full(weight.shape[0], 74.0 * 73.0 * fan_in)
    return requantization(rng, accumulator_limits(weight), spread)


def acc64_constants(rng: np.random.Generator, weight: Array) -> tuple[Array, Array, int]:
    """Equation (2w)'s: multipliers of 31 bits, and a shift at which outputs are spread."""
    fan_in = np.sqrt(np.prod(weight.shape[1:]))
    shift = int(31 + np.log2(74.0 * 73.0 * fan_in / 60))
    mult = rng.integers(2**29, 2**31, weight.shape[0], np.int32)
    add = rng.integers(-(2**15), 2**15, weight.shape[0], np.int32)
    return np.asarray(mult), np.asarray(add), shift


def drawn_lut(rng: np.random.Generator) -> Array:
    return rng.integers(-128, 128, 256).astype(np.int8)
