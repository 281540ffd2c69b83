"""Equations (6), (8), (9): tables, sums and products of int8 tensors."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Add, Mul, Table
from microformer.graph.tensor import Array
from microformer.integer.requantize import clamp8, lookup


def add(op: Add, a: Array, b: Array) -> NDArray[np.int8]:
    """Equation (8): clamp8((a mult_a + b mult_b + add) >> shift); b repeats over leading axes."""
    total = a.astype(np.int64) * op.mult_a + b.astype(np.int64) * op.mult_b + op.add
    return clamp8(total >> op.shift)


def mul(op: Mul, a: Array, b: Array) -> NDArray[np.int8]:
    """Equation (9): clamp8(((a - zero_a)(b - zero_b) mult + add) >> shift)."""
    product = (a.astype(np.int64) - op.zero_a) * (b.astype(np.int64) - op.zero_b)
    return clamp8((product * op.mult + op.add) >> op.shift)


def table(_op: Table, x: Array, entries: Array) -> NDArray[np.int8]:
    """Equation (6): entries[x + 128], x int8 of any shape."""
    return lookup(entries, x.astype(np.int8))
