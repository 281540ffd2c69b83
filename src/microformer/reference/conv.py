"""Equations (1), (2), (6) for channel-last convolutions."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Conv2d
from microformer.graph.tensor import Array
from microformer.reference.linear import scaled
from microformer.reference.requantize import lookup


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
    n, kh, kw, _ = weight.shape
    size = output_size((x.shape[1], x.shape[2]), (kh, kw), op.stride, op.pads, op.dilation)
    padded = pad_image(x, op.pads, op.pad_value)
    # exact: every partial sum is an integer, |acc| <= KH KW C/G 128^2, below 2^24 or << 2^53
    exact = np.float32 if weight[0].size * 128 * 128 <= 2**24 else np.float64
    acc = np.zeros((*x.shape[:1], *size, n), exact)
    for ky in range(kh):
        offsets = [(ky * op.dilation[0], kx * op.dilation[1]) for kx in range(kw)]
        row = [window(padded, offset, op.stride, size) for offset in offsets]
        acc += _row_sums(op.groups, row, weight[:, ky].astype(exact))
    return lookup(table, scaled(op, acc.astype(np.int64), mult, add))


def _row_sums(groups: int, row: list[Array], taps: Array) -> Array:
    """What one row of taps [N, KW, C/G] adds: the cells of each tap, [B, OH, OW, C] int8."""
    if groups == 1:  # one product by BLAS, which is all of the time in a large convolution
        cells = np.concatenate(row, axis=-1, dtype=taps.dtype, casting="safe")
        return np.asarray(cells @ taps.reshape(len(taps), -1).T)
    cells = np.stack(row, axis=-2).astype(taps.dtype)  # [B, OH, OW, KW, C]
    grouped = cells.reshape(*cells.shape[:-1], groups, -1)
    weights = taps.reshape(groups, -1, *taps.shape[1:])
    sums = np.einsum("bhwkgd,gnkd->bhwgn", grouped, weights)
    return np.asarray(sums).reshape(*sums.shape[:3], -1)
