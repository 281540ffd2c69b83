"""Cycles of one core of a cluster, roughly, what its kernels need of L1, and what they can do."""

import math
from collections.abc import Callable

import numpy as np

from microformer.graph.ops import Attention, AttentionBlock, Conv2d, ConvPool, Op, RangeDoppler
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import Bytes, is_depthwise, round8
from microformer.kernels.signatures import Operands, present
from microformer.targets import Target

CORES = 8
"""The cores of the largest cluster: buffers of a core's own are laid out for so many, in C too."""


def row_stride(k: int) -> int:
    """Bytes from row to row of k: an odd number of words."""
    return 4 * ((k + 3) // 4 | 1)


def panel_bytes(k: int) -> int:
    """Four columns of k and their constants."""
    return 16 * ((k + 3) // 4) + 36


def panel_group(rows: int, k: int, n: int) -> int:
    """Panels of a group, which mf_panel_group counts in C."""
    quads, room = (rows + 3) // 4, 8192 // panel_bytes(k)
    return max(1, min((191 + quads) // quads, room, (n + 3) // 4))


def lil1_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """Two groups of panels, the table, rows of x."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    group = 2 * panel_group(output.size // n, k, n) * panel_bytes(k)
    return round8(group + lut_bytes(inputs) + linear_l1_scratch(op, inputs, output, machine))


def lut_bytes(inputs: Operands) -> int:
    """Bytes of the LUT of a matrix product or convolution, if it has one."""
    return 256 if len(inputs) > 4 and inputs[4] is not None else 0


def linear_l1_scratch(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """Rows of x: panels and table lie in L1."""
    weight = inputs[1]
    assert weight is not None
    rows, k = output.size // weight.shape[0], math.prod(weight.shape[1:])
    return round8((rows + 3) // 4 * 4 * row_stride(k))


def _odd(words: int) -> int:
    return words | 1


def _core_words(keys: int, biased: bool) -> int:
    """Words of a core (mf_core_words): scores, probabilities and bias of four rows."""
    quads = (keys + 3) // 4
    return 4 * (_odd(4 * quads) + _odd(quads) + keys * biased)


def _head_group(op: Attention, quads: int) -> int:
    """Heads of keys at a time (mf_head_group), for ``quads`` fours of query rows."""
    return min(-(-CORES // (op.heads // op.kv_heads * quads)), op.kv_heads)


def zero_is_small(op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """Attention whose context's zero point can be added without saturation."""
    inner = op.attention if isinstance(op, AttentionBlock) else op
    assert isinstance(inner, Attention)
    return abs(inner.out_zero) < 1 << 29


def attention_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bytes that mf_attention_rows_xpulp lays out."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    rows, keys = inputs[0].shape[0], inputs[1].shape[0]
    quads, key_quads = (rows + 3) // 4, (keys + 3) // 4
    key_words, value_quads = (op.head_dim + 3) // 4, (op.value_dim + 3) // 4
    group = _head_group(op, quads)
    panels = key_quads * (4 * key_words + 1) + value_quads * (4 * key_quads + 1)
    biased = len(inputs) > 4 and inputs[4] is not None
    core = 4 * _odd(key_words) + 4 * value_quads + _core_words(keys, biased)
    return round8(4 * (group * panels + CORES * core) + 256)


def block_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """Bytes that mf_attention_block_xpulp lays out."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e), n = op.attention, inputs[0].shape, output.shape[1]
    quads, key_quads = (rows + 3) // 4, (inner.head_dim + 3) // 4
    context = 4 * inner.heads * ((inner.value_dim + 3) // 4)
    out = panel_bytes(context) // 4 * min(-(-CORES // quads), (n + 3) // 4)
    room = max(512, out, panel_bytes(e) // 4 * min(key_quads, 16))
    return 8 * room + block_l1_scratch(op, inputs, output, machine)


def block_l1_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """The same where all panels lie in L1."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    quads, queries = (rows + 3) // 4, inner.heads // inner.kv_heads
    key_quads, value_quads = (inner.head_dim + 3) // 4, (inner.value_dim + 3) // 4
    group = _head_group(inner, quads)
    context = 4 * inner.heads * value_quads
    queries_bytes = 4 * quads * row_stride(4 * key_quads) * queries
    keys = 4 * quads * (4 * key_quads + 1)
    values = 4 * value_quads * (4 * quads + 1)
    biased = len(inputs) > 14 and inputs[14] is not None
    rows_bytes = 4 * quads * (row_stride(e) + row_stride(context))
    cores = CORES * 4 * _core_words(rows, biased)
    return round8(rows_bytes + group * (queries_bytes + keys + values) + cores + 256)


def block_fits(op: Op, inputs: Operands, output: Tensor, machine: Target) -> bool:
    """The whole layer lies in L1 beside the stacks: it cannot be done in blocks of rows."""
    assert inputs[0] is not None
    nbytes = (
        round8(inputs[0].nbytes)
        + round8(output.nbytes)
        + block_scratch(op, inputs, output, machine)
    )
    return zero_is_small(op, inputs, output, machine) and nbytes <= _l1_bytes(machine)


def _l1_bytes(machine: Target) -> float:
    """Bytes of L1 for buffers, whatever the number of cores; no end of it on a machine without."""
    return machine.buffer_bytes(machine.max_cores) if machine.is_cluster else math.inf


def matmul_fits(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """A tile's sums begin with what the zero points add: 31 bits hold 2^16 a value."""
    assert inputs[0] is not None
    return inputs[0].shape[-1] < 1 << 15


def matmul_scratch(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """Panels of b of some matrices, four rows of a for each core (mf_matmul_xpulp.h)."""
    assert inputs[0] is not None
    *lead, rows, k = inputs[0].shape
    quads, words, panels = (rows + 3) // 4, (k + 3) // 4, (output.shape[-1] + 3) // 4
    group = min((15 + quads) // quads, math.prod(lead))
    return round8(4 * (group * panels * (4 * words + 5) + CORES * 4 * _odd(words)))


def norm_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Multiplier and constant of each element, two sums of each core."""
    mult = inputs[1]
    assert mult is not None
    return 8 * mult.size + SUMS


SUMS = 8 * CORES
"""Bytes of two sums of each core."""


def fixed_scratch(size: int) -> Callable[[Op, Operands, Tensor, Target], int]:
    """The same for every node: tables of bytes."""
    return lambda _op, _inputs, _output, _machine: size


def binary_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Two parts of the second operand, where that is a constant: MF_BINARY_CHUNK each."""
    other = inputs[1]
    assert other is not None
    return 0 if other.data is None else round8(min(other.size, 2048))


_LARGEST = 3072
"""The most bytes of a core's own buffer."""


def resident_bytes(k: int, n: int) -> int:
    """Bytes of the panels in L1 at once (mf_resident_panels): all, or two buffers of a part."""
    size, count = panel_bytes(k), (n + 3) // 4
    room = 16384 // size
    return size * (count if count <= room else 2 * max(1, room // 2))


def with_constants(l1_only: Bytes, constants: Bytes) -> Bytes:
    """Scratch where the constants, and the table, must be brought to L1 first."""
    return lambda op, inputs, output, machine: round8(
        l1_only(op, inputs, output, machine)
        + constants(op, inputs, output, machine)
        + lut_bytes(inputs)
    )


def conv_panels(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bytes of a convolution's panels that lie in L1 at once."""
    weight = inputs[1]
    assert weight is not None
    return resident_bytes(math.prod(weight.shape[1:]), weight.shape[0])


def conv_l1_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Four gathered cells a core."""
    weight = inputs[1]
    assert weight is not None
    return round8(CORES * 4 * row_stride(math.prod(weight.shape[1:])))


def grouped_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """All constants."""
    return sum(round8(t.nbytes) for t in inputs[1:] if t is not None)


def _l1_size(machine: Target) -> float:
    """Bytes of L1; no end of it on a machine without."""
    return machine.data_memory()[1].size_bytes if machine.is_cluster else math.inf


def grouped_fits(op: Op, inputs: Operands, output: Tensor, machine: Target) -> bool:
    """Constants that take no more than a quarter of L1."""
    return grouped_scratch(op, inputs, output, machine) <= _l1_size(machine) / 4


conv_scratch = with_constants(conv_l1_scratch, conv_panels)


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


def band_bytes(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """One core's staged band of ConvPool (mf_band_t)."""
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    ow, wide = output.shape[1], pool.kernel[1]
    along = wide >= 4 and ow * -(-wide // 4) < -(-ow // 4) * wide
    rows = (pool.kernel[0] - 1) * pool.conv.stride[0] + (kh - 1) * pool.conv.dilation[0] + 1
    cells = ((0 if along else 3 * pool.stride[1]) + wide - 1) * pool.conv.stride[1] + kw
    return (rows * row_stride(cells * c + 3) + 55) // 64 * 64 + 8


def conv_pool_fits(op: Op, inputs: Operands, output: Tensor, machine: Target) -> bool:
    """Cells a whole number of words apart, and a band that is small."""
    if not _is_pooled(op, inputs):
        return False
    pool, (_, _, _, c) = _pooled(op, inputs)
    return pool.conv.stride[1] * c % 4 == 0 and band_bytes(op, inputs, output, machine) <= _LARGEST


def conv_pool_panels(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bytes of ConvPool's panels in L1 at once: each row of the kernel in whole words."""
    _, (n, kh, kw, c) = _pooled(op, inputs)
    return resident_bytes(4 * kh * ((kw * c + 3) // 4), n)


def conv_pool_l1_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """A band a core."""
    return round8(CORES * band_bytes(op, inputs, output, machine))


conv_pool_scratch = with_constants(conv_pool_l1_scratch, conv_pool_panels)


def conv_pool_cost(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> float:
    """24 cycles a word of 16 sums, and their maxima."""
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    words = kh * ((kw * c + 3) // 4)
    return (1.5 * words + 6) * math.prod(infer_shape(pool.conv, inputs))


SMALL_KERNEL_PITCH = 148
"""Bytes from row to row of a band, MF_SMALL_KERNEL_PITCH in C."""


def small_kernel_band_bytes(op: Op, inputs: Operands) -> int:
    """One core's staged bands, one for each place in a word that a cell can begin at."""
    pool, (_, _, _, c) = _pooled(op, inputs)
    phases = 4 // (pool.conv.stride[1] * c)
    return (phases * (pool.kernel[0] + 2) * SMALL_KERNEL_PITCH + 55) // 64 * 64 + 8


def small_kernel_fits(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """At most three rows of three words, cells at most a word apart, windows of three rows."""
    if not _is_pooled(op, inputs):
        return False
    pool, (_, kh, kw, c) = _pooled(op, inputs)
    step = pool.conv.stride[1] * c
    small = kh <= 3 and kw * c <= 12 and step in (1, 2, 4) and pool.kernel[0] >= 3
    plain = pool.conv.stride[0] == pool.conv.dilation[0] == 1
    if not small or not plain or small_kernel_band_bytes(op, inputs) > _LARGEST:
        return False
    phases = 4 // step
    room = (SMALL_KERNEL_PITCH // 4 - 2) * phases - pool.kernel[1]
    return room >= 0 and room // pool.stride[1] + 1 >= phases


def small_kernel_kernels(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bytes of each channel's nine words, multiplier and constant."""
    assert inputs[1] is not None
    return 44 * inputs[1].shape[0]


def small_kernel_l1_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bands of a core."""
    return round8(CORES * small_kernel_band_bytes(op, inputs))


small_kernel_scratch = with_constants(small_kernel_l1_scratch, small_kernel_kernels)


def small_kernel_cost(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> float:
    """A cell of the map takes the same for any kernel that fits."""
    pool, _ = _pooled(op, inputs)
    return 13.0 * math.prod(infer_shape(pool.conv, inputs))


def depthwise_fits(op: Op, inputs: Operands, output: Tensor, machine: Target) -> bool:
    """Channels by four, no dilation, planes that are small."""
    if not is_depthwise(op, inputs, output, machine) or output.shape[-1] % 4 != 0:
        return False
    assert isinstance(op, Conv2d)
    return op.dilation == (1, 1) and _planes_bytes(op, inputs, output, machine) <= _LARGEST


def _planes_bytes(op: Conv2d, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """One core's block of four planes (mf_plan_planes)."""
    weight = inputs[1]
    assert weight is not None
    (c, kh, kw, _), (oh, ow, _) = weight.shape, output.shape
    cols = min(ow, 32)
    length, beside = ((cols - 1) * op.stride[1] + kw + 3) // 4, -(-ow // cols) * (c // 4)

    def height(rows: int) -> int:
        return (rows - 1) * op.stride[0] + kh

    def cost(rows: int) -> int:
        turns = -(-(-(-oh // rows) * beside) // CORES)
        return turns * (40 * rows * cols + 36 * height(rows) * length)

    plane = height(min((8, 6, 4, 2), key=cost)) * 4 * (length + (kw + 3) // 4 | 1)
    return (4 * plane + 55) // 64 * 64 + 8


def depthwise_kernels(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bytes of each channel's rows in whole words, multiplier and constant."""
    assert inputs[1] is not None
    c, kh, kw, _ = inputs[1].shape
    return 4 * c * (kh * ((kw + 3) // 4) + 2)


def depthwise_l1_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """Planes of a core."""
    assert isinstance(op, Conv2d)
    return round8(CORES * _planes_bytes(op, inputs, output, machine))


depthwise_scratch = with_constants(depthwise_l1_scratch, depthwise_kernels)


POWERS = 3072
"""Bytes of a table of levels."""


LINE, OWN_WORDS = 64, 53
"""Bytes of a line of levels, and words of a core, of mf_fft32_xpulp.h."""


def radar_scratch(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """Table, two tiles of levels, what is each core's own, two tiles of samples."""
    assert isinstance(op, RangeDoppler) and inputs[0] is not None
    _, columns, sensors = output.shape
    chunk = max(1, min(128 // (sensors * op.step), LINE // sensors))
    words = ((min(chunk, columns) - 1) * op.step + 2) & ~1
    tile = round8(sensors * (DOPPLER * words + 1) * 4)
    return POWERS + 2 * DOPPLER * LINE + round8(CORES * OWN_WORDS * 4) + 2 * tile


def sound_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Samples and bins of a window's transform, what is each core's own, the bands' logarithms."""
    samples, bands = present(inputs[0]), present(inputs[3])
    return round8(4 * samples.size + 4 * CORES * (1 + OWN_WORDS) + bands.size)


def few_sensors(_op: Op, _inputs: Operands, output: Tensor, _machine: Target) -> bool:
    """True if the levels of one range point fit a line of a tile."""
    return output.shape[2] <= LINE
