"""Equations (1), (2), (6): matrix product with requantisation and an optional table."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Conv2d, Linear, MatMul
from microformer.graph.tensor import Array
from microformer.reference.requantize import lookup, requantize, requantize_acc64


def dot(x: Array, weight: Array) -> NDArray[np.int64]:
    """Exact integer products of x [..., K] with every row of weight [N, K]: int64 [..., N].

    Float64 BLAS does the work: |sum| <= K 128^2 stays far below 2^53, so it is exact.
    """
    product = x.astype(np.float64) @ weight.astype(np.float64).swapaxes(-1, -2)
    return np.rint(product).astype(np.int64)


def linear(
    op: Linear, x: Array, weight: Array, mult: Array, add: Array, table: Array | None = None
) -> Array:
    """x int8 [B, ..., K], weight int8 [N, K], mult and add int32 [N] -> [B, ..., N]."""
    return lookup(table, scaled(op, dot(x, weight), mult, add))


def scaled(op: Linear | Conv2d, acc: Array, mult: Array, add: Array) -> Array:
    """Accumulators back to 8 (or 16) bits by equation (2), or (2w) where the node says so."""
    if op.acc64:
        return requantize_acc64(acc, mult, add, op.shift, op.zero)
    return requantize(acc, mult, add, op.shift, op.bits if isinstance(op, Linear) else 8)


def matmul(op: MatMul, a: Array, b: Array) -> NDArray[np.int8]:
    """Equations (1m), (2w): a int8 [B, ..., M, K], b [B, ..., K, N] (or N, K) -> [B, ..., M, N]."""
    left = a.astype(np.float64) - op.zero_a
    right = b.astype(np.float64) - op.zero_b
    product = left @ (right.swapaxes(-1, -2) if op.transposed else right)
    # exact in float64: |sum| <= K 255^2 << 2^53
    return requantize_acc64(np.rint(product).astype(np.int64), op.mult, 0, op.shift, op.zero)
