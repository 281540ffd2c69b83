"""Integer graphs to measure, by name: ``linear_R64_K64_N64``, ``attention_S32_E64_H16_P64``, ...

Weights and activations are random over their whole range; multipliers and shifts use 31 bits, as
those of a real model do. What is measured does not depend on their values.
"""

import math
import re
import zlib
from collections.abc import Callable

import numpy as np

from microformer.errors import DataError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.quantize.scales import (
    accumulator_limits,
    context_integers,
    exponential,
    linear_integers,
    scale_integers,
)
from microformer.reference.layernorm import H_LIMIT, half_bits
from microformer.reference.recurrent import GATE_BITS, curve
from microformer.reference.softmax import exponential_lut, fine_lut

LARGEST = 1 << 27
"""The largest product of a workload's sizes, some seconds of emulation; and no tensor is larger."""

GRAMMAR = (
    "attention_S.._E.._H.._P..[_ibert], linear_R.._K.._N.., pointwise_R.._K.._N.., "
    "depthwise_S.._C.._K.., conv_S.._C.._N.._K.., convpool_H.._W.._C.._N.._K..x.._P..x.., "
    "layernorm_R.._N.., softmax_R.._N..[_ibert|_fine], scores_B.._R.._K.., square_B.._R.., "
    "{add,mul,table,mean,transpose}_R.._N.., {lstm,gru}_S.._H.."
)


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


class _Graph:
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
        self.tensors[name] = Tensor(name, infer_shape(op, operands), "int8", QParams(0.05, 0))
        self.nodes.append(Node(name, op, inputs, name))
        return name

    def matrix(self, name: str, shape: tuple[int, ...]) -> tuple[tuple[str, str, str], int]:
        """Names of weight, mult and add for a weight [N, ...], and the shift."""
        weight = self.rng.integers(-127, 128, shape).astype(np.int8)
        spread = np.full(shape[0], 74.0 * 73.0 * np.sqrt(np.prod(shape[1:])))
        mult, add, shift = requantization(self.rng, accumulator_limits(weight), spread)
        data = (weight, mult, add)
        names = [self.constant(f"{name}.{k}", d) for k, d in zip("wma", data, strict=True)]
        return (names[0], names[1], names[2]), shift

    def linear(self, name: str, x: str, n: int) -> str:
        constants, shift = self.matrix(name, (n, self.tensors[x].shape[-1]))
        return self.node(name, ops.Linear(shift), x, *constants)

    def done(self, output: str) -> IntGraph:
        return IntGraph(self.name, self.tensors, tuple(self.nodes), ("x",), (output,))


def _linear(name: str, r: int, k: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, k))
    return graph.done(graph.linear("linear", "x", n))


