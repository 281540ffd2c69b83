"""Equations (3) and (4): attention with one division a row, after the product with V."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import MASKED, Attention, AttentionBlock, Linear
from microformer.graph.tensor import Array
from microformer.reference.linear import linear
from microformer.reference.requantize import clamp8
from microformer.reference.softmax import probabilities


def split_heads(x: Array, heads: int) -> NDArray[np.float64]:
    """x [B, S, heads * P] -> float64 [B, heads, S, P]; float64 because BLAS is exact there."""
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).swapaxes(1, 2).astype(np.float64)


SCORES = 1 << 22
"""Scores that are in memory at a time: attention goes by rows, which know nothing of each other."""


def visible_scores(
    op: Attention, q: Array, k: Array, bias: Array | None, first: int = 0
) -> tuple[Array, Array]:
    """Scores q.k + bias, int64 [B, H, Sq, Sk], and where they are masked, bool [1 or H, Sq, Sk].

    ``first`` is the position of the first query where q are some of the rows.
    """
    queries = split_heads(q, op.heads)
    keys = np.repeat(split_heads(k, op.kv_heads), op.heads // op.kv_heads, axis=1)
    scores = np.rint(queries @ keys.swapaxes(-1, -2)).astype(np.int64)
    masked = np.zeros((1, scores.shape[2], scores.shape[3]), bool)
    if op.causal:
        masked = np.triu(np.ones_like(masked), k=1 + first)
    if bias is not None:
        wide = bias.astype(np.int64)
        masked = masked | (wide == MASKED)
        scores = scores + np.where(wide == MASKED, 0, wide)
    return scores, masked


def normalize(op: Attention, total: Array, denom: Array) -> NDArray[np.int8]:
    """Equation (3c): total int64 [..., PV], denom int64 [..., 1] -> int8 [..., PV].

    n = bitlen(denom) - 12 brings denom to 12 bits; R = floor(M / denom) is the row's only
    division; o = clamp8(((total R + out_round) >> t) + out_zero).
    """
    safe = np.maximum(denom, 1)
    bits = np.floor(np.log2(safe)).astype(np.int64) + 1  # exact: denom < 2^32 << 2^53
    n = bits - 12
    right, left = np.maximum(n, 0), np.maximum(-n, 0)
    reciprocal = op.out_mult // ((safe >> right) << left)
    scaled = (((total >> right) << left) * reciprocal + op.out_round) >> op.out_shift
    return np.where(denom == 0, np.int8(op.masked_value), clamp8(scaled + op.out_zero))


def attention(
    op: Attention, q: Array, k: Array, v: Array, lut: Array | None = None, bias: Array | None = None
) -> NDArray[np.int8]:
    """q int8 [B, Sq, H*P], k [B, Sk, KVH*P], v [B, Sk, KVH*PV] -> int8 [B, Sq, H*PV]."""
    rows = max(1, SCORES // (len(q) * op.heads * k.shape[1]))
    parts = []
    for first in range(0, q.shape[1], rows):
        chosen = slice(first, first + rows)
        own = bias if bias is None or bias.shape[-2] == 1 else bias[..., chosen, :]
        parts.append(_rows(op, q[:, chosen], k, v, lut, own, first))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _rows(
    op: Attention,
    q: Array,
    k: Array,
    v: Array,
    lut: Array | None,
    bias: Array | None,
    first: int,
) -> NDArray[np.int8]:
    """The rows of queries q [B, R, H*P] that begin at position ``first``: int8 [B, R, H*PV]."""
    scores, masked = visible_scores(op, q, k, bias, first)
    p = probabilities(scores, np.broadcast_to(masked, scores.shape), lut, op.exponential)
    values = np.repeat(split_heads(v, op.kv_heads), op.heads // op.kv_heads, axis=1)
    total = np.rint(p.astype(np.float64) @ values).astype(np.int64)  # [B, H, Sq, PV], exact
    context = normalize(op, total, p.sum(axis=-1, keepdims=True))  # int8 [B, H, Sq, PV]
    batch, heads, rows, width = context.shape
    return np.ascontiguousarray(context.swapaxes(1, 2)).reshape(batch, rows, heads * width)


def attention_block(op: AttentionBlock, x: Array, *constants: Array | None) -> Array:
    """Four Linear and an Attention, by their own semantics: x [B, S, E] -> [B, S, N]."""
    parts = [constants[i : i + 3] for i in (0, 3, 6, 9)]
    queries, keys, values = (
        linear(Linear(shift), x, *_given(part))
        for shift, part in zip(op.shifts, parts, strict=False)
    )
    context = attention(op.attention, queries, keys, values, *constants[12:])
    return linear(Linear(op.shift), context, *_given(parts[3]))


def _given(part: tuple[Array | None, ...]) -> tuple[Array, Array, Array]:
    weight, mult, add = part
    assert weight is not None and mult is not None and add is not None
    return weight, mult, add
