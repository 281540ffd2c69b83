"""What an operation costs and how its shape reads: for reports and for the choice of kernels."""

import math
from collections.abc import Sequence

from microformer.graph.op import unknown
from microformer.graph.ops import (
    Add,
    ArgMax,
    Attention,
    AttentionBlock,
    AvgPool2d,
    Concat,
    Conv2d,
    ConvPool,
    Embedding,
    FineSoftmax,
    Gru,
    LayerNorm,
    Linear,
    LogMel,
    Lstm,
    Lut,
    MatMul,
    MaxPool2d,
    Mean,
    Mul,
    Op,
    RangeDoppler,
    Requantize,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor

__all__ = ["describe", "macs"]

_NO_PRODUCTS = (
    Add
    | AvgPool2d
    | Concat
    | ArgMax
    | Embedding
    | FineSoftmax
    | LayerNorm
    | LogMel
    | MaxPool2d
    | Mean
    | Mul
    | Requantize
    | RangeDoppler
    | Reshape
    | Slice
    | Softmax
    | Lut
    | Transpose
)
"""Operations that are no matrix products; the FFTs of front ends are not counted as one."""


def macs(op: Op, inputs: Sequence[Tensor | None], output: Tensor) -> int:
    """Multiply-accumulates of the matrix products in one inference; 0 for all other operations.

    Attention counts q.k and p.v for every pair of positions, masked or not, as the literature
    does; convolutions count taps that fall on padding, and cells that pooling leaves out.
    """
    if isinstance(op, Linear):
        return output.size * _present(inputs[1]).shape[1]
    if isinstance(op, Conv2d):
        return output.size * math.prod(_present(inputs[1]).shape[1:])
    if isinstance(op, ConvPool):
        return math.prod((*infer_shape(op.conv, inputs), *_present(inputs[1]).shape[1:]))
    if isinstance(op, Lstm | Gru):
        return op.gates * output.size * output.shape[1]
    if isinstance(op, MatMul):
        return output.size * _present(inputs[0]).shape[-1]
    if isinstance(op, Attention):
        pairs = _present(inputs[0]).shape[0] * _present(inputs[1]).shape[0]
        return op.heads * pairs * (op.head_dim + op.value_dim)
    if isinstance(op, AttentionBlock):
        rows, inner = output.shape[0], op.attention
        weights = sum(_present(inputs[i]).size for i in (1, 4, 7, 10))
        return rows * weights + inner.heads * rows * rows * (inner.head_dim + inner.value_dim)
    if isinstance(op, _NO_PRODUCTS):
        return 0
    raise unknown(op, "the count of products")


def describe(op: Op, inputs: Sequence[Tensor | None], output: Tensor) -> str:
    """The operation's shape in a few words, for instance ``17x32 -> 17x64``; int16 is named."""
    return _describe(op, inputs, output) + (", int16" if output.dtype == "int16" else "")


def _describe(op: Op, inputs: Sequence[Tensor | None], output: Tensor) -> str:
    source = _shape(_present(inputs[0]))
    if isinstance(op, Attention):
        return _describe_attention(op, inputs)
    if isinstance(op, AttentionBlock):
        inner = op.attention
        return f"{inner.heads} heads, {source} -> {_shape(output)}, P={inner.head_dim}"
    if isinstance(op, Concat):
        return f"{len(inputs)} parts -> {_shape(output)}"
    text = f"{source} -> {_shape(output)}"
    if isinstance(op, Conv2d):
        kh, kw = _present(inputs[1]).shape[1:3]
        groups = f", {op.groups} groups" if op.groups > 1 else ""
        return f"{text}, {kh}x{kw}{_stride(op.stride)}{groups}"
    if isinstance(op, ConvPool):
        map_ = f"{_describe(op.conv, inputs, output)}, max"
        return f"{map_} {op.kernel[0]}x{op.kernel[1]}{_stride(op.stride)}"
    if isinstance(op, MaxPool2d | AvgPool2d):
        return f"{text}, {op.kernel[0]}x{op.kernel[1]}{_stride(op.stride)}"
    if not isinstance(op, Linear | Lstm | Gru | MatMul | _NO_PRODUCTS):
        raise unknown(op, "the words for shapes")
    if isinstance(op, Linear | Mean | Slice) or source != _shape(output):
        return text
    return source


def _describe_attention(op: Attention, inputs: Sequence[Tensor | None]) -> str:
    heads = f"{op.heads} heads" if op.heads != 1 else "1 head"
    if op.kv_heads != op.heads:
        heads += f" on {op.kv_heads}"
    width = f"P={op.head_dim}"
    if op.value_dim != op.head_dim:
        width += f", PV={op.value_dim}"
    causal = ", causal" if op.causal else ""
    rows, keys = _present(inputs[0]).shape[0], _present(inputs[1]).shape[0]
    return f"{heads}, {rows}x{keys}, {width}{causal}"


def _stride(stride: tuple[int, int]) -> str:
    return "" if stride == (1, 1) else f" stride {stride[0]}x{stride[1]}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "1"


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor
