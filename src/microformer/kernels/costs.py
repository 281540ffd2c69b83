"""What a kernel costs in cycles, roughly, and in working memory; which nodes it can do."""

import math
from collections.abc import Callable

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, AttentionBlock, Conv2d, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands

Fits = Callable[[Op, Operands, Tensor], bool]
Bytes = Callable[[Op, Operands, Tensor], int]
Cycles = Callable[[Op, Operands, Tensor], float]


def always(_op: Op, _inputs: Operands, _output: Tensor) -> bool:
    return True


def no_scratch(_op: Op, _inputs: Operands, _output: Tensor) -> int:
    return 0


def per_mac(cycles: float, per_output: float) -> Cycles:
    return lambda op, inputs, output: cycles * macs(op, inputs, output) + per_output * output.size


def per_output(cycles: float) -> Cycles:
    return lambda _op, _inputs, output: cycles * output.size


def per_input(cycles: float) -> Cycles:
    return lambda _op, inputs, _output: cycles * sum(t.size for t in inputs[:1] if t is not None)


def per_window(cycles: float) -> Cycles:
    return lambda op, _inputs, output: (
        cycles * output.size * op.kernel[0] * op.kernel[1]  # type: ignore[attr-defined]
    )


def attention_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """int32 [Sk] scores and [PV] sums: it grows with the keys, not with their square."""
    assert isinstance(op, Attention)
    keys = inputs[1]
    assert keys is not None
    return 4 * (keys.shape[0] + op.value_dim)


