"""Equations (6), (8), (9), (14): tables, sums and products, and int16 to int8."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Add, Lut, Mul, Requantize
from microformer.graph.tensor import Array
from microformer.reference.requantize import clamp, clamp8, lookup, requantize


def add(op: Add, a: Array, b: Array) -> Array:
    """Equation (8): clamp8((a mult_a + b mult_b + add) >> shift); b repeats over leading axes.

    Equation (8r) is the same with a, b or the result int16.
    """
    total = a.astype(np.int64) * op.mult_a + b.astype(np.int64) * op.mult_b + op.add
    return clamp(total >> op.shift, op.bits)


def requantize_residual(op: Requantize, x: Array) -> Array:
    """Equation (14): clamp8((x mult + add) >> shift), x int16 of any shape -> int8."""
    return requantize(x, op.mult, op.add, op.shift)


def mul(op: Mul, a: Array, b: Array) -> NDArray[np.int8]:
    """Equation (9): clamp8(((a - zero_a)(b - zero_b) mult + add) >> shift)."""
    product = (a.astype(np.int64) - op.zero_a) * (b.astype(np.int64) - op.zero_b)
    return clamp8((product * op.mult + op.add) >> op.shift)


def lut(_op: Lut, x: Array, entries: Array) -> Array:
    """Equation (6): entries[x + 128], x int8 of any shape."""
    return lookup(entries, x.astype(np.int8))
