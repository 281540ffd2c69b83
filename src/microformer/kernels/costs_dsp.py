"""Cycles, roughly, and working memory of the matrix products of family dsp and their like."""

import math

from microformer.graph.cost import macs
from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import Bytes, Cycles, round8, words_of
from microformer.kernels.signatures import Operands

BLOCK, SMALL_BLOCK = 32768, 8192
"""Bytes of pairs that a kernel spreads at a time (mf_matrix_dsp.h)."""


def linear_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Spreading weights costs once a panel; rows are done two at a time."""
    weight = inputs[1]
    assert weight is not None
    rows, work = output.size // weight.shape[0], macs(op, inputs, output)
    return 1.1 * work * (rows + rows % 2) / rows + 1.9 * weight.size + 10 * output.size


def in_blocks(cost: Cycles, block_bytes: int) -> Cycles:
    """Weights are spread once more for each further block; one block is never preferred."""

    def cycles(op: Op, inputs: Operands, output: Tensor) -> float:
        weight = inputs[1]
        assert weight is not None
        n, words = weight.shape[0], words_of(math.prod(weight.shape[1:]))
        blocks = -(-output.size // n // _block_rows(words, block_bytes))
        return cost(op, inputs, output) + 1.9 * weight.size * (blocks - 1) + 1

    return cycles


def linear_dsp_scratch(block_bytes: int) -> Bytes:
    """int16 pairs of four columns and their constants, and of one block of rows."""

    def scratch(_op: Op, inputs: Operands, output: Tensor) -> int:
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
    """As of the matrix product, and two rows that cells are gathered to."""

    def scratch(op: Op, inputs: Operands, output: Tensor) -> int:
        weight = inputs[1]
        assert weight is not None
        patches = 4 * words_of(math.prod(weight.shape[1:]))
        return linear_dsp_scratch(block_bytes)(op, inputs, output) + round8(patches)

    return scratch


def matmul_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Rows are done two at a time; b is spread once for each block of them, a once."""
    a, b = inputs[:2]
    assert a is not None and b is not None
    rows, k = a.shape[-2:]
    blocks = -(-rows // _block_rows(words_of(k), SMALL_BLOCK))
    work = 1.1 * macs(op, inputs, output) * (rows + rows % 2) / rows
    return work + 2 * b.size * blocks + 1.5 * a.size + 10 * output.size


def matmul_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """int16 pairs of four columns and of one block of rows."""
    assert inputs[0] is not None
    rows, k = inputs[0].shape[-2:]
    words = words_of(k)
    return 4 * words * (4 + min((rows + 1) & ~1, _block_rows(words, SMALL_BLOCK)))


def row_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    weight = inputs[1]
    assert weight is not None
    return 4 * words_of(math.prod(weight.shape[1:]))


def depthwise_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Places of the taps (8 bytes each on a host), weights by tap, one row of padding."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return 8 * taps + 8 * taps * ((channels + 3) // 4) + round8(channels)


def softmax_dsp_cost(_op: Op, _inputs: Operands, output: Tensor) -> float:
    """The table by distance is made first."""
    return 256 * 12 + 17 * output.size
