"""Equations (1), (2), (6) for channel-last convolutions."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Conv2d
from microformer.graph.tensor import Array
from microformer.integer.linear import scaled
from microformer.integer.requantize import lookup


def pad_image(x: Array, pads: tuple[int, int, int, int], value: int) -> Array:
    """x [B, H, W, C] with (top, left, bottom, right) cells of ``value`` around it."""
    top, left, bottom, right = pads
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def window(
    x: Array, offset: tuple[int, int], stride: tuple[int, int], size: tuple[int, int]
) -> Array:
    """The cells of x [B, H, W, C] that tap ``offset`` sees for each output: [B, OH, OW, C]."""
    (dy, dx), (sy, sx), (oh, ow) = offset, stride, size
    return x[:, dy : dy + sy * (oh - 1) + 1 : sy, dx : dx + sx * (ow - 1) + 1 : sx]


def output_size(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """(OH, OW) of a window operation over (H, W); floor, as ONNX without ceil_mode."""
    top, left, bottom, right = pads
    padded = (size[0] + top + bottom, size[1] + left + right)
    spans = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    oh, ow = ((p - n) // s + 1 for p, n, s in zip(padded, spans, stride, strict=True))
    return oh, ow


def conv2d(
    op: Conv2d, x: Array, weight: Array, mult: Array, add: Array, table: Array | None = None
) -> NDArray[np.int8]:
    """x int8 [B, H, W, C], weight int8 [N, KH, KW, C/G] -> int8 [B, OH, OW, N]."""
    n, kh, kw, depth = weight.shape
    size = output_size((x.shape[1], x.shape[2]), (kh, kw), op.stride, op.pads, op.dilation)
    padded = pad_image(x, op.pads, op.pad_value).astype(np.float64)
    acc = np.zeros((x.shape[0], *size, n))
    per_group = n // op.groups
    for ky in range(kh):
        for kx in range(kw):
            offset = (ky * op.dilation[0], kx * op.dilation[1])
            cells = window(padded, offset, op.stride, size)  # [B, OH, OW, C]
            grouped = cells.reshape(*cells.shape[:3], op.groups, depth)
            taps = weight[:, ky, kx].reshape(op.groups, per_group, depth).astype(np.float64)
            # exact in float64: |acc| <= KH KW C/G 128^2 << 2^53
            acc += np.einsum("bhwgd,gnd->bhwgn", grouped, taps).reshape(*cells.shape[:3], n)
    return lookup(table, scaled(op, np.rint(acc).astype(np.int64), mult, add))
