"""Conv with explicit pads and a bias; Pad and BatchNormalization folded into it."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit

_ATTRIBUTES = {"kernel_shape", "strides", "pads", "dilations", "group"}


def normalise_convs(graph: ir.Graph) -> bool:
    """auto_pad as numbers, all attributes written out, a zero bias where there is none."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "Conv"):
            modified |= _normalise(node)
    return modified


def _normalise(node: ir.Node) -> bool:
    x, weight = node.inputs[0], edit.array_of(node.inputs[1])
    if x is None or weight is None:
        return False
    if len(node.inputs) == 3 and node.inputs[2] is not None and set(node.attributes) == _ATTRIBUTES:
        return False
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None:
        bias = edit.constant(node, np.zeros(weight.shape[0], np.float32))
    spatial = edit.shape_of(x)[2:]
    attributes = window(node, spatial, weight.shape[2:])
    attributes["group"] = edit.int_attribute(node, "group", 1)
    shape = edit.shape_of(node.outputs[0])
    value = edit.insert(node, "Conv", [x, node.inputs[1], bias], shape, attributes)
    edit.replace(node.outputs[0], value)
    return True


def window(node: ir.Node, spatial: Sequence[int], kernel: Sequence[int]) -> dict[str, object]:
    """kernel_shape, strides, dilations and explicit pads of a Conv or pool over spatial axes."""
    rank = len(spatial)
    strides = edit.ints_attribute(node, "strides", [1] * rank)
    dilations = edit.ints_attribute(node, "dilations", [1] * rank)
    pads = edit.ints_attribute(node, "pads", [0] * (2 * rank))
    auto = node.attributes.get_string("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
            for size, k, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True)
        ]
        small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
        pads = [*small, *large] if auto == "SAME_UPPER" else [*large, *small]
    elif auto == "VALID":
        pads = [0] * (2 * rank)
    return {
        "kernel_shape": list(kernel),
        "strides": strides,
        "pads": pads,
        "dilations": dilations,
    }


