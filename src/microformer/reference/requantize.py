"""Equation (2): the one way from an int32 accumulator back to int8 (or int16)."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.tensor import Array

INT32_LIMIT = 2**31
"""Every intermediate value of every equation stays strictly below this in magnitude."""


def clamp8(value: Array) -> NDArray[np.int8]:
    """Saturation to int8, any shape."""
    return np.clip(value, -128, 127).astype(np.int8)


def clamp(value: Array, bits: int) -> Array:
    """Saturation to int8 or, with ``bits`` 16, to int16; any shape."""
    return clamp8(value) if bits == 8 else np.clip(value, -(2**15), 2**15 - 1).astype(np.int16)


def requantize(acc: Array, mult: Array | int, add: Array | int, shift: int, bits: int = 8) -> Array:
    """Equation (2): clamp8((acc * mult + add) >> shift), the shift arithmetic (floor).

    ``acc`` [..., N] and ``mult``, ``add`` [N] or scalars; int64 inside, so nothing wraps. That
    the same values fit int32 is proven by ``microformer.reference.proof`` before any C is written.
    """
    wide = acc.astype(np.int64) * np.asarray(mult, np.int64) + np.asarray(add, np.int64)
    return clamp(wide >> shift, bits)


def requantize_acc64(
    acc: Array, mult: Array | int, add: Array | int, shift: int, zero: int
) -> NDArray[np.int8]:
    """Equation (2w): clamp8((((acc + add) * mult + 2^(shift-1)) >> shift) + zero), in 64 bits.

    ``acc`` [..., N], ``mult`` and ``add`` [N] or scalars, shift 1..62. The sum fits 32 bits and the
    product 63 (``microformer.reference.proof``).
    """
    total = acc.astype(np.int64) + np.asarray(add, np.int64)
    wide = total * np.asarray(mult, np.int64) + (np.int64(1) << np.int64(shift - 1))
    return clamp8((wide >> np.int64(shift)) + zero)


def lookup(table: Array | None, y: Array) -> Array:
    """Equation (6): table[y + 128], or y itself where there is no table. ``table`` int8 [256]."""
    if table is None:
        return y
    return np.asarray(table[y.astype(np.int16) + 128])
