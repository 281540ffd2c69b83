"""Operations that move bytes and compute nothing."""

import numpy as np

from microformer.graph.ops import Concat, Embedding, Reshape, Slice, Transpose
from microformer.graph.tensor import Array


def concat(op: Concat, *parts: Array) -> Array:
    """Parts [B, ...] joined along ``op.axis`` (counted without the batch axis)."""
    return np.concatenate(parts, axis=op.axis + 1)


def slice_axis(op: Slice, x: Array) -> Array:
    """x[start:stop:step] along one axis; a stop of -1 with a negative step means past index 0."""
    stop = None if op.step < 0 and op.stop < 0 else op.stop
    window = slice(op.start, stop, op.step)
    return x[(slice(None),) * (op.axis + 1) + (window,)]


def reshape(op: Reshape, x: Array) -> Array:
    """x [B, ...] -> [B, *op.shape]."""
    return x.reshape(x.shape[0], *op.shape)


def transpose(op: Transpose, x: Array) -> Array:
    """x [B, ...] with its axes (but for the batch) in the order ``op.perm``."""
    return np.ascontiguousarray(x.transpose(0, *(p + 1 for p in op.perm)))


def embedding(_op: Embedding, index: Array, table: Array) -> Array:
    """Equation (12): index int32 [B, S], table int8 [V, E] -> int8 [B, S, E], index clamped.

    Of a constant index [S] the table is an activation, [B, V, E].
    """
    if index.ndim == 1:
        return np.asarray(table[:, np.clip(index, 0, table.shape[1] - 1)])
    return np.asarray(table[np.clip(index, 0, table.shape[0] - 1)])
