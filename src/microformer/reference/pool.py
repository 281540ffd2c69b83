"""Equations (10) and (17): pooling, means, and the place of a maximum."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import ArgMax, AvgPool2d, ConvPool, MaxPool2d, Mean
from microformer.graph.tensor import Array
from microformer.reference.conv import conv2d, output_size, pad_image, window
from microformer.reference.requantize import clamp8, requantize


def max_pool2d(op: MaxPool2d, x: Array) -> NDArray[np.int8]:
    """x int8 [B, H, W, C] -> int8 [B, OH, OW, C]; padding holds -128 and so never wins."""
    size = output_size((x.shape[1], x.shape[2]), op.kernel, op.stride, op.pads)
    padded = pad_image(x, op.pads, -128)
    cells = (window(padded, tap, op.stride, size) for tap in np.ndindex(*op.kernel))
    return np.asarray(np.maximum.reduce(list(cells)).astype(np.int8))


def argmax(_op: ArgMax, x: Array) -> NDArray[np.int32]:
    """x int8 [B, ..., N] -> int32 [B, ...], [B, 1] where x is [B, N]: equation (17)."""
    found = np.argmax(x, axis=-1).astype(np.int32)
    return np.asarray(found if found.ndim > 1 else found[:, None])


def conv_pool(op: ConvPool, x: Array, *constants: Array) -> NDArray[np.int8]:
    """A Conv2d and a MaxPool2d, by their own semantics: x [B, H, W, C] -> [B, OH, OW, N]."""
    return max_pool2d(op.pool, conv2d(op.conv, x, *constants))


def avg_pool2d(op: AvgPool2d, x: Array, mult: Array, add: Array) -> NDArray[np.int8]:
    """x int8 [B, H, W, C], mult and add int32 [KH*KW] -> int8 [B, OH, OW, C]."""
    size = output_size((x.shape[1], x.shape[2]), op.kernel, op.stride, op.pads)
    padded = pad_image(x.astype(np.int64), op.pads, op.pad_value if op.include_pad else 0)
    inside = pad_image(np.ones((1, *x.shape[1:3], 1), np.int64), op.pads, int(op.include_pad))
    taps = list(np.ndindex(*op.kernel))
    total = sum(window(padded, tap, op.stride, size) for tap in taps)
    count = np.asarray(sum(window(inside, tap, op.stride, size) for tap in taps))  # [1, OH, OW, 1]
    row = np.maximum(count, 1) - 1
    return requantize(np.asarray(total), mult[row], add[row], op.shift)


def mean(op: Mean, x: Array) -> NDArray[np.int8]:
    """x int8 [B, ...] -> int8 without ``op.axes`` (counted without the batch axis)."""
    total = x.astype(np.int64).sum(axis=tuple(a + 1 for a in op.axes))
    return clamp8((total * op.mult + op.add) >> op.shift)
