"""What the kernels of a cluster need of L1, in bytes: the C of kernels/xpulp lays it out."""

import math
from collections.abc import Callable

from microformer.graph.ops import Attention, AttentionBlock, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands


def row_stride(k: int) -> int:
    """Bytes from row to row of k: an odd number of words."""
    return 4 * ((k + 3) // 4 | 1)


def panel_bytes(k: int) -> int:
    """Four columns of k and their constants."""
    return 16 * ((k + 3) // 4) + 36


def panel_group(rows: int, k: int, n: int) -> int:
    """As mf_panel_group."""
    quads, room = (rows + 3) // 4, 8192 // panel_bytes(k)
    return max(1, min((191 + quads) // quads, room, (n + 3) // 4))


def round8(size: int) -> int:
    """The next multiple of 8."""
    return -(-size // 8) * 8


def linear_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Two groups of panels, the table, rows of x."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    group = 2 * panel_group(output.size // n, k, n) * panel_bytes(k)
    return round8(group + table_bytes(inputs) + linear_near_scratch(op, inputs, output))


def table_bytes(inputs: Operands) -> int:
    """Of the table of a matrix product or convolution, if it has one."""
    return 256 if len(inputs) > 4 and inputs[4] is not None else 0


def linear_near_scratch(_op: Op, inputs: Operands, output: Tensor) -> int:
    """Rows of x: panels and table lie in L1."""
    weight = inputs[1]
    assert weight is not None
    rows, k = output.size // weight.shape[0], math.prod(weight.shape[1:])
    return round8((rows + 3) // 4 * 4 * row_stride(k))


def _odd(words: int) -> int:
    return words | 1


def _core_words(keys: int, biased: bool) -> int:
    """As mf_core_words: scores, probabilities and bias of four rows."""
    quads = (keys + 3) // 4
    return 4 * (_odd(4 * quads) + _odd(quads) + keys * biased)


def _head_group(op: Attention, quads: int) -> int:
    """As mf_head_group: heads of keys at a time, for ``quads`` fours of query rows."""
    return min(-(-8 // (op.heads // op.kv_heads * quads)), op.kv_heads)


def zero_is_near(op: Op, _inputs: Operands, _output: Tensor) -> bool:
    """Attention whose context's zero point can be added without saturation."""
    inner = op.attention if isinstance(op, AttentionBlock) else op
    assert isinstance(inner, Attention)
    return abs(inner.out_zero) < 1 << 29


def attention_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """As mf_attention_rows_xpulp lays it out."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    rows, keys = inputs[0].shape[0], inputs[1].shape[0]
    quads, key_quads = (rows + 3) // 4, (keys + 3) // 4
    key_words, value_quads = (op.head_dim + 3) // 4, (op.value_dim + 3) // 4
    group = _head_group(op, quads)
    panels = key_quads * (4 * key_words + 1) + value_quads * (4 * key_quads + 1)
    biased = len(inputs) > 4 and inputs[4] is not None
    core = 4 * _odd(key_words) + 4 * value_quads + _core_words(keys, biased)
    return round8(4 * (group * panels + 8 * core) + 256)


def block_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """As mf_attention_block_xpulp lays it out."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, (rows, e), n = op.attention, inputs[0].shape, output.shape[1]
    quads, key_quads = (rows + 3) // 4, (inner.head_dim + 3) // 4
    context = 4 * inner.heads * ((inner.value_dim + 3) // 4)
    out = panel_bytes(context) // 4 * min(-(-8 // quads), (n + 3) // 4)
    room = max(512, out, panel_bytes(e) // 4 * min(key_quads, 16))
    return 8 * room + block_near_scratch(op, inputs, output)


def block_near_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
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
    cores = 8 * 4 * _core_words(rows, biased)
    return round8(rows_bytes + group * (queries_bytes + keys + values) + cores + 256)


def block_fits(op: Op, inputs: Operands, output: Tensor) -> bool:
    """The whole layer lies in L1 beside the stacks: it cannot be done in blocks of rows."""
    assert inputs[0] is not None
    nbytes = round8(inputs[0].nbytes) + round8(output.nbytes) + block_scratch(op, inputs, output)
    return zero_is_near(op, inputs, output) and nbytes <= _BLOCK_BYTES


_BLOCK_BYTES = 64 * 1024 - 8 * 624 - 32  # stacks, what the linker may lose (plan)


def matmul_fits(_op: Op, inputs: Operands, _output: Tensor) -> bool:
    """A tile's sums begin with what the zero points add: 31 bits hold 2^16 a value."""
    assert inputs[0] is not None
    return inputs[0].shape[-1] < 1 << 15


def matmul_scratch(_op: Op, inputs: Operands, output: Tensor) -> int:
    """Panels of b of some matrices, four rows of a for each of 8 cores (mf_matmul_xpulp.h)."""
    assert inputs[0] is not None
    *lead, rows, k = inputs[0].shape
    quads, words, panels = (rows + 3) // 4, (k + 3) // 4, (output.shape[-1] + 3) // 4
    group = min((15 + quads) // quads, math.prod(lead))
    return round8(4 * (group * panels * (4 * words + 5) + 8 * 4 * _odd(words)))


def norm_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Multiplier and constant of each element, two sums of each of 8 cores."""
    mult = inputs[1]
    assert mult is not None
    return 8 * mult.size + 64


def fixed_scratch(size: int) -> Callable[[Op, Operands, Tensor], int]:
    """The same for every node: tables of bytes."""
    return lambda _op, _inputs, _output: size


def binary_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Two parts of the second operand, where that is a constant: MF_BINARY_CHUNK each."""
    other = inputs[1]
    assert other is not None
    return 0 if other.data is None else round8(min(other.size, 2048))