def _conv(name: str, shape: tuple[int, ...], n: int, kernel: int, groups: int) -> IntGraph:
    graph = _Graph(name, shape)
    constants, shift = graph.matrix("conv", (n, kernel, kernel, shape[-1] // groups))
    pad = kernel // 2
    op = ops.Conv2d((1, 1), (pad, pad, pad, pad), (1, 1), groups, 0, shift)
    return graph.done(graph.node("conv", op, "x", *constants))


def _conv_pool(
    name: str, h: int, w: int, c: int, n: int, kh: int, kw: int, ph: int, pw: int
) -> IntGraph:
    """A convolution whose map is as large as x, and the maximum over windows side by side."""
    graph = _Graph(name, (h, w, c))
    constants, shift = graph.matrix("conv", (n, kh, kw, c))
    pads = ((kh - 1) // 2, (kw - 1) // 2, kh // 2, kw // 2)
    op = ops.Conv2d((1, 1), pads, (1, 1), 1, 0, shift)
    made = graph.node("conv", op, "x", *constants)
    return graph.done(graph.node("pool", ops.MaxPool2d((ph, pw), (ph, pw), (0, 0, 0, 0)), made))


def _attention(name: str, s: int, e: int, h: int, p: int, softmax: str) -> IntGraph:
    """The whole layer: projections of x [s, e] to q, k, v, attention, output projection."""
    graph = _Graph(name, (s, e))
    q, k, v = (graph.linear(part, "x", h * p) for part in ("q", "k", "v"))
    unit = 6.0 / (2000.0 * np.sqrt(p))
    value, out = QParams(0.05, 3), QParams(0.02, 0)
    op = ops.Attention(
        *(h, h, p, p, False),
        exponential(softmax, unit, 2 * p * 2**14),
        *context_integers(value, out),
        out.zero_point,
    )
    lut = graph.constant("lut", exponential_lut()) if softmax == "lut" else ""
    context = graph.node("attention", op, q, k, v, lut)
    return graph.done(graph.linear("out", context, e))


def _layernorm(name: str, r: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, n))
    frac = 15 - half_bits(n)
    mult, add, shift = requantization(graph.rng, np.full(n, H_LIMIT), np.full(n, 2.0**frac))
    names = (graph.constant("mult", mult), graph.constant("add", add))
    op = ops.LayerNorm(False, max(n * n // 50, 1), frac, shift, 0)
    return graph.done(graph.node("layernorm", op, "x", *names))


def _softmax(name: str, r: int, n: int, softmax: str) -> IntGraph:
    graph = _Graph(name, (r, n))
    op = ops.Softmax(exponential(softmax, 0.05, 255))
    lut = graph.constant("lut", exponential_lut()) if softmax == "lut" else ""
    return graph.done(graph.node("softmax", op, "x", lut))


def _matmul(name: str, transposed: bool, batch: int, rows: int, k: int) -> IntGraph:
    """x and x again: x [batch, rows, k] times itself transposed, or a square x times itself."""
    graph = _Graph(name, (batch, rows, k))
    shift = 31 + int(np.log2(74.0 * 74.0 * np.sqrt(k) / 60.0))
    op = ops.MatMul(transposed, 3, -5, 1_234_567_891, shift, 7)
    return graph.done(graph.node("matmul", op, "x", "x"))


def _fine_softmax(name: str, r: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, n))
    table = graph.constant("table", fine_lut(0.05))
    op = ops.FineSoftmax(round(2.0**40 / 0.004), -128)
    return graph.done(graph.node("softmax", op, "x", table))


def _add(name: str, r: int, n: int) -> IntGraph:
    """x and x again; kernels do not see that the two are one."""
    graph = _Graph(name, (r, n))
    return graph.done(graph.node("add", ops.Add(21_000, 12_000, 1 << 14, 15), "x", "x"))


def _mul(name: str, r: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, n))
    mult, add, shift = requantization(graph.rng, np.array([255 * 255]), np.array([5000.0]))
    op = ops.Mul(3, -5, int(mult[0]), int(add[0]), shift)
    return graph.done(graph.node("mul", op, "x", "x"))


def _table(name: str, r: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, n))
    table = graph.constant("bytes", graph.rng.integers(-128, 128, 256).astype(np.int8))
    return graph.done(graph.node("table", ops.Lut(), "x", table))


def _mean(name: str, r: int, n: int) -> IntGraph:
    """Over the rows, as before a classifier."""
    graph = _Graph(name, (r, n))
    largest = np.array([128 * r])
    mult, add, shift = requantization(graph.rng, largest, largest / 2)
    return graph.done(graph.node("mean", ops.Mean((0,), int(mult[0]), int(add[0]), shift), "x"))


def _recurrent(name: str, s: int, h: int) -> IntGraph:
    """Lstm or Gru of ``s`` steps and ``h`` units behind the product with their input."""
    count = 4 if name.startswith("lstm") else 3
    graph = _Graph(name, (s, count * h))
    weight = graph.rng.normal(size=(count * h, h)) / np.sqrt(h)
    target = QParams(2.0**-GATE_BITS, 0, 16)
    made = linear_integers(weight, np.zeros(count * h), QParams(1 / 128, 0), target, name)
    gate = scale_integers(0.05 * 2.0**GATE_BITS, 128, 0, 0)
    out = scale_integers(2.0**-15 * 128, 1 << 15, 0, 0)
    op = (
        ops.Lstm(made.shift, *gate, 4, *out)
        if count == 4
        else ops.Gru(True, made.shift, *gate, *out)
    )
    constants: dict[str, Array] = {"weight": made.weight, "mult": made.mult, "add": made.add}
    constants |= {function: curve(function) for function in ("sigmoid", "tanh")}
    names = [graph.constant(key, data) for key, data in constants.items()]
    return graph.done(graph.node(name.split("_", maxsplit=1)[0], op, "x", *names))


def _transpose(name: str, r: int, n: int) -> IntGraph:
    graph = _Graph(name, (r, n))
    return graph.done(graph.node("transpose", ops.Transpose((1, 0)), "x"))


_PATTERNS: tuple[tuple[str, Callable[..., IntGraph]], ...] = (
    (r"linear_R(\d+)_K(\d+)_N(\d+)", _linear),
    (
        r"pointwise_R(\d+)_K(\d+)_N(\d+)",
        lambda name, r, k, n: _conv(name, (1, r, k), n, 1, 1),
    ),
    (
        r"depthwise_S(\d+)_C(\d+)_K(\d+)",
        lambda name, s, c, k: _conv(name, (s, s, c), c, k, c),
    ),
    (
        r"conv_S(\d+)_C(\d+)_N(\d+)_K(\d+)",
        lambda name, s, c, n, k: _conv(name, (s, s, c), n, k, 1),
    ),
    (r"convpool_H(\d+)_W(\d+)_C(\d+)_N(\d+)_K(\d+)x(\d+)_P(\d+)x(\d+)", _conv_pool),
    (r"attention_S(\d+)_E(\d+)_H(\d+)_P(\d+)(_ibert)?", _attention),
    (r"layernorm_R(\d+)_N(\d+)", _layernorm),
    (r"softmax_R(\d+)_N(\d+)(_ibert)?", _softmax),
    (r"softmax_R(\d+)_N(\d+)_fine", _fine_softmax),
    (r"scores_B(\d+)_R(\d+)_K(\d+)", lambda name, b, r, k: _matmul(name, True, b, r, k)),
    (r"square_B(\d+)_R(\d+)", lambda name, b, r: _matmul(name, False, b, r, r)),
    (r"add_R(\d+)_N(\d+)", _add),
    (r"mul_R(\d+)_N(\d+)", _mul),
    (r"table_R(\d+)_N(\d+)", _table),
    (r"mean_R(\d+)_N(\d+)", _mean),
    (r"(?:lstm|gru)_S(\d+)_H(\d+)", _recurrent),
    (r"transpose_R(\d+)_N(\d+)", _transpose),
)


def workload(name: str) -> IntGraph:
    """The graph of a row; DataError if the name is none of the grammar's or its shape too large."""
    for pattern, build in _PATTERNS:
        found = re.fullmatch(pattern, name)
        if found is None:
            continue
        groups = found.groups()
        sizes = [int(g) for g in groups if g is not None and g.isdigit()]
        if min(sizes) < 1 or math.prod(sizes) > LARGEST:
            raise DataError(f"The bench row '{name}' has a shape that is empty or too large.")
        if "(_ibert)" in pattern:
            return build(name, *sizes, "ibert" if groups[-1] else "lut")
        return build(name, *sizes)
    raise DataError(f"There is no bench row '{name[:80]}'; names are of the forms {GRAMMAR}.")
