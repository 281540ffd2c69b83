"""Cases of recurrent layers."""

from collections.abc import Iterator

import numpy as np

from microformer.graph import ops
from microformer.graph.tensor import Array, QParams
from microformer.quantize.scales import linear_integers, scale_integers
from microformer.reference.recurrent import GATE_BITS, curve
from tests.cases.case import Case, seeded_rng


def recurrent(
    kind: str, steps: int, units: int, size: float = 1.0, cell_bits: int = 4, scale: float = 1 / 128
) -> Case:
    """``steps`` of ``units``; the weights are of a magnitude of ``size``, the output of ``scale``.

    ``kind`` is "lstm", "gru" (reset behind the product) or "gru_before".
    """
    name = f"{kind}_{steps}x{units}_{size:g}_{cell_bits}_{scale:g}"
    rng = seeded_rng(name)
    count = 4 if kind == "lstm" else 3
    weight = rng.normal(size=(count * units, units)) * size / np.sqrt(units)
    bias = rng.normal(size=count * units) * size
    zero = int(rng.integers(-20, 20))
    target = QParams(2.0**-GATE_BITS, 0, 16)
    made = linear_integers(weight, bias, QParams(scale, zero), target, name)
    gate = scale_integers(float(rng.uniform(0.01, 0.1)) * 2.0**GATE_BITS, 128, 5, 0)
    out = scale_integers(2.0**-15 / scale, 1 << 15, 0, zero)
    tables = (curve("sigmoid"), curve("tanh"))
    operands: tuple[tuple[int, ...] | Array, ...] = (
        (steps, count * units),
        *(made.weight, made.mult, made.add, *tables),
    )
    op: ops.Op = (
        ops.Lstm(made.shift, *gate, cell_bits, *out)
        if kind == "lstm"
        else ops.Gru(kind == "gru", made.shift, *gate, *out)
    )
    return Case(name, op, operands)


def recurrents_cases() -> Iterator[Case]:
    """Every kind: one step, one unit, tails, gates that saturate, wide and narrow outputs."""
    for kind in ("lstm", "gru", "gru_before"):
        yield recurrent(kind, 1, 1)
        yield recurrent(kind, 7, 3, 3.0, 3)
        yield recurrent(kind, 5, 13, 0.3, 5, 1 / 300)
        yield recurrent(kind, 12, 16, 30.0, 8, 1 / 60)
