"""An integer graph under construction: tensors, constants and nodes by name.

Weights and activations are random over their whole range; multipliers and shifts use 31 bits, as
those of a real model do. What is measured does not depend on their values.
"""

import math
import zlib

import numpy as np

from microformer.errors import DataError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.quantize.scales import accumulator_limits, context_integers, exponential
from microformer.reference.layernorm import H_LIMIT, half_bits
from microformer.reference.softmax import exponential_lut


def requantization(
    rng: np.random.Generator, limits: Array, spread: Array
) -> tuple[Array, Array, int]:
    """mult, add int32 [N] and a shift that use the 31 bits: ``limits`` [N] bound the sums.

    ``spread`` [N] is a sum's usual magnitude; outputs then fill most of the int8 range.
    """
    ratio = 60.0 / np.maximum(spread, 1.0) * rng.uniform(0.2, 1.5, len(limits))
    for shift in range(30, 0, -1):
        mult = np.maximum(np.ceil(ratio * 2.0**shift), 1.0)
        add = np.floor(rng.uniform(-100, 100, len(limits)) * 2.0**shift + 2.0 ** (shift - 1))
        if (np.asarray(limits, float) * mult + np.abs(add)).max() < 2**31:
            return mult.astype(np.int32), add.astype(np.int32), shift
    raise DataError("A workload's sums leave 32 bits; choose a smaller shape.")


class GraphBuilder:
    """A graph of one input ``x`` under construction."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name = name
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.tensors = {"x": Tensor("x", shape, "int8", QParams(0.05, 0))}
        self.nodes: list[Node] = []

    def constant(self, name: str, data: Array) -> str:
        self.tensors[name] = constant(name, data)
        return name

    def node(self, name: str, op: ops.Op, *inputs: str) -> str:
        operands = tuple(self.tensors[i] if i else None for i in inputs)
        bits = getattr(op, "bits", 8)
        shape = infer_shape(op, operands)
        self.tensors[name] = Tensor(name, shape, f"int{bits}", QParams(0.05, 0, bits))
        self.nodes.append(Node(name, op, inputs, name))
        return name

    def matrix(self, name: str, shape: tuple[int, ...]) -> tuple[tuple[str, str, str], int]:
        """Names of weight, mult and add for a weight [N, ...], and the shift."""
        weight = self.rng.integers(-127, 128, shape).astype(np.int8)
        spread = np.full(shape[0], 74.0 * 73.0 * np.sqrt(np.prod(shape[1:])))
        mult, add, shift = requantization(self.rng, accumulator_limits(weight), spread)
        return self._constants(name, weight, mult, add), shift

    def wide_matrix(self, name: str, shape: tuple[int, ...]) -> tuple[tuple[str, str, str], int]:
        """The same for equation (2w), as a quantised file's own scales make it."""
        weight = self.rng.integers(-127, 128, shape).astype(np.int8)
        usual = 60.0 / (74.0 * 73.0 * np.sqrt(np.prod(shape[1:])))
        ratio = usual * self.rng.uniform(0.2, 1.5, shape[0])
        shift = 30 - math.ceil(math.log2(ratio.max()))
        mult = np.round(ratio * 2.0**shift).astype(np.int32)
        add = self.rng.integers(-2000, 2000, shape[0]).astype(np.int32)
        return self._constants(name, weight, mult, add), shift

    def _constants(self, name: str, weight: Array, mult: Array, add: Array) -> tuple[str, str, str]:
        made = (self.constant(f"{name}.w", weight), self.constant(f"{name}.m", mult))
        return *made, self.constant(f"{name}.a", add)

    def linear(self, name: str, x: str, n: int, *, wide: bool = False, table: bool = False) -> str:
        shape = (n, self.tensors[x].shape[-1])
        constants, shift = (self.wide_matrix if wide else self.matrix)(name, shape)
        op = ops.Linear(shift, acc64=True, zero=-3) if wide else ops.Linear(shift)
        return self.node(name, op, x, *constants, *self._function(name, table))

    def _function(self, name: str, wanted: bool) -> tuple[str, ...]:
        """The table of a function that a layer's results go through."""
        if not wanted:
            return ()
        return (self.constant(f"{name}.bytes", self.rng.integers(-128, 128, 256).astype(np.int8)),)

    def conv(
        self,
        name: str,
        x: str,
        n: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        *,
        depthwise: bool = False,
        wide: bool = False,
        table: bool = False,
    ) -> str:
        """Padded so that a stride of 1 keeps height and width (TFLite's SAME)."""
        h, w, c = self.tensors[x].shape
        groups = c if depthwise else 1
        make = self.wide_matrix if wide else self.matrix
        constants, shift = make(name, (n, *kernel, c // groups))
        pads = [
            max((math.ceil(size / step) - 1) * step + k - size, 0)
            for size, k, step in zip((h, w), kernel, stride, strict=True)
        ]
        top, left = pads[0] // 2, pads[1] // 2
        sides = (top, left, pads[0] - top, pads[1] - left)
        op = ops.Conv2d(stride, sides, (1, 1), groups, 0, shift, wide, -3 if wide else 0)
        return self.node(name, op, x, *constants, *self._function(name, table))

    def attention(
        self, name: str, x: str, h: int, p: int, softmax: str = "_lut", *, masked: bool = False
    ) -> str:
        """Projections of x [S, E], attention, output projection; ``name`` is a prefix."""
        s, e = self.tensors[x].shape
        q, k, v = (self.linear(f"{name}{part}", x, h * p) for part in ("q", "k", "v"))
        unit = 6.0 / (2000.0 * np.sqrt(p))
        value, out = QParams(0.05, 3), QParams(0.02, 0)
        op = ops.Attention(
            *(h, h, p, p, False),
            exponential("lut" if softmax == "_lut" else "ibert", unit, 2 * p * 2**14),
            *context_integers(value, out),
            out.zero_point,
        )
        lut = self.constant(f"{name}lut", exponential_lut()) if softmax == "_lut" else ""
        inputs = [q, k, v, lut]
        if masked:
            mask = self.rng.integers(-2000, 2000, (1, s, s)).astype(np.int32)
            inputs.append(self.constant(f"{name}bias", mask))
        context = self.node(f"{name}attention", op, *inputs)
        return self.linear(f"{name}out", context, e)

    def layernorm(self, name: str, x: str) -> str:
        """Of the last axis, with weights."""
        n = self.tensors[x].shape[-1]
        frac = 15 - half_bits(n)
        mult, add, shift = requantization(self.rng, np.full(n, H_LIMIT), np.full(n, 2.0**frac))
        names = (self.constant(f"{name}.mult", mult), self.constant(f"{name}.add", add))
        op = ops.LayerNorm(False, max(n * n // 50, 1), frac, shift, 0)
        return self.node(name, op, x, *names)

    def add(self, name: str, a: str, b: str) -> str:
        return self.node(name, ops.Add(21_000, 12_000, 1 << 14, 15), a, b)

    def mean(self, name: str, x: str, axes: tuple[int, ...]) -> str:
        largest = np.array([128 * math.prod(self.tensors[x].shape[a] for a in axes)])
        mult, add, shift = requantization(self.rng, largest, largest / 2)
        return self.node(name, ops.Mean(axes, int(mult[0]), int(add[0]), shift), x)

    def table(self, name: str, x: str) -> str:
        """A function of one value."""
        return self.node(name, ops.Lut(), x, *self._function(name, True))

    def done(self, output: str) -> IntGraph:
        return IntGraph(self.name, self.tensors, tuple(self.nodes), ("x",), (output,))
