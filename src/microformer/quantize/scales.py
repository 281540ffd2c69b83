"""The choice of every scale, multiplier and shift; equations as in docs/arithmetic.md."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microformer.errors import ArithmeticProofError
from microformer.graph.ops import Exponential, IbertExp, LutExp
from microformer.graph.tensor import Array, QParams
from microformer.reference.requantize import INT32_LIMIT
from microformer.reference.softmax import LUT_RANGE

MAX_SHIFT = 30
_ADD_MULT_LIMIT = 2**15  # a pair of Add multipliers fits one SMLAD operand


def affine(low: float, high: float) -> QParams:
    """Scale and zero point for the real range [low, high], widened to hold 0 exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        return QParams(1.0 / 128.0, 0)  # a tensor of zeros: any scale holds it
    scale = (high - low) / 255.0
    return QParams(scale, int(np.clip(math.floor(-128 - low / scale + 0.5), -128, 127)))


def symmetric(low: float, high: float, bits: int = 8) -> QParams:
    """Scale for [-max, max] with zero point 0."""
    largest, levels = max(abs(low), abs(high)), 2.0 ** (bits - 1)
    return QParams(largest / (levels - 1.0) if largest > 0 else 1.0 / levels, 0, bits)


@dataclass(frozen=True, eq=False)
class LinearIntegers:
    """Equation (2)'s integers for one layer, and what the audit wants to know of them."""

    weight: NDArray[np.int8]
    mult: NDArray[np.int32]
    add: NDArray[np.int32]
    shift: int
    coarse_channels: int
    acc64: bool = False


def accumulator_limits(weight: Array) -> NDArray[np.int64]:
    """Largest |sum q_x q_w| over all int8 q_x, one a channel: weight [N, ...] -> int64 [N]."""
    flat = weight.reshape(weight.shape[0], -1).astype(np.int64)
    positive = np.where(flat > 0, flat, 0).sum(axis=1)
    negative = -np.where(flat < 0, flat, 0).sum(axis=1)
    # q_x ranges over -128..127: the lowest sum takes -128 where w > 0 and 127 where w < 0
    limits: NDArray[np.int64] = np.maximum(
        127 * positive + 128 * negative, 128 * positive + 127 * negative
    )
    return limits


def linear_integers(
    weight: Array, bias: Array, x: QParams, y: QParams, where: str
) -> LinearIntegers:
    """Equation (2): weight float [N, ...], bias float [N] -> integers, requantisation exact.

    r is the largest shift for which |acc| m_c + |a_c| < 2^31 holds in every channel; m_c is
    rounded up and the weight scale is then s_y m_c / (2^r s_x), so no weight clips.
    """
    ratio = x.scale / y.scale
    flat = weight.reshape(weight.shape[0], -1).astype(np.float64)
    peak = np.abs(flat).max(axis=1, initial=0.0)  # [N]
    total = np.abs(flat).sum(axis=1)
    for shift in range(MAX_SHIFT, 0, -1):
        exact = peak / 127.0 * ratio * 2.0**shift
        if exact.max(initial=0.0) * 127 >= INT32_LIMIT:
            continue
        mult = np.where(peak > 0, np.maximum(np.ceil(exact), 1.0), 1.0)
        # each |level| mult is at least |weight| 2^r s_x / s_y less half of mult: surely too much?
        least = 126.0 * (total * ratio * 2.0**shift - 0.5 * flat.shape[1] * mult)
        if least.max(initial=0.0) >= INT32_LIMIT:
            continue
        scale = mult / (2.0**shift * ratio)  # s_wc
        levels = np.clip(np.floor(flat / scale[:, None] + 0.5), -127, 127)
        real_bias = np.floor(bias.astype(np.float64) * 2.0**shift / y.scale + 0.5)
        add = real_bias - x.zero_point * mult * levels.sum(axis=1)
        add += y.zero_point * 2.0**shift + 2.0 ** (shift - 1)
        bound = accumulator_limits(levels.astype(np.int8)) * mult + np.abs(add)
        if bound.max(initial=0.0) < INT32_LIMIT:
            return LinearIntegers(
                levels.astype(np.int8).reshape(weight.shape),
                mult.astype(np.int32),
                add.astype(np.int32),
                shift,
                int((mult < 8).sum()),
            )
    raise ArithmeticProofError(
        f"Layer '{where}' cannot be held in 32-bit accumulators (its output range is far too "
        "small for its weights or bias); check the samples' scaling or the layer's weights."
    )


