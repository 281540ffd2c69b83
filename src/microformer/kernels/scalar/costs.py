"""Cycles of a core without SIMD, roughly, and working memory: the C of this folder lays it out."""

import math

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import is_dense, round8
from microformer.kernels.signatures import Operands
from microformer.kernels.work import by_row, gathered, tiled
from microformer.targets import Target

BLOCK = 8192
"""Bytes of pairs at a time (mf_matrix_scalar.h)."""


def pairs_of(k: int) -> int:
    """Pairs of a row of k values."""
    return (k + 1) // 2


def _block_rows(pairs: int) -> int:
    return max(4, BLOCK // (4 * pairs))


def no_lowest_weight(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """No weight is -128: the sum of two products has 16 bits then."""
    weight = inputs[1]
    assert weight is not None
    return weight.data is not None and int(weight.data.min()) > -128


def dense_fits(op: Op, inputs: Operands, output: Tensor, machine: Target) -> bool:
    """The same of a dense convolution."""
    return is_dense(op, inputs, output, machine) and no_lowest_weight(op, inputs, output, machine)


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
    blocks = -(-rows // _block_rows(pairs))
    return 8.0 * weight.size * blocks + 8.0 * rows * k + rows * -(-n // 4) * (26 * pairs + 80)


PAIRS = tiled(pairs_of, pairs_of, blocks=lambda rows, pairs: -(-rows // _block_rows(pairs)))
CELLS = gathered(pairs_of, pairs_of, blocks=lambda rows, pairs: -(-rows // _block_rows(pairs)))
ROWS = by_row(lambda k: k, lambda _k: 1, narrow=False)
