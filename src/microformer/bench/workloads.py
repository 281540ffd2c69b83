"""Integer graphs to measure, by name: ``linear_R64_K64_N64``, ``attention_S32_E64_H16_P64``, ...

Weights and activations are random over their whole range; multipliers and shifts use 31 bits, as
those of a real model do. What is measured does not depend on their values.
"""

import math
import re
from collections.abc import Callable

import numpy as np

from microformer.bench.builder import GraphBuilder, requantization
from microformer.bench.nets import NETS
from microformer.errors import DataError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import Array, QParams
from microformer.quantize.scales import exponential, linear_integers, scale_integers
from microformer.reference.recurrent import GATE_BITS, curve
from microformer.reference.softmax import exponential_lut, fine_lut

LARGEST = 1 << 27
"""The largest product of a workload's sizes, some seconds of emulation; and no tensor is larger."""

ROOM = 32 * 2**20
"""Bytes of memories so large that any workload fits; what one needs is reported."""

GRAMMAR = (
    "attention_S.._E.._H.._P..[_ibert|_masked], linear_R.._K.._N..[_acc64|_s16|_table], "
    "pointwise_R.._K.._N..[_acc64|_table], depthwise_S.._C.._K..[_acc64|_table], "
    "conv_S.._C.._N.._K..[_acc64|_table], convpool_H.._W.._C.._N.._K..x.._P..x.., "
    "layernorm_R.._N.., softmax_R.._N..[_ibert|_fine], scores_B.._R.._K.., square_B.._R.., "
    "{add,mul,table,mean,transpose}_R.._N.., {lstm,gru}_S.._H.., "
    f"{', '.join(sorted(NETS))}"
)


def _linear(name: str, r: int, k: int, n: int, form: str) -> IntGraph:
    graph = GraphBuilder(name, (r, k))
    if form == "_s16":
        constants, shift = graph.matrix("linear", (n, k))
        wide = graph.node("linear", ops.Linear(shift, bits=16), "x", *constants)
        scale = scale_integers(2.0**-8, 1 << 15, 0, 0)
        return graph.done(graph.node("output", ops.Requantize(*scale), wide))
    return graph.done(graph.linear("linear", "x", n, wide=form == "_acc64", table=form == "_table"))


def _conv(
    name: str, shape: tuple[int, ...], n: int, kernel: int, form: str, *, depthwise: bool = False
) -> IntGraph:
    graph = GraphBuilder(name, shape)
    wide, table, size = form == "_acc64", form == "_table", (kernel, kernel)
    return graph.done(graph.conv("conv", "x", n, size, depthwise=depthwise, wide=wide, table=table))


def _conv_pool(
    name: str, h: int, w: int, c: int, n: int, kh: int, kw: int, ph: int, pw: int
) -> IntGraph:
    """A convolution whose map is as large as x, and the maximum over windows side by side."""
    graph = GraphBuilder(name, (h, w, c))
    made = graph.conv("conv", "x", n, (kh, kw))
    return graph.done(graph.node("pool", ops.MaxPool2d((ph, pw), (ph, pw), (0, 0, 0, 0)), made))


def _attention(name: str, s: int, e: int, h: int, p: int, form: str) -> IntGraph:
    """The whole layer: projections of x [s, e] to q, k, v, attention, output projection."""
    graph, softmax = GraphBuilder(name, (s, e)), "_ibert" if form == "_ibert" else "_lut"
    return graph.done(graph.attention("", "x", h, p, softmax, masked=form == "_masked"))


def _layernorm(name: str, r: int, n: int) -> IntGraph:
    graph = GraphBuilder(name, (r, n))
    return graph.done(graph.layernorm("layernorm", "x"))


def _softmax(name: str, r: int, n: int, softmax: str) -> IntGraph:
    graph = GraphBuilder(name, (r, n))
    op = ops.Softmax(exponential("ibert" if softmax else "lut", 0.05, 255))
    lut = "" if softmax else graph.constant("lut", exponential_lut())
    return graph.done(graph.node("softmax", op, "x", lut))


