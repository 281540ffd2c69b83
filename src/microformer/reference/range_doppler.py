"""Range-Doppler maps of a radar: 32-point complex FFTs and their magnitudes, equation (13)."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops_radar import DOPPLER, RangeDoppler
from microformer.graph.tensor import Array

TWIDDLE_BITS, ROOT_BITS = 13, 15
OUTPUT_SHIFT = 6
"""The spectrum leaves the FFT divided by 2^6, of samples of 16 bits."""
GIVEN_BACK = 2
"""What the floors of (13b) take from the bins 0 to 3 on average, (13e)."""
OFFSET = 128
"""Added to the power so that its leading bit is bit 7 or higher, (13f)."""
POWER_LIMIT = 1 << 30
"""No power, with its offset, reaches it (docs/arithmetic.md)."""
POWERS = 3072
"""Entries of a table of levels: powers below 2^30 by their eight leading bits."""

Halves = NDArray[np.int32]
"""Values of 16 bits [..., 2] (real, imaginary), kept in 32."""


def twiddles() -> Halves:
    """int32 [8, 4, 2]: round(2^13 exp(-2 pi j k m / 32)) for (m, k), equation (13b)."""
    turns = np.outer(np.arange(8), np.arange(4)) / 32.0
    return _rounded(turns, TWIDDLE_BITS)


def _rounded(turns: Array, bits: int) -> Halves:
    angle = 2.0 * np.pi * turns
    parts = np.stack([np.cos(angle), -np.sin(angle)], axis=-1) * 2.0**bits
    return np.floor(parts + 0.5).astype(np.int32)


def _wrap(x: Halves) -> Halves:
    """Modulo 2^16, as 16-bit adders count."""
    return x.astype(np.int16).astype(np.int32)


def minus_j(x: Halves) -> Halves:
    """-j x: real and imaginary part change places, the new imaginary part its sign."""
    return np.stack([x[..., 1], -x[..., 0]], axis=-1)


def times(x: Halves, w: Halves, shift: int) -> Halves:
    """(x w) >> shift, both parts floored."""
    real = x[..., 0] * w[..., 0] - x[..., 1] * w[..., 1]
    imaginary = x[..., 0] * w[..., 1] + x[..., 1] * w[..., 0]
    return np.stack([real, imaginary], axis=-1) >> shift


def spectrum(x: Array, preshift: int) -> Halves:
    """int16 [..., 32, 2] samples to int32 [..., 32, 2], their spectrum over 2^6, (13a) to (13e).

    ``preshift`` is 2 for samples of 16 bits and 0 for those of 14.
    """
    y = _columns(x.astype(np.int32) >> preshift)
    made = np.empty(x.shape, np.int32)
    for k in range(4):
        for bin_of_column, value in enumerate(_eight(y[..., k, :])):
            made[..., k + 4 * bin_of_column, :] = value
    made[..., :4, :] += GIVEN_BACK
    return made


def _columns(x: Halves) -> Halves:
    """Equations (13a), (13b): four-point transforms of columns m, twiddled; [..., 8, 4, 2]."""
    x0, x1, x2, x3 = (x[..., 8 * n : 8 * n + 8, :] for n in range(4))
    sums, turned = (_wrap(x0 + x2), _wrap(x1 + x3)), _wrap(minus_j(x1 - x3))
    difference = _wrap(x0 - x2)
    four = [sums[0] + sums[1], difference + turned, sums[0] - sums[1], difference - turned]
    y = _wrap(np.stack(four, axis=-2))
    return times(y, twiddles(), TWIDDLE_BITS + 3)


def _eight(y: Halves) -> list[Halves]:
    """Equations (13c), (13d): the eight-point transform over m of y [..., 8, 2], bin by bin."""
    low, high = y[..., :4, :], y[..., 4:, :]
    even, odd = low + high, low - high
    root = _rounded(np.array([1, 3]) / 8.0, ROOT_BITS)
    odd[..., 1::2, :] = times(odd[..., 1::2, :], root, ROOT_BITS)
    odd[..., 2, :] = minus_j(odd[..., 2, :])
    bins: list[Halves] = [y[..., 0, :]] * 8
    for first, part in ((0, even), (1, odd)):
        bins[first], bins[first + 4], bins[first + 2], bins[first + 6] = _four(part)
    return bins


def _four(b: Halves) -> list[Halves]:
    """Equation (13d): sums and differences halved once; bins 0, 2, 1, 3 of b [..., 4, 2]."""
    c0, c1 = (b[..., 0, :] + b[..., 2, :]) >> 1, (b[..., 1, :] + b[..., 3, :]) >> 1
    c2, c3 = (b[..., 0, :] - b[..., 2, :]) >> 1, (b[..., 1, :] - b[..., 3, :]) >> 1
    turned = minus_j(c3)
    return [c0 + c1, c0 - c1, c2 + turned, c2 - turned]


def bit_length(x: Array) -> NDArray[np.int64]:
    """Of integers from 0 below 2^53."""
    return np.asarray(np.frexp(x.astype(np.float64))[1], np.int64)


def power_index(power: Array) -> Array:
    """Equation (13f): the table's entry of powers below 2^30: exponent and eight leading bits."""
    shifted = power.astype(np.int64) + OFFSET
    exponent = bit_length(shifted) - 8
    return np.asarray(128 * exponent + (shifted >> exponent))


def middle_magnitudes() -> NDArray[np.float64]:
    """The magnitude in the middle of each entry's powers [3072], in units of the spectrum."""
    index = np.arange(POWERS)
    exponent = np.maximum(index // 128 - 1, 0)
    lowest = (index - 128 * exponent) << exponent
    first = np.maximum(lowest - OFFSET, 0)
    last = np.maximum(lowest + (1 << exponent) - 1 - OFFSET, 0)
    return np.asarray((np.sqrt(first) + np.sqrt(last)) / 2.0)


def range_doppler(op: RangeDoppler, x: Array, table: Array) -> Array:
    """x int16 [B, sensors, 32, points, 2] -> int8 [B, 32, ceil(points / step), sensors]."""
    samples = x[:, :, :, :: op.step]
    bins = spectrum(np.moveaxis(samples, 2, 3), op.preshift)  # [B, sensors, points, 32, 2]
    power = (bins * bins).sum(axis=-1)
    levels = np.asarray(table[power_index(power)])
    return np.ascontiguousarray(np.roll(levels, DOPPLER // 2, axis=-1).transpose(0, 3, 2, 1))