def score_integers(unit: float, reach: int) -> tuple[int, int]:
    """Equation (3a): (m, r) with m / 2^r nearest to unit * 255 / ln 510, r at most 22.

    ``unit`` is s_q s_k / sqrt(P), the real value of one unit of q.k; ``reach`` the largest
    distance that two scores can have. r is the largest for which reach * m + 2^(r-1) fits 31 bits,
    so that kernels need not clamp, as long as m keeps ten bits; else r = 22. m is capped at 2^30,
    where one unit already drives every other probability to zero.
    """
    exact = unit * 255.0 / LUT_RANGE
    for shift in range(22, 0, -1):
        mult = math.floor(exact * 2.0**shift + 0.5)
        if mult < 512:
            break
        if reach * mult + (1 << (shift - 1)) < INT32_LIMIT:
            return mult, shift
    mult = math.floor(min(exact * 2.0**22, 2.0**30) + 0.5)
    return max(mult, 1), 22


def ibert_exp(unit: float) -> IbertExp:
    """Equation (4): constants of i-exp for scores in units of ``unit``.

    e (preshift, may be negative) brings the unit 2^e S into [2^-14, 2^-13), where b^2 + c < 2^31
    and ln 2 is some 5,700 to 11,400 units. The polynomial is 0.3585 (x + 1.353)^2 + 0.344.
    """
    preshift = math.ceil(-14 - math.log2(unit)) if unit > 0 else 0
    preshift = int(np.clip(preshift, -15, 31))
    scaled = max(unit * 2.0**preshift, 2.0**-14)
    b = math.floor(1.353 / scaled)
    c = math.floor(0.344 / (0.3585 * scaled * scaled))
    ln2 = max(math.floor(math.log(2.0) / scaled), 1)
    return IbertExp(preshift, ln2, b, c, max((b * b + c).bit_length() - 8, 0))


def exponential(softmax: str, unit: float, reach: int) -> Exponential:
    """The exponential of scores in units of ``unit``, at most ``reach`` apart: lut or ibert."""
    return LutExp(*score_integers(unit, reach)) if softmax == "lut" else ibert_exp(unit)


def context_integers(v: QParams, out: QParams) -> tuple[int, int, int, int]:
    """Equation (3c): (M, t, out_round, out_zero); t the largest that the bound allows.

    s_v/s_o z_v rarely is a whole number: its fraction goes into out_round, so nothing is lost.
    """
    ratio = v.scale / out.scale
    for shift in range(MAX_SHIFT, 0, -1):
        mult = math.floor(ratio * 2.0**shift + 0.5)
        offset = out.zero_point * (1 << shift) - v.zero_point * mult
        zero, fraction = offset >> shift, offset & ((1 << shift) - 1)
        rounding = (1 << (shift - 1)) + fraction
        if mult >= 1 and mult * 128 + mult // 16 + rounding < INT32_LIMIT:
            return mult, shift, rounding, zero
    raise ArithmeticProofError(
        f"An attention output of scale {out.scale:.3g} cannot be reached from values of scale "
        f"{v.scale:.3g} in 32 bits; check the samples and the value projection's weights."
    )


def add_integers(a: QParams, b: QParams, y: QParams) -> tuple[int, int, int, int]:
    """Equation (8): (mult_a, mult_b, add, shift), both multipliers below 2^15; (8r) where 16 bits.

    Of (8r) a multiplier may be longer, as an int8 operand is short where the result is int16.
    """
    limit = _ADD_MULT_LIMIT if a.bits == b.bits == y.bits == 8 else INT32_LIMIT
    for shift in range(MAX_SHIFT, 0, -1):
        mult_a = math.floor(a.scale / y.scale * 2.0**shift + 0.5)
        mult_b = math.floor(b.scale / y.scale * 2.0**shift + 0.5)
        if max(mult_a, mult_b) < limit:
            offset = -a.zero_point * mult_a - b.zero_point * mult_b
            offset += (y.zero_point << shift) + (1 << (shift - 1))
            terms = -a.limits[0] * mult_a - b.limits[0] * mult_b
            if terms + abs(offset) < INT32_LIMIT:
                return mult_a, mult_b, offset, shift
    raise ArithmeticProofError("A sum's operands are too large for its result; check the samples.")


def scale_integers(ratio: float, limit: int, zero_in: int, zero_out: int) -> tuple[int, int, int]:
    """(mult, add, shift): clamp8((sum mult + add) >> shift) = ratio (sum - zero_in) + zero_out.

    ``limit`` bounds |sum|. Used by equations (9), (10) and (14).
    """
    for shift in range(MAX_SHIFT, 0, -1):
        mult = math.floor(ratio * 2.0**shift + 0.5)
        add = -zero_in * mult + (zero_out << shift) + (1 << (shift - 1))
        if limit * mult + abs(add) < INT32_LIMIT:
            return mult, add, shift
    raise ArithmeticProofError("A mean or product is too large for its result; check the samples.")
