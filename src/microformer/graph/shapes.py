"""Shapes of integer operations, without the batch axis."""

import math
from collections.abc import Sequence

from microformer.graph import ops
from microformer.graph.op import unknown
from microformer.graph.tensor import Tensor

Shape = tuple[int, ...]


def _windows(size: Shape, kernel: Shape, stride: Shape, pads: Shape, dilation: Shape) -> Shape:
    spans = (dilation[i] * (kernel[i] - 1) + 1 for i in range(2))
    padded = (size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3])
    return tuple((p - n) // s + 1 for p, n, s in zip(padded, spans, stride, strict=True))


def infer_shape(op: ops.Op, inputs: Sequence[Tensor | None]) -> Shape:
    """The output shape of ``op`` for its inputs (constants included, None where absent)."""
    shapes = [t.shape if t is not None else () for t in inputs]
    x = shapes[0]
    match op:
        case ops.Linear():
            return (*x[:-1], shapes[1][0])
        case ops.Conv2d():
            size = _windows(x[:2], shapes[1][1:3], op.stride, op.pads, op.dilation)
            return (*size, shapes[1][0])
        case ops.ConvPool():
            size = infer_shape(op.conv, inputs)
            return (*_windows(size[:2], op.kernel, op.stride, (0, 0, 0, 0), (1, 1)), size[2])
        case ops.MaxPool2d() | ops.AvgPool2d():
            return (*_windows(x[:2], op.kernel, op.stride, op.pads, (1, 1)), x[2])
        case ops.MatMul():
            y = shapes[1]
            inner, columns = (y[-1], y[-2]) if op.transposed else (y[-2], y[-1])
            return (*x[:-1], columns) if (x[:-2], x[-1]) == (y[:-2], inner) else (-1,)
        case ops.Lstm() | ops.Gru():
            return (x[0], x[1] // op.gates) if x[1] == op.gates * shapes[1][1] else (-1,)
        case ops.Attention():
            return (x[0], op.heads * op.value_dim)
        case ops.AttentionBlock():
            return (x[0], shapes[10][0])
        case ops.Mean():
            return tuple(d for i, d in enumerate(x) if i not in op.axes)
        case ops.Concat():
            joined = sum(s[op.axis] for s in shapes)
            return (*x[: op.axis], joined, *x[op.axis + 1 :])
        case ops.Slice():
            kept = len(range(op.start, op.stop, op.step))
            return (*x[: op.axis], kept, *x[op.axis + 1 :])
        case ops.Reshape():
            return op.shape if math.prod(op.shape) == math.prod(x) else (-1,)
        case ops.Transpose():
            return tuple(x[p] for p in op.perm)
        case ops.ArgMax():
            return x[:-1] or (1,)
        case ops.Embedding():
            return (*x, shapes[1][1])
        case ops.RangeDoppler():
            return (x[1], -(-x[2] // op.step), x[0])
        case ops.LogMel():
            return (shapes[6][0] if len(shapes) > 6 else shapes[3][0],)
        case ops.Softmax() | ops.FineSoftmax() | ops.LayerNorm() | ops.Lut() | ops.Requantize():
            return x
        case ops.Add() | ops.Mul():
            return x
        case _:
            raise unknown(op, "the inference of shapes")
