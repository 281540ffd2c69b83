"""ConvTranspose, Col2Im: zeros between the elements, then a Conv with the kernel turned round."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.layout import emit
from microformer.load.patterns.reshapes import reshape
from microformer.load.steps import Step


def convolved(
    node: ir.Node,
    x: ir.Value,
    kernel: Array,
    groups: int,
    dilations: Sequence[int],
    pads: Sequence[int],
    *spatial: int,
    bias: Array | None = None,
) -> ir.Value:
    """A Conv of stride 1 with a constant kernel [N, C / groups, ...], its output ``spatial``."""
    attributes = {
        "kernel_shape": list(kernel.shape[2:]),
        "strides": [1] * len(spatial),
        "pads": list(pads),
        "dilations": list(dilations),
        "group": groups,
    }
    offset = np.zeros(kernel.shape[0], np.float32) if bias is None else bias
    inputs = [x, edit.constant(node, kernel), edit.constant(node, offset)]
    return edit.insert(node, "Conv", inputs, (1, kernel.shape[0], *spatial), attributes)


def transposed_conv(node: ir.Node) -> ir.Value | None:
    """ConvTranspose: zeros between the elements, then a Conv with the kernel turned round."""
    x, weight = node.inputs[0], edit.array_of(node.inputs[1])
    bias = edit.array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    if x is None or weight is None or edit.shape_of(x)[0] != 1:
        return None
    shape, output = edit.shape_of(x), edit.shape_of(node.outputs[0])
    count = len(shape) - 2
    if count not in (1, 2):
        return None
    strides = edit.ints_attribute(node, "strides", [1] * count)
    dilations = edit.ints_attribute(node, "dilations", [1] * count)
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilations, strict=True)]
    begin = _pads_before(node, shape[2:], output[2:], strides, reach)
    value = _spread(node, x, strides)
    wide = edit.shape_of(value)[2:]
    before = [r - b for r, b in zip(reach, begin, strict=True)]
    # what is left over behind makes the output as long as the model says
    behind = [o + r - w - b for o, r, w, b in zip(output[2:], reach, wide, before, strict=True)]
    value = _cropped(node, value, [min(0, b) for b in before], [min(0, b) for b in behind])
    pads = [*(max(0, b) for b in before), *(max(0, b) for b in behind)]
    groups = edit.int_attribute(node, "group", 1)
    flipped = weight[(slice(None), slice(None), *[slice(None, None, -1)] * count)]
    inner, each = weight.shape[0] // groups, weight.shape[1]
    kernel = flipped.reshape(groups, inner, each, *weight.shape[2:]).swapaxes(1, 2)
    kernel = kernel.reshape(groups * each, inner, *weight.shape[2:])
    return convolved(node, value, kernel, groups, dilations, pads, *output[2:], bias=bias)


def _pads_before(
    node: ir.Node,
    spatial: Sequence[int],
    output: Sequence[int],
    strides: Sequence[int],
    reach: Sequence[int],
) -> list[int]:
    """How many cells of the full result are left out in front of each spatial axis."""
    auto = node.attributes.get_string("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID") and not edit.ints_attribute(node, "output_shape", []):
        none = [0] * (2 * len(spatial))
        return edit.ints_attribute(node, "pads", none)[: len(spatial)] if auto == "NOTSET" else none
    extra = edit.ints_attribute(node, "output_padding", [0] * len(spatial))
    totals = [
        s * (n - 1) + e + r + 1 - o
        for s, n, e, r, o in zip(strides, spatial, extra, reach, output, strict=True)
    ]
    return [t // 2 if auto == "SAME_UPPER" else t - t // 2 for t in totals]


def _spread(node: ir.Node, x: ir.Value, strides: Sequence[int]) -> ir.Value:
    """x [1, C, ...] with stride - 1 zeros behind each element but the last, an axis at a time."""
    value = x
    for axis, stride in enumerate(strides, start=2):
        shape = edit.shape_of(value)
        if stride == 1:
            continue
        apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
        zeros = np.zeros((*shape[: axis + 1], stride - 1, *shape[axis + 1 :]), np.float32)
        parts = [reshape(value, apart, node), edit.constant(node, zeros)]
        wide = (*shape[: axis + 1], stride, *shape[axis + 1 :])
        value = edit.insert(node, "Concat", parts, wide, {"axis": axis + 1})
        merged = (*shape[:axis], shape[axis] * stride, *shape[axis + 1 :])
        value = reshape(value, merged, node)
        value = _cut(node, value, axis, 0, merged[axis] - (stride - 1))
    return value


def _cropped(node: ir.Node, x: ir.Value, before: Sequence[int], behind: Sequence[int]) -> ir.Value:
    """x without -before and -behind cells of its spatial axes."""
    for axis, (first, last) in enumerate(zip(before, behind, strict=True), start=2):
        x = _cut(node, x, axis, -first, edit.shape_of(x)[axis] + last)
    return x


def _cut(node: ir.Node, x: ir.Value, axis: int, start: int, stop: int) -> ir.Value:
    if (start, stop) == (0, edit.shape_of(x)[axis]):
        return x
    return emit(x, [Step("Slice", (axis, start, stop, 1))], node)


def folded_columns(node: ir.Node) -> ir.Value | None:
    """Col2Im: a ConvTranspose whose kernel for each place in a block is one 1."""
    x = node.inputs[0]
    image, block = edit.integers_of(node.inputs[1]), edit.integers_of(node.inputs[2])
    if x is None or image is None or block is None or len(block) > 2:
        return None
    count, cells = len(block), math.prod(block)
    strides = edit.ints_attribute(node, "strides", [1] * count)
    dilations = edit.ints_attribute(node, "dilations", [1] * count)
    pads = edit.ints_attribute(node, "pads", [0] * (2 * count))
    batch, wide, _ = edit.shape_of(x)
    channels = wide // cells
    spatial = [
        (size + pads[i] + pads[i + count] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1
        for i, size in enumerate(image)
    ]
    kernel = np.tile(np.eye(cells).reshape(cells, 1, *block), (channels, 1, *[1] * count))
    attributes = {
        "kernel_shape": block,
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
        "group": channels,
    }
    source = reshape(x, (batch, wide, *spatial), node)
    shape = (batch, channels, *image)
    weight = edit.constant(node, kernel)
    value = edit.insert(node, "ConvTranspose", [source, weight], shape, attributes)
    return reshape(value, edit.shape_of(node.outputs[0]), node)