def fold_pads(graph: ir.Graph) -> bool:
    """Zero padding in front of a Conv, or of an average that counts it, becomes its pads."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "Conv", "AveragePool"):
            continue
        found = zero_padding(node.inputs[0])
        own = edit.ints_attribute(node, "pads", [])
        if found is None or not own:
            continue
        x, begin, end = found
        if any((*begin[:2], *end[:2])) or min((*begin, *end)) < 0:
            continue
        attributes = dict(node.attributes)
        if node.op_type == "AveragePool":
            if any(own) and not edit.int_attribute(node, "count_include_pad", 0):
                continue
            attributes["count_include_pad"] = ir.AttrInt64("count_include_pad", 1)
        total = [a + b for a, b in zip(own, (*begin[2:], *end[2:]), strict=True)]
        attributes["pads"] = ir.AttrInt64s("pads", total)
        shape = edit.shape_of(node.outputs[0])
        value = edit.insert(node, node.op_type, [x, *node.inputs[1:]], shape, attributes)
        edit.replace(node.outputs[0], value)
        modified = True
    return modified


Padding = tuple[ir.Value, list[int], list[int]]
"""(x, begin, end): what is padded, and by how much an axis."""


def zero_padding(value: ir.Value | None) -> Padding | None:
    """What ``value`` is, padded with zeros by constant amounts; None if it is no such thing."""
    found = constant_padding(value)
    return found[0] if found is not None and found[1] == 0.0 else None


def constant_padding(value: ir.Value | None) -> tuple[Padding, float] | None:
    """What ``value`` is, padded by constant amounts, and with what number."""
    node = edit.producer(value, "Pad")
    if node is None or node.attributes.get_string("mode", "constant") != "constant":
        return None
    x, pads = node.inputs[0], edit.integers_of(node.inputs[1])
    fill = edit.scalar_of(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0.0
    if x is None or pads is None or fill is None or edit.array_of(x) is not None:
        return None
    rank = len(edit.shape_of(x))
    axes = edit.integers_of(node.inputs[3]) if len(node.inputs) > 3 else None
    axes = list(range(rank)) if axes is None else [a % rank for a in axes]
    begin, end = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        begin[axis], end[axis] = pads[i], pads[i + len(axes)]
    return (x, begin, end), fill


def expand_pads(graph: ir.Graph) -> bool:
    """Any other constant padding is a Concat with that number, negative padding a Slice."""
    modified = False
    for node in list(graph):
        found = constant_padding(node.outputs[0])
        if found is None or not np.isfinite(found[1]):
            continue
        (x, begin, end), fill = found
        folds = ("Conv", "AveragePool") if fill == 0.0 else ()
        if any(u.node.op_type in folds for u in node.outputs[0].uses()):
            continue
        for axis, (before, behind) in enumerate(zip(begin, end, strict=True)):
            x = _pad_axis(x, axis, before, behind, node, fill)
        edit.replace(node.outputs[0], x)
        modified = True
    return modified


def _pad_axis(
    x: ir.Value, axis: int, before: int, behind: int, node: ir.Node, fill: float
) -> ir.Value:
    shape = list(edit.shape_of(x))
    if min(before, behind) < 0:
        bounds = [max(0, -before), shape[axis] - max(0, -behind)]
        numbers = [[bounds[0]], [bounds[1]], [axis], [1]]
        constants = [edit.constant(node, np.array(n, np.int64)) for n in numbers]
        shape[axis] = bounds[1] - bounds[0]
        x = edit.insert(node, "Slice", [x, *constants], shape)
    parts: list[ir.Value] = [x]
    for amount, position in ((before, 0), (behind, 1)):
        if amount > 0:
            more = np.full((*shape[:axis], amount, *shape[axis + 1 :]), fill, np.float32)
            parts.insert(position * len(parts), edit.constant(node, more))
    if len(parts) == 1:
        return x
    shape[axis] += max(0, before) + max(0, behind)
    return edit.insert(node, "Concat", parts, shape, {"axis": axis})


def fold_batchnorms(graph: ir.Graph) -> bool:
    """BatchNormalization as the factor and addend a channel that it is at inference.

    Behind a Conv (or a Linear whose channels are the last axis) ``affine`` folds them; elsewhere a
    depthwise 1x1 Conv does them.
    """
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "BatchNormalization"):
            modified |= _fold_batchnorm(node)
    return modified


def _fold_batchnorm(node: ir.Node) -> bool:
    x = node.inputs[0]
    gamma, beta, mean, variance = (edit.array_of(v) for v in node.inputs[1:5])
    if x is None or gamma is None or beta is None or mean is None or variance is None:
        return False
    factor = gamma / np.sqrt(
        variance.astype(np.float64) + node.attributes.get_float("epsilon", 1e-5)
    )
    addend = beta - mean * factor
    shape = edit.shape_of(x)
    source = x.producer()
    if len(shape) == 2 or (
        source is not None and source.op_type == "Conv" and edit.only_user(x) is not None
    ):
        column = (-1, *[1] * (len(shape) - 2))
        scaled = _binary(node, "Mul", x, factor.reshape(column))
        result = _binary(node, "Add", scaled, addend.reshape(column))
    elif len(shape) in (3, 4):
        ones = [1] * (len(shape) - 2)
        weight = edit.constant(node, factor.reshape(-1, 1, *ones))
        attributes = {
            "kernel_shape": ones,
            "strides": ones,
            "pads": [0] * (2 * len(ones)),
            "dilations": ones,
            "group": shape[1],
        }
        inputs = [x, weight, edit.constant(node, addend)]
        result = edit.insert(node, "Conv", inputs, shape, attributes)
    else:
        return False
    edit.replace(node.outputs[0], result)
    return True


def _binary(node: ir.Node, op: str, x: ir.Value, data: Array) -> ir.Value:
    return edit.insert(node, op, [x, edit.constant(node, data)], edit.shape_of(x))
