"""Integers from scales that a model brought along: equation (2), or (2w) where it is coarse."""

import numpy as np

from microformer.errors import ArithmeticProofError
from microformer.graph.tensor import Array, QParams
from microformer.quantize.scales import MAX_SHIFT, LinearIntegers, accumulator_limits
from microformer.reference.requantize import INT32_LIMIT

TOLERANCE_LSB = 0.25
"""What the rounding of m_c may cost at the output before (2w) is taken."""
_OFF_GRID = 0.02


def imported_weight(weight: Array, grid: Array) -> tuple[Array, Array] | None:
    """(levels int8 [N, ...], scales float64 [N]) of a weight [N, ...] on ``grid`` [N, -1], or None.

    None where the step differs inside a channel, or the levels leave int8 (a zero point).
    """
    steps = grid[:, 0].astype(np.float64)
    if not np.allclose(grid, steps[:, None], rtol=1e-6, atol=0):
        return None
    exact = weight.reshape(len(steps), -1).astype(np.float64) / steps[:, None]
    levels = np.rint(exact)
    if np.abs(exact - levels).max(initial=0) > _OFF_GRID or levels.min() < -128:
        return None
    return (levels.astype(np.int8).reshape(weight.shape), steps) if levels.max() < 128 else None


def imported_levels(weight: Array, grid: Array) -> tuple[Array, Array] | None:
    """(levels int64 [N, ...], scales [N]) of a weight whose levels need nine bits, or None.

    None where the step differs inside a channel, or a level is beyond what two int8 add up to.
    """
    steps = grid[:, 0].astype(np.float64)
    if not np.allclose(grid, steps[:, None], rtol=1e-6, atol=0):
        return None
    exact = weight.reshape(len(steps), -1).astype(np.float64) / steps[:, None]
    levels = np.rint(exact)
    if np.abs(exact - levels).max(initial=0) > _OFF_GRID or np.abs(levels).max(initial=0) > 254:
        return None
    return levels.astype(np.int64).reshape(weight.shape), steps


def imported_constant(data: Array, grid: Array | None) -> QParams | None:
    """The quantisation of a constant operand that holds its imported levels exactly, or None."""
    if grid is None or not np.allclose(grid, grid.reshape(-1)[0], rtol=1e-6, atol=0):
        return None
    scale = float(grid.reshape(-1)[0])
    exact = data.astype(np.float64) / scale
    low, high = np.rint(exact.min()), np.rint(exact.max())
    if high - low > 255 or np.abs(exact - np.rint(exact)).max() > _OFF_GRID:
        return None
    return QParams(scale, int(np.clip(0, -128 - low, 127 - high)))


def imported_integers(
    weight: Array, scales: Array, bias: Array, x: QParams, y: QParams, where: str
) -> LinearIntegers:
    """Integers of a layer whose weight int8 [N, ...] and scales [N] are given; bias float [N].

    Equation (2) with the m_c nearest to s_x s_wc / s_y, as long as its rounding costs at most
    0.25 LSB at any accumulator whose output is not saturated; else equation (2w).
    """
    ratio = x.scale * scales / y.scale  # [N]
    sums = weight.reshape(len(scales), -1).astype(np.int64).sum(axis=1)
    limits = accumulator_limits(weight)
    reach = np.minimum(limits + np.abs(x.zero_point * sums), 256.0 / ratio)
    for shift in range(MAX_SHIFT, 0, -1):
        mult = np.maximum(np.floor(ratio * 2.0**shift + 0.5), 1.0)
        add = np.floor(bias.astype(np.float64) * 2.0**shift / y.scale + 0.5)
        add += -x.zero_point * mult * sums + y.zero_point * 2.0**shift + 2.0 ** (shift - 1)
        if (limits * mult + np.abs(add)).max() < INT32_LIMIT:
            if (reach * np.abs(mult / 2.0**shift - ratio)).max() > TOLERANCE_LSB:
                break
            return LinearIntegers(
                weight, mult.astype(np.int32), add.astype(np.int32), shift, int((mult < 8).sum())
            )
    add = np.floor(bias.astype(np.float64) / (x.scale * scales) + 0.5) - x.zero_point * sums
    total = limits + np.abs(add)
    if total.max() >= INT32_LIMIT:
        raise ArithmeticProofError(
            f"Layer '{where}' has a bias too large for a 32-bit accumulator of its own scales; "
            "quantise the model again or import its float form."
        )
    mult, shift = acc64_integers(ratio, int(total.max()))
    return LinearIntegers(weight, mult, add.astype(np.int32), shift, 0, acc64=True)


def acc64_integers(ratio: Array, limit: int) -> tuple[Array, int]:
    """Equation (2w): (mult int32 [N], shift) nearest to ``ratio`` [N] for sums up to ``limit``."""
    for shift in range(62, 0, -1):
        mult = np.floor(ratio * 2.0**shift + 0.5)
        largest = int(mult.max())
        if largest < INT32_LIMIT and limit * largest + (1 << (shift - 1)) < 2**63:
            return np.maximum(mult, 1).astype(np.int32), shift
    raise ArithmeticProofError("A product is far too large for its result; check the scales.")
