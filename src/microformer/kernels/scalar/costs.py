"""Cycles of a core without SIMD, roughly, and working memory: the C of this folder lays it out."""

import math

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import round8
from microformer.kernels.signatures import Operands
from microformer.kernels.work import attention, by_row, gathered, tiled
from microformer.targets import Target

BLOCK = 8192
"""Bytes of pairs at a time (mf_matrix_scalar.h)."""


def pairs_of(k: int) -> int:
    """Pairs of a row of k values."""
    return (k + 1) // 2


def _block_rows(pairs: int) -> int:
    return max(4, BLOCK // (4 * pairs))


def _blocks(rows: int, pairs: int) -> int:
    return -(-rows // _block_rows(pairs))


def linear_scalar_scratch(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """Pairs of four columns and of one block of rows."""
    weight = inputs[1]
    assert weight is not None
    n, pairs = weight.shape[0], pairs_of(math.prod(weight.shape[1:]))
    return round8(4 * pairs * (4 + min(output.size // n, _block_rows(pairs))))


def conv_scalar_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """The matrix product's, and a gathered cell."""
    weight = inputs[1]
    assert weight is not None
    cell = round8(math.prod(weight.shape[1:]))
    return linear_scalar_scratch(op, inputs, output, machine) + cell


def pairs_cost(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Columns are made pairs once a block of rows; a pair with four columns is 26 cycles."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    rows, pairs = output.size // n, pairs_of(k)
    spread = 8.0 * weight.size * _blocks(rows, pairs) + 8.0 * rows * k
    return spread + rows * -(-n // 4) * (26 * pairs + 80)


def attention_scalar_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Scores and sums, a query, keys and values of one head as pairs."""
    assert isinstance(op, Attention) and inputs[1] is not None
    keys, pairs = inputs[1].shape[0], pairs_of(op.head_dim)
    rows, channels = -(-keys // 4) * 4, -(-op.value_dim // 4) * 4
    return round8(4 * (rows + channels + pairs + rows * pairs + channels * keys // 2))


def attention_scalar_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Three and a half cycles a MAC, and a score's probability."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    scores = op.heads * inputs[0].shape[0] * inputs[1].shape[0]
    return 3.5 * macs(op, inputs, output) + 25 * scores + 20 * inputs[1].size


HEADS = attention(pairs_of)
PAIRS = tiled(pairs_of, pairs_of, blocks=_blocks)
CELLS = gathered(pairs_of, pairs_of, blocks=_blocks)
ROWS = by_row(lambda k: k, lambda _k: 1, narrow=False)
