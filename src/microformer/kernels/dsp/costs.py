"""Cycles of an Armv7E-M core, roughly, and working memory: the C of this folder lays it out."""

import math
from collections.abc import Callable

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, AttentionBlock, Conv2d, Op
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import Bytes, Cycles, round8
from microformer.kernels.signatures import Operands, present
from microformer.targets import Target

BLOCK, SMALL_BLOCK = 32768, 8192
"""Bytes of pairs that a kernel spreads at a time (mf_matrix_dsp.h)."""


BAND_CELLS = 256
"""Cells of a band at least (mf_band_dsp.h)."""
REACH = 4095
"""Bytes that the literal of a load reaches."""


def words_of(k: int) -> int:
    """Pairs of int16 of a row of k values, padded to fours."""
    return (k + 3) // 4 * 2


def blocks_of(block_bytes: int) -> Callable[[int, int], int]:
    """How often the weights of so many rows of so many words are spread."""
    return lambda rows, words: -(-rows // _block_rows(words, block_bytes))


def linear_dsp_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Spreading weights costs once a panel; rows are done two at a time."""
    weight = inputs[1]
    assert weight is not None
    rows, work = output.size // weight.shape[0], macs(op, inputs, output)
    return 1.1 * work * (rows + rows % 2) / rows + 1.9 * weight.size + 10 * output.size


def in_blocks(cost: Cycles, block_bytes: int) -> Cycles:
    """Weights are spread once more for each further block; one block is never preferred."""

    def cycles(op: Op, inputs: Operands, output: Tensor, machine: Target) -> float:
        weight = inputs[1]
        assert weight is not None
        n, words = weight.shape[0], words_of(math.prod(weight.shape[1:]))
        blocks = blocks_of(block_bytes)(output.size // n, words)
        return cost(op, inputs, output, machine) + 1.9 * weight.size * (blocks - 1) + 1

    return cycles


def wider(cost: Cycles) -> Cycles:
    """The same with 64-bit products: four cycles a result more."""
    return lambda op, inputs, output, machine: cost(op, inputs, output, machine) + 4 * output.size


def linear_dsp_scratch(block_bytes: int) -> Bytes:
    """int16 pairs of four columns and their constants, and of one block of rows."""

    def scratch(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
        weight = inputs[1]
        assert weight is not None
        n, words = weight.shape[0], words_of(math.prod(weight.shape[1:]))
        block = min((output.size // n + 1) & ~1, _block_rows(words, block_bytes))
        return 4 * (words * (4 + block) + 8)

    return scratch


def _block_rows(words: int, block_bytes: int) -> int:
    """Rows of a block at most, as mf_matrix_block."""
    return max(8, block_bytes // (4 * words) & ~1)


def conv_dsp_scratch(block_bytes: int) -> Bytes:
    """The matrix product's scratch, and two rows that cells are gathered to."""

    def scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
        weight = inputs[1]
        assert weight is not None
        patches = 4 * words_of(math.prod(weight.shape[1:]))
        return linear_dsp_scratch(block_bytes)(op, inputs, output, machine) + round8(patches)

    return scratch


def conv_dsp_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """What a cell sees is gathered and spread; then the matrix product."""
    weight = inputs[1]
    assert weight is not None
    n, kh, *_ = weight.shape
    k = math.prod(weight.shape[1:])
    rows = output.size // n
    tiles = -(-rows // 2) * -(-n // 4)
    return tiles * (16 * words_of(k) + 60) + rows * (3 * k + 30 * kh) + 1.9 * weight.size


def band_of(op: Conv2d, inputs: Operands, output: Tensor) -> tuple[int, int, int, int]:
    """int16 of a kernel's row padded to pairs and of a band's row; its rows; how many bands."""
    assert inputs[0] is not None and inputs[1] is not None
    (oh, ow, _), (_, kh, kw, c) = output.shape, inputs[1].shape
    step, part = op.stride[1] * c, (kw * c + 1) & ~1
    copy = (ow * step + part + 1) & ~1
    rows = min(-(-BAND_CELLS // ow), oh)
    height = (rows - 1) * op.stride[0] + (kh - 1) * op.dilation[0] + 1
    return part, copy * (1 + step % 2), height, -(-oh // rows)


def band_scratch(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """A panel of four columns with their constants, and the rows that a band sees."""
    assert isinstance(op, Conv2d) and inputs[1] is not None
    part, pitch, height, _ = band_of(op, inputs, output)
    return round8(8 * inputs[1].shape[1] * part + 32 + 2 * height * pitch + 4)


def band_fits(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> bool:
    """Dense, taps side by side in a row, and cells within a load's reach of each other."""
    if not (isinstance(op, Conv2d) and op.groups == 1 and op.dilation[1] == 1):
        return False
    _, pitch, *_ = band_of(op, inputs, output)
    assert inputs[0] is not None
    step = op.stride[1] * inputs[0].shape[-1]
    apart = pitch // 2 + step - 1 if step % 2 else step
    return 2 * apart + 64 <= REACH


def band_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Rows are spread once a band, weights as well; cells are done two at a time."""
    assert isinstance(op, Conv2d) and inputs[0] is not None and inputs[1] is not None
    (oh, ow, n), (_, kh, _, _) = output.shape, inputs[1].shape
    part, pitch, height, bands = band_of(op, inputs, output)
    tile = 8 * kh * part + 9 * kh + 60
    tiles = oh * -(-ow // 2) * -(-n // 4)
    return tile * tiles + bands * (2.5 * inputs[1].size + 2.5 * height * pitch)


def matmul_dsp_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Rows are done two at a time; b is spread once for each block of them, a once."""
    a, b = inputs[:2]
    assert a is not None and b is not None
    rows, k = a.shape[-2:]
    blocks = blocks_of(SMALL_BLOCK)(rows, words_of(k))
    work = 1.1 * macs(op, inputs, output) * (rows + rows % 2) / rows
    return work + 2 * b.size * blocks + 1.5 * a.size + 10 * output.size


def matmul_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """int16 pairs of four columns and of one block of rows."""
    assert inputs[0] is not None
    rows, k = inputs[0].shape[-2:]
    words = words_of(k)
    return 4 * words * (4 + min((rows + 1) & ~1, _block_rows(words, SMALL_BLOCK)))


def row_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    weight = inputs[1]
    assert weight is not None
    return 4 * words_of(math.prod(weight.shape[1:]))


def depthwise_dsp_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Weights by tap as pairs with their constants, and what two cells at the border see."""
    weight = inputs[1]
    assert weight is not None and isinstance(op, Conv2d)
    channels, kh, kw, _ = weight.shape
    seen = kh * (kw + op.stride[1]) * channels
    return (8 * kh * kw + 32) * ((channels + 3) // 4) + round8(seen)


def softmax_dsp_cost(_op: Op, _inputs: Operands, output: Tensor, _machine: Target) -> float:
    """The table by distance is made first."""
    return 256 * 12 + 17 * output.size


def attention_dsp_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """One head's (mf_head_t)."""
    assert isinstance(op, Attention) and inputs[1] is not None
    return _head_dsp(inputs[1].shape[0], op.head_dim, op.value_dim)


def _head_dsp(keys: int, head_dim: int, value_dim: int) -> int:
    """Panels of one head's keys and values as int16, and two rows of scores and probabilities."""
    quads = (keys + 3) // 4
    key_words, value_words = words_of(head_dim), words_of(keys)
    panels = 4 * key_words * quads + 4 * value_words * ((value_dim + 3) // 4)
    return 4 * (panels + 2 * key_words + 2 * value_words + 8 * quads)


def attention_dsp_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Spreading keys and values costs once a head; queries are done two at a time."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    rows, keys = inputs[0].shape[0], inputs[1].shape[0]
    spread = 2 * op.kv_heads * keys * (op.head_dim + op.value_dim)
    pairs = op.heads * (rows + rows % 2)
    return 1.15 * macs(op, inputs, output) * pairs / (op.heads * rows) + spread + 12 * pairs * keys


def block_dsp_scratch(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """One head as pairs (mf_block_t), x as pairs, int32 sums of the output."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    pairs, quads = (rows + 1) // 2, (rows + 3) // 4
    sums = (output.shape[1] + 3) // 4 * pairs * 8
    query_words = words_of(max(inner.head_dim, inner.value_dim))
    panel = 4 * words_of(max(e, inner.value_dim)) + 8
    words = sums + 4 * quads * words_of(e) + 2 * pairs * query_words + panel
    return 4 * words + _head_dsp(rows, inner.head_dim, inner.value_dim)


def block_dsp_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Rows are done two at a time; a head's weights are spread, its outputs added to the sums."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, rows = op.attention, inputs[0].shape[0]
    even = rows + rows % 2
    widths = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    weights = sum(t.size for t in inputs[1:12:3] if t is not None)
    sums = inner.heads * even * output.shape[1]
    work = 1.12 * macs(op, inputs, output) * even / rows + 1.9 * weights
    return work + 7 * even * widths + 4 * sums + 12 * inner.heads * even * rows


def no_vectors(_op: Op, _inputs: Operands, _output: Tensor, machine: Target) -> bool:
    """A core without Helium: with it, a compiler makes vectors of the reference's plain loop."""
    return "mve" not in machine.isas


def channels_by_four(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """Whole words of channels."""
    return inputs[0] is not None and inputs[0].shape[-1] % 4 == 0


def sound_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Bins of a window's transform, one leaf's values, samples, the bands' logarithms."""
    samples, bands = present(inputs[0]), present(inputs[3])
    return round8(4 * samples.size + 4 * DOPPLER + bands.size)


def words_scratch(_op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Values of one FFT, as pairs."""
    return DOPPLER * 4
