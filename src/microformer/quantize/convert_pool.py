"""Converters of pooling and means, equation (10)."""

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.ops import AvgPool2d, MaxPool2d, Mean, Reshape, Transpose
from microformer.quantize.context import Context
from microformer.quantize.scales import scale_integers
from microformer.quantize.source import (
    constant_of,
    full_shape,
    int_axis,
    int_shape,
    integer,
    ints,
    value_name,
)
from microformer.reference.conv import output_size


def pool(c: Context, node: ir.Node) -> None:
    """MaxPool or AveragePool over [C, H, W] or [C, L]: to channel-last and back."""
    x, out = c.read(node.inputs[0]), c.scales[value_name(node.outputs[0])]
    kernel = ints(node, "kernel_shape", ())
    strides, pads = (
        ints(node, "strides", [1] * len(kernel)),
        ints(node, "pads", [0] * 2 * len(kernel)),
    )
    one_dimensional = len(kernel) == 1
    if one_dimensional:
        kernel, strides, pads = (1, *kernel), (1, *strides), (0, pads[0], 0, pads[1])
        x = c.reshaped(x, (c.shape(x)[0], 1, c.shape(x)[1]))
    if node.op_type == "MaxPool":
        x = c.requantized(x, out)
    (kh, kw), (sy, sx), qparams = kernel, strides, c.qparams(x)
    frame = (pads[0], pads[1], pads[2], pads[3])
    channels, height, width = c.shape(x)
    name = node.name or value_name(node.outputs[0])
    last = (height, width, channels)
    image = c.step(f"{name}.to_hwc", Transpose((1, 2, 0)), (x,), last, qparams)
    op: MaxPool2d | AvgPool2d = MaxPool2d((kh, kw), (sy, sx), frame)
    inputs: tuple[str, ...] = (image,)
    if node.op_type == "AveragePool":
        include = bool(integer(node, "count_include_pad", 0))
        constants, shift = _average_rows(
            kh * kw, qparams.scale / out.scale, (qparams.zero_point, out.zero_point)
        )
        op = AvgPool2d((kh, kw), (sy, sx), frame, include, qparams.zero_point, shift)
        inputs = (image, *(c.builder.constant(f"{name}.{k}", v) for k, v in constants.items()))
    oh, ow = output_size((height, width), (kh, kw), (sy, sx), frame)
    result = c.step(name, op, inputs, (oh, ow, channels), out)
    if one_dimensional:
        first = (channels, oh, ow)
        result = c.step(f"{name}.to_chw", Transpose((2, 0, 1)), (result,), first, out)
        c.write(node, Reshape((channels, ow)), (result,))
    else:
        c.write(node, Transpose((2, 0, 1)), (result,))


def _average_rows(
    cells: int, ratio: float, zeros: tuple[int, int]
) -> tuple[dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int32]]], int]:
    """Equation (10): mult and add for every count of cells 1..KH*KW at one common shift."""
    zero_in, zero_out = zeros
    shift = min(
        scale_integers(ratio / n, 128 * n, zero_in * n, zero_out)[2] for n in range(1, cells + 1)
    )
    counts = np.arange(1, cells + 1)
    mult = np.floor(ratio / counts * 2.0**shift + 0.5).astype(np.int64)
    offset = -zero_in * counts * mult + (zero_out << shift) + (1 << (shift - 1))
    return {"mult": mult.astype(np.int32), "add": offset.astype(np.int32)}, shift


def mean(c: Context, node: ir.Node) -> None:
    """Equation (10) over adjacent axes; ``keepdims`` is a Reshape."""
    x, out = c.read(node.inputs[0]), c.scales[value_name(node.outputs[0])]
    shape = full_shape(node.inputs[0])
    constant = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    listed = constant.reshape(-1).tolist() if constant is not None else ints(node, "axes", ())
    axes = sorted({int_axis(shape, int(a)) for a in (listed or range(1, len(shape)))} - {-1})
    count = int(np.prod([c.shape(x)[a] for a in axes]))
    if axes != list(range(axes[0], axes[0] + len(axes))):
        raise UnsupportedOpError(
            f"Node '{node.name}' (ReduceMean) averages axes {axes} that do not lie side by side; "
            "split it into two means."
        )
    zero = c.qparams(x).zero_point
    ratio = c.qparams(x).scale / out.scale / count
    mult, offset, shift = scale_integers(ratio, 128 * count, zero * count, out.zero_point)
    kept = tuple(d for i, d in enumerate(c.shape(x)) if i not in axes)
    wanted = int_shape(full_shape(node.outputs[0]))
    op = Mean(tuple(axes), mult, offset, shift)
    if kept == wanted:
        c.write(node, op, (x,))
        return
    reduced = c.step(f"{node.name}.mean", op, (x,), kept, out)
    c.write(node, Reshape(wanted), (reduced,))
