"""Which family of kernels does an operation: what it is called, and what decides."""

from collections.abc import Sequence

from microformer.graph import ops
from microformer.graph.op import unknown
from microformer.graph.tensor import Tensor

Operands = Sequence[Tensor | None]


def family(op: ops.Op, inputs: Operands) -> str:
    """The kernel family that does ``op``; a pointwise Conv2d is the matrix product it is."""
    match op:
        case ops.Linear(bits=16):
            return "linear_s16"
        case ops.Linear() | ops.Conv2d():
            matrix = isinstance(op, ops.Linear) or is_pointwise(op, inputs)
            return ("linear" if matrix else "conv2d") + ("_wide" if op.wide else "")
        case ops.Attention() | ops.Softmax():
            return f"{op.kind.lower()}_{op.softmax}"
        case ops.AttentionBlock():
            return f"attention_block_{op.attention.softmax}"
        case ops.LayerNorm():
            return ("rmsnorm" if op.rms else "layernorm") + _stream(op, inputs)
        case ops.Add():
            return "add" + _stream(op, inputs)
        case ops.Slice():
            return "copy2d" if op.step == 1 else "permute"
        case _:
            if type(op) not in _FAMILIES:
                raise unknown(op, "the list of kernel families")
            return _FAMILIES[type(op)]


_FAMILIES: dict[type[ops.Op], str] = {
    ops.MatMul: "matmul",
    ops.FineSoftmax: "softmax_fine",
    ops.Narrow: "narrow_s16",
    ops.Mul: "mul",
    ops.Table: "table",
    ops.ConvPool: "conv_pool",
    ops.MaxPool2d: "max_pool2d",
    ops.AvgPool2d: "avg_pool2d",
    ops.Mean: "mean",
    ops.Concat: "copy2d",
    ops.Transpose: "permute",
    ops.Embedding: "embedding",
    ops.RangeDoppler: "range_doppler",
}


def stream_types(op: ops.Add | ops.LayerNorm, inputs: Operands) -> int:
    """Which of a, b and y are int16, as ``mf_residual.h`` has it; a norm has no b."""
    operands = inputs[: 2 if isinstance(op, ops.Add) else 1]
    wide = [t is not None and t.dtype == "int16" for t in operands]
    return sum(1 << i for i, is_wide in enumerate(wide) if is_wide) + 4 * (op.bits == 16)


def _stream(op: ops.Add | ops.LayerNorm, inputs: Operands) -> str:
    """What a family's name ends in where an operand is int16."""
    return "_s16" if stream_types(op, inputs) else ""


def is_pointwise(op: ops.Conv2d, inputs: Operands) -> bool:
    """True for a 1x1 convolution over all channels of every cell: a Linear over H W rows."""
    return (
        present(inputs[1]).shape[1:3] == (1, 1)
        and op.stride == (1, 1)
        and not any(op.pads)
        and op.groups == 1
    )


def present(tensor: Tensor | None) -> Tensor:
    """An operand that is never absent."""
    assert tensor is not None
    return tensor
