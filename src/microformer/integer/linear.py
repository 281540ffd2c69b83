"""Equations (1), (2), (6): matrix product with requantisation and an optional table."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Linear
from microformer.graph.tensor import Array
from microformer.integer.requantize import lookup, requantize


def dot(x: Array, weight: Array) -> NDArray[np.int64]:
    """Exact integer products of x [..., K] with every row of weight [N, K]: int64 [..., N].

    Float64 BLAS does the work: |sum| <= K 128^2 stays far below 2^53, so it is exact.
    """
    product = x.astype(np.float64) @ weight.astype(np.float64).swapaxes(-1, -2)
    return np.rint(product).astype(np.int64)


def linear(
    op: Linear, x: Array, weight: Array, mult: Array, add: Array, table: Array | None = None
) -> NDArray[np.int8]:
    """x int8 [B, ..., K], weight int8 [N, K], mult and add int32 [N] -> int8 [B, ..., N]."""
    return lookup(table, requantize(dot(x, weight), mult, add, op.shift))
