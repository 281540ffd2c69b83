"""Cycles of a core with Helium, roughly, and working memory: the C of this folder lays it out."""

import math

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, AttentionBlock, Conv2d, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import round8
from microformer.kernels.signatures import Operands
from microformer.kernels.work import attention, block, by_row, depthwise, gathered, product, tiled
from microformer.targets import Target


def _padded(k: int) -> int:
    """Bytes of a row of k values, padded to vectors of sixteen."""
    return -(-k // 16) * 16


def block_mve_scratch(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """One head's rows, int32 sums of the output, and what a projection or the attention needs."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    sums = 4 * ((output.shape[1] + 3) // 4 * rows * 4)
    head = round8(2 * rows * (inner.head_dim + inner.value_dim))
    panel = 4 * _padded(max(e, inner.value_dim)) + 32
    return sums + head + max(panel, _head_mve(rows, inner.head_dim, inner.value_dim))


def block_mve_cost(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """A head's product is shorter than that of all heads."""
    assert isinstance(op, AttentionBlock)
    inner, rows = op.attention, output.shape[0]
    widths = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    work = 0.2 * macs(op, inputs, output) + 0.1 * inner.heads * rows * rows * inner.head_dim
    return work + 6 * rows * widths + 4 * inner.heads * output.size


def linear_mve_cost(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Four columns are put side by side once, then read by two rows at a time."""
    weight = inputs[1]
    assert weight is not None
    n, steps = weight.shape[0], _padded(math.prod(weight.shape[1:])) // 16
    pairs = -(-(output.size // n) // 2)
    return -(-n // 4) * (20 * steps + pairs * (17.4 * steps + 52))


def rows_mve_cost(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """Four columns where they lie, once a row."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    return output.size // n * -(-n // 4) * (10.6 * _padded(k) / 16 + 34 + 6 * (k % 16 > 0))


def matmul_mve_cost(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> float:
    """As of a Linear, for each matrix; columns of b are turned or copied."""
    assert inputs[0] is not None
    *lead, rows, k = inputs[0].shape
    steps = _padded(k) // 16
    tiles = math.prod(lead) * -(-output.shape[-1] // 4)
    return tiles * (40 * steps + -(-rows // 2) * (17.4 * steps + 60))


def matmul_mve_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Four columns side by side, what is added to them, and what to each row."""
    assert inputs[0] is not None
    rows, k = inputs[0].shape[-2:]
    return round8(4 * _padded(k) + 16 + 4 * rows)


def linear_mve_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Four columns side by side, padded to vectors, and their constants."""
    weight = inputs[1]
    assert weight is not None
    return 4 * _padded(math.prod(weight.shape[1:])) + 32


def conv_mve_scratch(op: Op, inputs: Operands, output: Tensor, machine: Target) -> int:
    """The matrix product's scratch, and a block of gathered cells."""
    weight = inputs[1]
    assert weight is not None
    k = math.prod(weight.shape[1:])
    cells = min(output.size // weight.shape[0], max(8, 16384 // k))
    return linear_mve_scratch(op, inputs, output, machine) + round8(cells * k)


def place_fits(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    """Dense, a row of the kernel whole vectors, its taps side by side."""
    assert inputs[1] is not None
    _, _, kw, c = inputs[1].shape
    dense = isinstance(op, Conv2d) and op.groups == 1 and op.dilation[1] == 1
    return dense and kw * c % 16 == 0


def place_scratch(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> int:
    """Where each of a block's cells begins (16 bytes on a host), a panel, cells at the border."""
    assert inputs[1] is not None
    n, k = inputs[1].shape[0], math.prod(inputs[1].shape[1:])
    block = min(output.size // n, 64)
    return round8(16 * block + 4 * k + 32 + block * k)


def depthwise_mve_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Constants of eight channels, weights by tap, and what a cell at the border sees."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return (64 + 8 * taps) * -(-channels // 8) + round8(taps * channels)


def attention_mve_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """One head's (mf_mve_head_t)."""
    assert isinstance(op, Attention) and inputs[1] is not None
    return _head_mve(inputs[1].shape[0], op.head_dim, op.value_dim)


def _head_mve(keys: int, head_dim: int, value_dim: int) -> int:
    """Keys and values of one head in panels, two rows of scores and of probabilities."""
    wide, key_rows, channels = _padded(keys), (keys + 3) // 4 * 4, (value_dim + 3) // 4 * 4
    return 10 * wide + key_rows * _padded(head_dim) + channels * wide


def _steps(k: int) -> int:
    """Vectors of k values."""
    return -(-k // 16)


def _pieces(k: int) -> int:
    """Turns of four steps, the rest of them, the tail."""
    steps = k // 16
    return steps // 4 + (steps % 4 > 0) + 2 * (k % 16 > 0)


PAIRS, CELLS = tiled(_steps, _pieces), gathered(_steps, _pieces)
PLACES = gathered(_steps, _pieces, blocks=lambda rows, _steps: -(-rows // 64))
ROWS, CHANNELS = by_row(_steps, _pieces, narrow=False), depthwise(8)
PRODUCTS, HEADS, BLOCK_OF_HEADS = product(_steps), attention(_steps), block(_steps)