def _matmul(name: str, transposed: bool, batch: int, rows: int, k: int) -> IntGraph:
    """x and x again: x [batch, rows, k] times itself transposed, or a square x times itself."""
    graph = GraphBuilder(name, (batch, rows, k))
    shift = 31 + int(np.log2(74.0 * 74.0 * np.sqrt(k) / 60.0))
    op = ops.MatMul(transposed, 3, -5, 1_234_567_891, shift, 7)
    return graph.done(graph.node("matmul", op, "x", "x"))


def _fine_softmax(name: str, r: int, n: int) -> IntGraph:
    graph = GraphBuilder(name, (r, n))
    table = graph.constant("table", fine_lut(0.05))
    op = ops.FineSoftmax(round(2.0**40 / 0.004), -128)
    return graph.done(graph.node("softmax", op, "x", table))


def _add(name: str, r: int, n: int) -> IntGraph:
    """x and x again; kernels do not see that the two are one."""
    graph = GraphBuilder(name, (r, n))
    return graph.done(graph.add("add", "x", "x"))


def _mul(name: str, r: int, n: int) -> IntGraph:
    graph = GraphBuilder(name, (r, n))
    mult, add, shift = requantization(graph.rng, np.array([255 * 255]), np.array([5000.0]))
    op = ops.Mul(3, -5, int(mult[0]), int(add[0]), shift)
    return graph.done(graph.node("mul", op, "x", "x"))


def _table(name: str, r: int, n: int) -> IntGraph:
    graph = GraphBuilder(name, (r, n))
    return graph.done(graph.table("table", "x"))


def _mean(name: str, r: int, n: int) -> IntGraph:
    """Over the rows, as before a classifier."""
    graph = GraphBuilder(name, (r, n))
    return graph.done(graph.mean("mean", "x", (0,)))


def _recurrent(name: str, s: int, h: int) -> IntGraph:
    """Lstm or Gru of ``s`` steps and ``h`` units behind the product with their input."""
    count = 4 if name.startswith("lstm") else 3
    graph = GraphBuilder(name, (s, count * h))
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
    graph = GraphBuilder(name, (r, n))
    return graph.done(graph.node("transpose", ops.Transpose((1, 0)), "x"))


_PATTERNS: tuple[tuple[str, Callable[..., IntGraph]], ...] = (
    (r"linear_R(\d+)_K(\d+)_N(\d+)(_acc64|_s16|_table|)", _linear),
    (
        r"pointwise_R(\d+)_K(\d+)_N(\d+)(_acc64|_table|)",
        lambda name, r, k, n, form: _conv(name, (1, r, k), n, 1, form),
    ),
    (
        r"depthwise_S(\d+)_C(\d+)_K(\d+)(_acc64|_table|)",
        lambda name, s, c, k, form: _conv(name, (s, s, c), c, k, form, depthwise=True),
    ),
    (
        r"conv_S(\d+)_C(\d+)_N(\d+)_K(\d+)(_acc64|_table|)",
        lambda name, s, c, n, k, form: _conv(name, (s, s, c), n, k, form),
    ),
    (r"convpool_H(\d+)_W(\d+)_C(\d+)_N(\d+)_K(\d+)x(\d+)_P(\d+)x(\d+)", _conv_pool),
    (r"attention_S(\d+)_E(\d+)_H(\d+)_P(\d+)(_ibert|_masked|)", _attention),
    (r"layernorm_R(\d+)_N(\d+)", _layernorm),
    (r"softmax_R(\d+)_N(\d+)(_ibert|)", _softmax),
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
    if name in NETS:
        return NETS[name](name)
    for pattern, build in _PATTERNS:
        found = re.fullmatch(pattern, name)
        if found is None:
            continue
        groups = found.groups()
        sizes = [int(g) for g in groups if g.isdigit()]
        if min(sizes) < 1 or math.prod(sizes) > LARGEST:
            raise DataError(f"The bench row '{name}' has a shape that is empty or too large.")
        return build(name, *(int(g) if g.isdigit() else g for g in groups))
    raise DataError(f"There is no bench row '{name[:80]}'; names are of the forms {GRAMMAR}.")