def conv_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """As of the matrix product, and two rows that cells are gathered to."""
    weight = inputs[1]
    assert weight is not None
    return linear_dsp_scratch(op, inputs, output) + _round8(
        2 * 4 * ((math.prod(weight.shape[1:]) + 3) // 4)
    )


def depthwise_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Places of the taps (8 bytes each on a host), weights by tap, one row of padding."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return 8 * taps + 8 * taps * ((channels + 3) // 4) + _round8(channels)


def _round8(count: int) -> int:
    return -(-count // 8) * 8


def is_dense(op: Op, _inputs: Operands, _output: Tensor) -> bool:
    return isinstance(op, Conv2d) and op.groups == 1


def attention_dsp_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Panels of one head's keys and values as int16, and two rows of scores and probabilities."""
    assert isinstance(op, Attention) and inputs[1] is not None
    keys, values = (inputs[1].shape[0] + 3) // 4, (op.value_dim + 3) // 4
    key_words, value_words = (op.head_dim + 3) // 4 * 2, 2 * keys
    panels = 4 * key_words * keys + 4 * value_words * values
    return 4 * (panels + 2 * key_words + 2 * value_words + 8 * keys)


def attention_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Spreading keys and values costs once a head; queries are done two at a time."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    rows, keys = inputs[0].shape[0], inputs[1].shape[0]
    spread = 2 * op.kv_heads * keys * (op.head_dim + op.value_dim)
    pairs = op.heads * (rows + rows % 2)
    return 1.15 * macs(op, inputs, output) * pairs / (op.heads * rows) + spread + 12 * pairs * keys


def block_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Of the reference: q, k, v and the context whole."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, rows = op.attention, inputs[0].shape[0]
    width = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    return _round8(rows * width) + 4 * (rows + inner.value_dim)


def block_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Of one head as pairs (mf_block_t), x as pairs, int32 sums of the output."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    pairs, quads = (rows + 1) // 2, (rows + 3) // 4
    sums = (output.shape[1] + 3) // 4 * pairs * 8
    query_words = _words(max(inner.head_dim, inner.value_dim))
    panel = 4 * _words(max(e, inner.value_dim)) + 8
    key_words, value_words = _words(inner.head_dim), 2 * quads
    head = 4 * key_words * quads + 4 * value_words * ((inner.value_dim + 3) // 4)
    head += 2 * key_words + 2 * value_words + 8 * quads
    return 4 * (sums + 4 * quads * _words(e) + 2 * pairs * query_words + panel + head)


def block_mve_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Of one head, int32 sums of the output, and what a projection or the attention needs."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    sums = 4 * ((output.shape[1] + 3) // 4 * rows * 4)
    head = _round8(2 * rows * (inner.head_dim + inner.value_dim))
    panel = 4 * _padded(max(e, inner.value_dim)) + 32
    wide = _padded(rows)
    attention = 10 * wide + (rows + 3) // 4 * 4 * _padded(inner.head_dim)
    attention += (inner.value_dim + 3) // 4 * 4 * wide
    return sums + head + max(panel, attention)


def block_mve_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """A head's product is shorter than that of all heads."""
    assert isinstance(op, AttentionBlock)
    inner, rows = op.attention, output.shape[0]
    widths = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    work = 0.2 * macs(op, inputs, output) + 0.1 * inner.heads * rows * rows * inner.head_dim
    return work + 6 * rows * widths + 4 * inner.heads * output.size


def _words(k: int) -> int:
    return (k + 3) // 4 * 2


def block_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Rows are done two at a time; a head's weights are spread, its outputs added to the sums."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, rows = op.attention, inputs[0].shape[0]
    even = rows + rows % 2
    widths = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    weights = sum(t.size for t in inputs[1:12:3] if t is not None)
    sums = inner.heads * even * output.shape[1]
    work = 1.12 * macs(op, inputs, output) * even / rows + 1.9 * weights
    return work + 7 * even * widths + 4 * sums + 12 * inner.heads * even * rows


def linear_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """int16 pairs of four columns and their constants, and of one block of rows."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    words, rows = (k + 3) // 4 * 2, output.size // n
    block = min((rows + 1) & ~1, max(8, 32768 // (4 * words) & ~1))
    return 4 * (words * (4 + block) + 8)


def linear_mve_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Four columns side by side, padded to vectors, and their constants."""
    weight = inputs[1]
    assert weight is not None
    return 4 * (-(-math.prod(weight.shape[1:]) // 16) * 16) + 32


def conv_mve_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """As of the matrix product, and a block of gathered cells."""
    weight = inputs[1]
    assert weight is not None
    k = math.prod(weight.shape[1:])
    cells = min(output.size // weight.shape[0], max(8, 16384 // k))
    return linear_mve_scratch(op, inputs, output) + _round8(cells * k)


def depthwise_mve_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Places of the taps (8 bytes each on a host), weights by tap, one row of padding."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return 8 * taps + _round8((taps + 1) * channels)


def channels_by_four(_op: Op, inputs: Operands, _output: Tensor) -> bool:
    """Whole words of channels."""
    return inputs[0] is not None and inputs[0].shape[-1] % 4 == 0


def attention_mve_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Keys and values of one head in panels, two rows of scores and of probabilities."""
    assert isinstance(op, Attention) and inputs[1] is not None
    keys = inputs[1].shape[0]
    wide, deep = _padded(keys), _padded(op.head_dim)
    return 10 * wide + (keys + 3) // 4 * 4 * deep + (op.value_dim + 3) // 4 * 4 * wide


def _padded(count: int) -> int:
    return -(-count // 16) * 16


def row_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    weight = inputs[1]
    assert weight is not None
    return (math.prod(weight.shape[1:]) + 3) // 4 * 8


def linear_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Spreading weights costs once a panel; rows are done two at a time."""
    weight = inputs[1]
    assert weight is not None
    rows, work = output.size // weight.shape[0], macs(op, inputs, output)
    return 1.1 * work * (rows + rows % 2) / rows + 1.9 * weight.size + 10 * output.size


def softmax_dsp_cost(_op: Op, _inputs: Operands, output: Tensor) -> float:
    """The table by distance is made first."""
    return 256 * 12 + 17 * output.size


def is_depthwise(op: Op, inputs: Operands, output: Tensor) -> bool:
    channels = inputs[0].shape[-1] if inputs[0] is not None else 0
    return isinstance(op, Conv2d) and op.groups == channels == output.shape[-1]
