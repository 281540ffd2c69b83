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


def round8(count: int) -> int:
    return -(-count // 8) * 8


def is_dense(op: Op, _inputs: Operands, _output: Tensor) -> bool:
    return isinstance(op, Conv2d) and op.groups == 1


def attention_dsp_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """One head's (mf_head_t)."""
    assert isinstance(op, Attention) and inputs[1] is not None
    return _head_dsp(inputs[1].shape[0], op.head_dim, op.value_dim)


def _head_dsp(keys: int, head_dim: int, value_dim: int) -> int:
    """Panels of one head's keys and values as int16, and two rows of scores and probabilities."""
    quads = (keys + 3) // 4
    key_words, value_words = words_of(head_dim), words_of(keys)
    panels = 4 * key_words * quads + 4 * value_words * ((value_dim + 3) // 4)
    return 4 * (panels + 2 * key_words + 2 * value_words + 8 * quads)


def words_of(k: int) -> int:
    """Pairs of int16 of a row of k values, padded to fours."""
    return (k + 3) // 4 * 2


def _padded(k: int) -> int:
    """Bytes of a row of k values, padded to vectors of sixteen."""
    return -(-k // 16) * 16


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
    return round8(rows * width) + 4 * (rows + inner.value_dim)


def block_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Of one head as pairs (mf_block_t), x as pairs, int32 sums of the output."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    pairs, quads = (rows + 1) // 2, (rows + 3) // 4
    sums = (output.shape[1] + 3) // 4 * pairs * 8
    query_words = words_of(max(inner.head_dim, inner.value_dim))
    panel = 4 * words_of(max(e, inner.value_dim)) + 8
    words = sums + 4 * quads * words_of(e) + 2 * pairs * query_words + panel
    return 4 * words + _head_dsp(rows, inner.head_dim, inner.value_dim)


def block_mve_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Of one head, int32 sums of the output, and what a projection or the attention needs."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e) = op.attention, inputs[0].shape
    sums = 4 * ((output.shape[1] + 3) // 4 * rows * 4)
    head = round8(2 * rows * (inner.head_dim + inner.value_dim))
    panel = 4 * _padded(max(e, inner.value_dim)) + 32
    return sums + head + max(panel, _head_mve(rows, inner.head_dim, inner.value_dim))


def block_mve_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """A head's product is shorter than that of all heads."""
    assert isinstance(op, AttentionBlock)
    inner, rows = op.attention, output.shape[0]
    widths = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    work = 0.2 * macs(op, inputs, output) + 0.1 * inner.heads * rows * rows * inner.head_dim
    return work + 6 * rows * widths + 4 * inner.heads * output.size


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


def linear_mve_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Four columns side by side, padded to vectors, and their constants."""
    weight = inputs[1]
    assert weight is not None
    return 4 * _padded(math.prod(weight.shape[1:])) + 32


def conv_mve_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """As of the matrix product, and a block of gathered cells."""
    weight = inputs[1]
    assert weight is not None
    k = math.prod(weight.shape[1:])
    cells = min(output.size // weight.shape[0], max(8, 16384 // k))
    return linear_mve_scratch(op, inputs, output) + round8(cells * k)


def depthwise_mve_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Places of the taps (8 bytes each on a host), weights by tap, one row of padding."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return 8 * taps + round8((taps + 1) * channels)


def cell_scratch(_op: Op, _inputs: Operands, output: Tensor) -> int:
    """One cell of the output."""
    return round8(output.shape[-1])


def channels_by_four(_op: Op, inputs: Operands, _output: Tensor) -> bool:
    """Whole words of channels."""
    return inputs[0] is not None and inputs[0].shape[-1] % 4 == 0


def attention_mve_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """One head's (mf_mve_head_t)."""
    assert isinstance(op, Attention) and inputs[1] is not None
    return _head_mve(inputs[1].shape[0], op.head_dim, op.value_dim)


def _head_mve(keys: int, head_dim: int, value_dim: int) -> int:
    """Keys and values of one head in panels, two rows of scores and of probabilities."""
    wide, key_rows, channels = _padded(keys), (keys + 3) // 4 * 4, (value_dim + 3) // 4 * 4
    return 10 * wide + key_rows * _padded(head_dim) + channels * wide


def is_depthwise(op: Op, inputs: Operands, output: Tensor) -> bool:
    channels = inputs[0].shape[-1] if inputs[0] is not None else 0
    return isinstance(op, Conv2d) and op.groups == channels == output.shape[-1]
