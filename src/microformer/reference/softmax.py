"""Equations (3a), (4), (11): integer probabilities from int32 scores."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Exponential, FineSoftmax, IbertExp, LutExp, Softmax
from microformer.graph.tensor import Array
from microformer.reference.requantize import INT32_LIMIT, clamp8

LUT_RANGE = float(np.log(510.0))
"""exp(-LUT_RANGE) * 255 = 1/2: below that a probability rounds to zero."""


def exponential_lut() -> NDArray[np.uint8]:
    """Equation (3a): LUT[i] = round(255 exp(-i ln(510) / 255)), LUT[255] = 0. uint8 [256]."""
    steps = np.arange(256)
    table = np.floor(255.0 * np.exp(-steps * LUT_RANGE / 255.0) + 0.5)
    table[255] = 0
    return np.asarray(table.astype(np.uint8))


def score_clamp(mult: int, shift: int) -> int:
    """The largest d for which d * mult + 2^(shift-1) stays below 2^31."""
    return (INT32_LIMIT - 1 - (1 << (shift - 1))) // mult


def lut_probabilities(d: Array, lut: Array, mult: int, shift: int) -> NDArray[np.int64]:
    """Equation (3a): p = LUT[min((d mult + 2^(shift-1)) >> shift, 255)], d >= 0 any shape."""
    clamped = np.minimum(d, score_clamp(mult, shift))
    index = np.minimum((clamped * mult + (1 << (shift - 1))) >> shift, 255)
    return np.asarray(lut[index].astype(np.int64))


def ibert_probabilities(d: Array, exp: IbertExp) -> NDArray[np.int64]:
    """Equation (4): i-exp (Kim et al., I-BERT, 2021, algorithm 2) of -d, scaled to 0..255.

    d >= 0 int64, any shape. d' = min(d >> e, 30 ln2), z = d' div ln2, p = -d' + z ln2,
    ((p + b)^2 + c) >> z >> s; all constants are integers in units of the shifted score.
    """
    limit = 30 * exp.ln2
    e = exp.preshift
    shifted = np.minimum(d, limit + 1) << -e if e < 0 else d >> e
    shifted = np.minimum(shifted, limit)
    halvings = shifted // exp.ln2
    rest = halvings * exp.ln2 - shifted
    polynomial = (rest + exp.b) ** 2 + exp.c
    return np.asarray((polynomial >> halvings) >> exp.shift, np.int64)


def probabilities(
    scores: Array, masked: Array | None, lut: Array | None, exp: Exponential
) -> NDArray[np.int64]:
    """Scores int64 [..., S] -> p int64 [..., S] in 0..255; p = 0 where ``masked`` is true."""
    lowest = np.iinfo(np.int64).min
    visible = scores if masked is None else np.where(masked, lowest, scores)
    row_max = visible.max(axis=-1, keepdims=True)
    d = row_max - scores
    if masked is not None:
        d = np.where(masked, 0, d)
    if isinstance(exp, LutExp):
        assert lut is not None
        p = lut_probabilities(d, lut, exp.mult, exp.shift)
    else:
        p = ibert_probabilities(d, exp)
    return p if masked is None else np.where(masked, 0, p)


def softmax(op: Softmax, x: Array, lut: Array | None = None) -> NDArray[np.int8]:
    """Equation (11): R = floor(2^24 / denom); y = min((p R + 2^15) >> 16, 255) - 128.

    x int8 [B, ..., S] -> int8 [B, ..., S] with scale 1/256 and zero point -128.
    """
    p = probabilities(x.astype(np.int64), None, lut, op.exponential)
    reciprocal = (1 << 24) // p.sum(axis=-1, keepdims=True)
    return clamp8(np.minimum((p * reciprocal + (1 << 15)) >> 16, 255) - 128)


FINE_BITS = 20
"""The largest entry of the table of (11f) is 2^20."""


def fine_lut(scale: float) -> NDArray[np.int32]:
    """Equation (11f): T[d] = round(2^20 exp(-d s_x)) for the distances 0..255. int32 [256]."""
    steps = np.arange(256)
    return np.asarray(np.floor(2.0**FINE_BITS * np.exp(-steps * scale) + 0.5).astype(np.int32))


def fine_softmax(op: FineSoftmax, x: Array, table: Array) -> NDArray[np.int8]:
    """Equation (11f): e = T[max x - x], R = floor(C / sum e), y = clamp8(((e R + 2^39) >> 40) + z).

    x int8 [B, ..., N] -> int8 [B, ..., N]; 64 bits throughout.
    """
    wide = x.astype(np.int64)
    e = table.astype(np.int64)[wide.max(axis=-1, keepdims=True) - wide]
    reciprocal = op.numerator // e.sum(axis=-1, keepdims=True)
    return clamp8(((e * reciprocal + (1 << 39)) >> 40) + op.zero)
