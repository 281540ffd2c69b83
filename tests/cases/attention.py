"""Attention, whole layers of it, and softmax."""

from collections.abc import Iterator

import numpy as np

from microformer.graph import ops
from microformer.graph.tensor import QParams
from microformer.quantize.scales import (
    context_integers,
    exponential,
)
from microformer.reference.softmax import exponential_lut
from tests.cases.case import Case, Operand, drawn_weights, matrix_constants, seeded_rng


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
    rng = seeded_rng(name)
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
    rng = seeded_rng(f"block_{e}x{n}_{inner.name}")
    operands: list[Operand] = [(rows, e)]
    shifts = []
    acc64, v_wide = op.kv_heads * op.head_dim, op.kv_heads * op.value_dim
    sizes = ((op.heads * op.head_dim, e), (acc64, e), (v_wide, e), (n, op.heads * op.value_dim))
    for size in sizes:
        weight = drawn_weights(rng, size)
        mult, add, shift = matrix_constants(rng, weight)
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


def attentions_cases() -> Iterator[Case]:
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


def blocks_cases() -> Iterator[Case]:
    for kind in ("lut", "ibert"):
        yield block(1, 1, 1, attention(1, 1, 1, 1, softmax=kind))
        yield block(5, 8, 12, attention(5, 5, 2, 4, softmax=kind))
        yield block(17, 9, 7, attention(17, 17, 3, 6, value_dim=10, softmax=kind))
        yield block(6, 12, 5, attention(6, 6, 4, 8, kv_heads=2, value_dim=3, softmax=kind))
        yield block(9, 16, 16, attention(9, 9, 2, 5, causal=True, softmax=kind))
        yield block(7, 6, 9, attention(7, 7, 2, 4, bias="head", softmax=kind))
        yield block(10, 4, 4, attention(10, 10, 2, 7, bias="masked", causal=True, softmax=kind))
        yield block(4, 32, 32, attention(4, 4, 1, 40, softmax=kind, unit=2.0))
