"""Equations (7), (7r): LayerNorm and RMSNorm from exact integer sums."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import LayerNorm
from microformer.graph.tensor import Array
from microformer.reference.requantize import requantize

H_LIMIT = 2**15 + 2**9
"""Equation (7c): the largest |h| there can be (proven in docs/arithmetic.md)."""


def half_bits(n: int) -> int:
    """B = ceil(bitlen(N - 1) / 2), so that 2^B >= sqrt(N)."""
    return ((n - 1).bit_length() + 1) // 2


def rsqrt_lut() -> NDArray[np.uint16]:
    """Seeds of equation (7b): round(2^31 / sqrt((j + 32.5) 2^25)), j = 0..95. uint16 [96]."""
    middle = (np.arange(96) + 32.5) * 2.0**25
    return np.asarray(np.floor(2.0**31 / np.sqrt(middle) + 0.5).astype(np.uint16))


_SEEDS = rsqrt_lut().astype(np.int64)


def inverse_sqrt(d: Array) -> Array:
    """Equation (7b): about 2^31 / sqrt(d) for d in [2^30, 2^32), int64, any shape.

    One Newton step, every product below 2^32: y = (y0 ((3 2^30 - t) >> 16)) >> 15 with
    t = (d >> 16) (y0^2 >> 16). Relative error below 2^-12 (test_integer_layernorm).
    """
    seed = _SEEDS[(d >> 25) - 32]
    t = (d >> 16) * ((seed * seed) >> 16)
    return np.asarray((seed * (((3 << 30) - t) >> 16)) >> 15)


def normalize_exponent(d: Array) -> Array:
    """e with d 4^e in [2^30, 2^32), for d int64 >= 1: e = floor((32 - bitlen(d)) / 2)."""
    bits = np.zeros(d.shape, np.int64)
    for power in (32, 16, 8, 4, 2, 1):  # integer bit length: float64 logs are not exact to 2^63
        big = (d >> bits) >= (np.int64(1) << power)
        bits = np.where(big, bits + power, bits)
    return (32 - (bits + 1)) // 2


def layernorm(op: LayerNorm, x: Array, mult: Array, add: Array) -> Array:
    """x int8 or int16 [B, ..., N], mult int32 [N] (signed), add int32 [N] -> the same shape.

    (7a) u = N x - sum x, D = N sum x^2 - (sum x)^2 + eps; (7b) R = 1/sqrt of D 4^e;
    (7c) g = max(0, B + 1 - e), Rm = (R + 2^(g-1)) >> g, h = (u Rm + 2^(s-1)) >> s with
    s = 31 - e - F - g; (7d) y = clamp8((h mult + add) >> shift). RMSNorm puts x - z for x and 0
    for sum x in u and D. Where x or the result is int16, (7r): the g bits go from u, not from R,
    of which few would be left.
    """
    n = x.shape[-1]
    wide = x.astype(np.int64) - (op.zero_point if op.rms else 0)
    total = 0 if op.rms else wide.sum(axis=-1, keepdims=True)
    deviation = n * wide - total
    spread = n * (wide * wide).sum(axis=-1, keepdims=True) - np.square(total) + op.eps
    e = normalize_exponent(spread)
    normal = np.where(e >= 0, spread << np.maximum(2 * e, 0), spread >> np.maximum(-2 * e, 0))
    g = np.maximum(half_bits(n) + 1 - e, 0)
    reciprocal, half = inverse_sqrt(normal), (np.int64(1) << g) >> 1
    if op.bits == 16 or x.dtype == np.int16:
        deviation = (deviation + half) >> g
    else:
        reciprocal = (reciprocal + half) >> g
    s = 31 - e - op.frac - g
    h = (deviation * reciprocal + (np.int64(1) << (s - 1))) >> s
    return requantize(h, mult, add, op.shift, op.bits)
