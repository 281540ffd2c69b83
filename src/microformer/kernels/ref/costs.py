"""What the reference kernels need of working memory."""

from microformer.graph.ops import Attention, AttentionBlock, Op
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import round8
from microformer.kernels.signatures import Operands, present
from microformer.targets import Target


def attention_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """int32 [Sk] scores and [PV] sums: it grows with the keys, not with their square."""
    assert isinstance(op, Attention)
    keys = inputs[1]
    assert keys is not None
    return 4 * (keys.shape[0] + op.value_dim)


def block_scratch(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """The reference's q, k, v and context, all of them whole."""
    assert isinstance(op, AttentionBlock) and inputs[0] is not None
    inner, rows = op.attention, inputs[0].shape[0]
    width = (inner.heads + inner.kv_heads) * (inner.head_dim + inner.value_dim)
    return round8(rows * width) + 4 * (rows + inner.value_dim)


def cell_scratch(_op: Op, _inputs: Operands, output: Tensor, _machine: Target) -> int:
    """One cell of the output."""
    return round8(output.shape[-1])


def sound_scratch(_op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Values and bins of a window's transform, one leaf's values, the bands' logarithms."""
    samples, bands = present(inputs[0]), present(inputs[3])
    return round8(8 * (samples.size + DOPPLER) + bands.size)


def fft_scratch(_op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> int:
    """Values and bins of one FFT, 32 bits each part."""
    return 2 * DOPPLER * 8
