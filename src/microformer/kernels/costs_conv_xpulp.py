"""What the convolutions of a cluster need of L1, in bytes, and which they can do."""

import math

import numpy as np

from microformer.graph.ops import Conv2d, ConvPool, Op
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import Bytes, is_depthwise
from microformer.kernels.costs_xpulp import panel_bytes, round8, row_stride, table_bytes
from microformer.kernels.signatures import Operands

CORES = 8
"""Of the largest cluster: buffers of a core's own are laid out for so many."""


_LARGEST = 3072
"""Of a core's own buffer."""


def resident_bytes(k: int, n: int) -> int:
    """Of the panels that lie in L1 at once (mf_resident_panels): all, or two buffers of a part."""
    size, count = panel_bytes(k), (n + 3) // 4
    room = 16384 // size
    return size * (count if count <= room else 2 * max(1, room // 2))


def with_constants(near: Bytes, constants: Bytes) -> Bytes:
    """Scratch where the constants, and the table, must be brought to L1 first."""
    return lambda op, inputs, output: round8(
        near(op, inputs, output) + constants(op, inputs, output) + table_bytes(inputs)
    )


def conv_panels(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Those of a convolution's weights that lie in L1 at once."""
    weight = inputs[1]
    assert weight is not None
    return resident_bytes(math.prod(weight.shape[1:]), weight.shape[0])


def conv_near_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Four gathered cells a core."""
    weight = inputs[1]
    assert weight is not None
    return round8(CORES * 4 * row_stride(math.prod(weight.shape[1:])))


def grouped_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """All constants."""
    return sum(round8(t.nbytes) for t in inputs[1:] if t is not None)


def grouped_fits(op: Op, inputs: Operands, output: Tensor) -> bool:
    """Constants that take no more than a quarter of L1."""
    return grouped_scratch(op, inputs, output) <= 16384


conv_scratch = with_constants(conv_near_scratch, conv_panels)


def _pooled(op: Op, inputs: Operands) -> tuple[ConvPool, tuple[int, ...]]:
    """The operation and its weight's shape."""
    weight = inputs[1]
    assert isinstance(op, ConvPool) and weight is not None
    return op, weight.shape


def _is_pooled(op: Op, inputs: Operands) -> bool:
    """Dense, no cell in two windows, and the maximum of sums is that of results."""
    if not isinstance(op, ConvPool):
        return False
    (_, _, mult, _), table = inputs[:4], inputs[4] if len(inputs) > 4 else None
    rises = mult is not None and mult.data is not None and bool((mult.data > 0).all())
    if table is not None:
        rises = (
            rises and table.data is not None and bool((np.diff(table.data.astype(int)) >= 0).all())
        )
    apart = all(s >= k for s, k in zip(op.stride, op.kernel, strict=True))
    return rises and apart and op.conv.groups == 1 and op.conv.dilation[1] == 1


def band_bytes(op: Op, inputs: Operands, output: Tensor) -> int:
    """One core's staged band of ConvPool (mf_band_t)."""
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    ow, wide = output.shape[1], pool.kernel[1]
    along = wide >= 4 and ow * -(-wide // 4) < -(-ow // 4) * wide
    rows = (pool.kernel[0] - 1) * pool.conv.stride[0] + (kh - 1) * pool.conv.dilation[0] + 1
    cells = ((0 if along else 3 * pool.stride[1]) + wide - 1) * pool.conv.stride[1] + kw
    return (rows * row_stride(cells * c + 3) + 55) // 64 * 64 + 8


def conv_pool_fits(op: Op, inputs: Operands, output: Tensor) -> bool:
    """Cells a whole number of words apart, and a band that is small."""
    if not _is_pooled(op, inputs):
        return False
    pool, (_, _, _, c) = _pooled(op, inputs)
    return pool.conv.stride[1] * c % 4 == 0 and band_bytes(op, inputs, output) <= _LARGEST


def conv_pool_panels(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Those of ConvPool that lie in L1 at once: each row of the kernel in whole words."""
    _, (n, kh, kw, c) = _pooled(op, inputs)
    return resident_bytes(4 * kh * ((kw * c + 3) // 4), n)


def conv_pool_near_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """A band a core."""
    return round8(CORES * band_bytes(op, inputs, output))


conv_pool_scratch = with_constants(conv_pool_near_scratch, conv_pool_panels)


def conv_pool_cost(op: Op, inputs: Operands, _output: Tensor) -> float:
    """24 cycles a word of 16 sums, and their maxima."""
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    words = kh * ((kw * c + 3) // 4)
    return (1.5 * words + 6) * math.prod(infer_shape(pool.conv, inputs))


NARROW_PITCH = 148
"""As MF_NARROW_PITCH."""


def narrow_band_bytes(op: Op, inputs: Operands) -> int:
    """One core's staged bands, one for each place in a word that a cell can begin at."""
    pool, (_, _, _, c) = _pooled(op, inputs)
    phases = 4 // (pool.conv.stride[1] * c)
    return (phases * (pool.kernel[0] + 2) * NARROW_PITCH + 55) // 64 * 64 + 8


def narrow_fits(op: Op, inputs: Operands, _output: Tensor) -> bool:
    """At most three rows of three words, cells at most a word apart, windows of three rows."""
    if not _is_pooled(op, inputs):
        return False
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    step = pool.conv.stride[1] * c
    small = kh <= 3 and kw * c <= 12 and step in (1, 2, 4) and pool.kernel[0] >= 3
    plain = pool.conv.stride[0] == pool.conv.dilation[0] == 1
    if not small or not plain or narrow_band_bytes(op, inputs) > _LARGEST:
        return False
    phases = 4 // step
    room = (NARROW_PITCH // 4 - 2) * phases - pool.kernel[1]
    return room >= 0 and room // pool.stride[1] + 1 >= phases


def narrow_kernels(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Of each channel nine words, multiplier and constant."""
    assert inputs[1] is not None
    return 44 * inputs[1].shape[0]


def narrow_near_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Bands of a core."""
    return round8(CORES * narrow_band_bytes(op, inputs))


narrow_scratch = with_constants(narrow_near_scratch, narrow_kernels)


def narrow_cost(op: Op, inputs: Operands, _output: Tensor) -> float:
    """A cell of the map takes the same for any kernel that fits."""
    pool, _ = _pooled(op, inputs)
    return 13.0 * math.prod(infer_shape(pool.conv, inputs))


def depthwise_fits(op: Op, inputs: Operands, output: Tensor) -> bool:
    """Channels by four, no dilation, planes that are small."""
    if not is_depthwise(op, inputs, output) or output.shape[-1] % 4 != 0:
        return False
    assert isinstance(op, Conv2d)
    return op.dilation == (1, 1) and _planes_bytes(op, inputs, output) <= _LARGEST


def _planes_bytes(op: Conv2d, inputs: Operands, output: Tensor) -> int:
    """One core's block of four planes (mf_plan_planes)."""
    weight = inputs[1]
    assert weight is not None
    (c, kh, kw, _), (oh, ow, _) = weight.shape, output.shape
    cols = min(ow, 32)
    length, beside = ((cols - 1) * op.stride[1] + kw + 3) // 4, -(-ow // cols) * (c // 4)

    def height(rows: int) -> int:
        return (rows - 1) * op.stride[0] + kh

    def cost(rows: int) -> int:
        turns = (-(-oh // rows) * beside + 7) // 8
        return turns * (40 * rows * cols + 36 * height(rows) * length)

    plane = height(min((8, 6, 4, 2), key=cost)) * 4 * (length + (kw + 3) // 4 | 1)
    return (4 * plane + 55) // 64 * 64 + 8


def depthwise_kernels(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Of each channel its rows in whole words, multiplier and constant."""
    assert inputs[1] is not None
    c, kh, kw, _ = inputs[1].shape
    return 4 * c * (kh * ((kw + 3) // 4) + 2)


def depthwise_near_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Planes of a core."""
    assert isinstance(op, Conv2d)
    return round8(CORES * _planes_bytes(op, inputs, output))


depthwise_scratch = with_constants(depthwise_near_scratch, depthwise_kernels)
