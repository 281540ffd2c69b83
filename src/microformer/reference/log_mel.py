"""Logarithms of power in bands of a window of sound, and their cosine transform, equation (18)."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops_audio import CEPSTRUM_BITS, LEAF, LOG_BITS, LogMel
from microformer.graph.tensor import Array
from microformer.reference.range_doppler import Halves, bit_length, minus_j, spectrum, times
from microformer.reference.requantize import requantize

TOP_BITS = 13
"""The largest of a window's samples is brought below 2^13, as the transforms want it."""
BIN_LIMIT = 1 << 30
"""No power of a bin reaches it (docs/arithmetic.md)."""
LOG_LIMIT = 1 << 14
"""No logarithm, in 1/256, reaches it either way."""


def twiddles(fft: int) -> NDArray[np.int16]:
    """int16 [fft / 2, 2]: round(2^14 exp(-2 pi j k / fft)), equation (18d)."""
    angle = 2.0 * np.pi * np.arange(fft // 2) / fft
    parts = np.stack([np.cos(angle), -np.sin(angle)], axis=-1) * 2.0**14
    return np.floor(parts + 0.5).astype(np.int16)


def logarithms() -> NDArray[np.int16]:
    """int16 [256]: round(256 log2(1 + (i + 1/2) / 256)), equation (18g)."""
    leading = np.arange(1 << LOG_BITS) + 0.5
    logs = np.log2(1.0 + leading / (1 << LOG_BITS)) * (1 << LOG_BITS)
    return np.floor(logs + 0.5).astype(np.int16)


def _scaled(x: Array, window: Array) -> tuple[Array, NDArray[np.int64]]:
    """(18a), (18b): samples [B, fft] under the window, shifted by g [B] to 14 bits; and g."""
    y = (x.astype(np.int64) * window + 2**14) >> 15
    reached = np.bitwise_or.reduce(y ^ (y >> 63), axis=-1)
    g = TOP_BITS - bit_length(reached)
    up, down = np.maximum(g, 0)[:, None], np.maximum(-g, 0)[:, None]
    return (y << up) >> down, g


def _order(count: int) -> list[int]:
    """Which of ``count`` interleaved parts stands where: its bits the other way round."""
    if count == 1:
        return [0]
    half = _order(count // 2)
    return [2 * i for i in half] + [2 * i + 1 for i in half]


def transform(u: Array, w: Array) -> Halves:
    """(18c), (18d): u int [B, fft] as fft / 2 complex values to their spectrum [B, fft / 2, 2]."""
    batch, fft = u.shape
    points = fft // 2
    parts = points // LEAF
    z = u.reshape(batch, LEAF, parts, 2).astype(np.int32)
    values = np.stack([spectrum(z[:, :, part], 0) for part in _order(parts)], axis=1)
    size = LEAF
    while size < points:
        pairs = values.reshape(batch, points // (2 * size), 2, size, 2)
        turned = times(pairs[:, :, 1], w[:: fft // (2 * size)][:size].astype(np.int32), 15)
        even = pairs[:, :, 0] >> 1
        size *= 2
        values = np.concatenate([even + turned, even - turned], axis=2)
    return values.reshape(batch, points, 2)


def powers(z: Halves, w: Array) -> Array:
    """(18e), (18f): the power of the bins of the real samples, int64 [B, fft / 2]; bin 0 is 0."""
    points = z.shape[1]
    made = np.zeros(z.shape[:2], np.int64)
    k = np.arange(1, points // 2 + 1)
    a, b = z[:, k], z[:, points - k] * np.array([1, -1], np.int32)
    u = ((a + b) >> 1) >> 1
    t = minus_j(times((a - b) >> 1, w[k].astype(np.int32), 15))
    for bins, value in ((points - k, u - t), (k, u + t)):
        made[:, bins] = (value.astype(np.int64) ** 2).sum(axis=-1)
    return made


def log_mel(
    op: LogMel,
    x: Array,
    window: Array,
    w: Array,
    bands: Array,
    weights: Array,
    logs: Array,
    cosines: Array | None = None,
) -> Array:
    """x int16 [B, fft] -> int8 [B, outputs]."""
    u, g = _scaled(x, window)
    power = powers(transform(u, w), w)
    begin = 0
    columns = []
    for first, count in bands.astype(np.int64):
        mine = weights[begin : begin + count].astype(np.int64)
        columns.append(np.maximum(power[:, first : first + count] @ mine, 1))
        begin += count
    sums = np.stack(columns, axis=-1)
    e = bit_length(sums) - 1
    low, high = np.maximum(LOG_BITS - e, 0), np.maximum(e - LOG_BITS, 0)
    leading = (sums << low) >> high
    v = (e << LOG_BITS) + logs[leading & 255] - (2 << LOG_BITS) * g[:, None]
    v = np.maximum(v, op.floor)
    if cosines is not None:
        v = (v @ cosines.astype(np.int64).T) >> CEPSTRUM_BITS
    return requantize(v, op.mult, op.add, op.shift)
