"""Pools and means: explicit windows, global pools as means or one window, sums as means."""

import math

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.conv import window
from microformer.load.patterns.reshapes import reshape

_MAX = {"kernel_shape", "strides", "pads"}
_AVERAGE = {*_MAX, "count_include_pad"}


def normalise_pools(graph: ir.Graph) -> bool:
    """All pooling and reducing operations in canonical form, where they have one."""
    modified = False
    for node in list(graph):
        if node.domain or not node.inputs or node.inputs[0] is None:
            continue
        if node.op_type in ("MaxPool", "AveragePool"):
            modified |= _normalise_window(node, node.inputs[0])
        elif node.op_type in ("GlobalAveragePool", "GlobalMaxPool"):
            spatial = list(range(2, len(edit.shape_of(node.inputs[0]))))
            _reduce(node, node.inputs[0], spatial, True, node.op_type == "GlobalMaxPool", 1.0)
            modified = True
        elif node.op_type in ("ReduceMean", "ReduceMax", "ReduceSum"):
            modified |= _normalise_reduction(node, node.inputs[0])
    return modified


def _normalise_window(node: ir.Node, x: ir.Value) -> bool:
    wanted = _MAX if node.op_type == "MaxPool" else _AVERAGE
    if set(node.attributes) == wanted and len(node.outputs) == 1:
        return False
    if any(v.uses() or v.is_graph_output() for v in node.outputs[1:]):
        return False
    spatial = edit.shape_of(x)[2:]
    attributes = window(node, spatial, edit.ints_attribute(node, "kernel_shape", []))
    if any(d != 1 for d in edit.ints_attribute(node, "dilations", [1])):
        return False
    del attributes["dilations"]
    include = edit.int_attribute(node, "count_include_pad", 0)
    if edit.int_attribute(node, "ceil_mode", 0) == 1:
        grown = _ceil_pads(node, spatial, attributes)
        if grown != attributes["pads"] and include and node.op_type == "AveragePool":
            return False  # the cells beyond the padding are not counted: no canonical form
        attributes["pads"] = grown
    if node.op_type == "AveragePool":
        attributes["count_include_pad"] = include
    shape = edit.shape_of(node.outputs[0])
    edit.replace(node.outputs[0], edit.insert(node, node.op_type, [x], shape, attributes))
    return True


def _ceil_pads(node: ir.Node, spatial: tuple[int, ...], attributes: dict[str, object]) -> list[int]:
    """Pads that give the output size of ceil_mode without it."""
    pads = edit.ints_attribute(node, "pads", [0] * (2 * len(spatial)))
    strides = edit.ints_attribute(node, "strides", [1] * len(spatial))
    kernel = edit.ints_attribute(node, "kernel_shape", [])
    outputs = edit.shape_of(node.outputs[0])[2:]
    rank = len(spatial)
    for i in range(rank):
        reach = (outputs[i] - 1) * strides[i] + kernel[i]
        pads[rank + i] = max(pads[rank + i], reach - spatial[i] - pads[i])
    return pads


def _normalise_reduction(node: ir.Node, x: ir.Value) -> bool:
    rank = len(edit.shape_of(x))
    given = node.inputs[1] if len(node.inputs) > 1 else None
    axes = edit.integers_of(given)
    if given is not None and axes is None:
        return False
    if not axes:
        if edit.int_attribute(node, "noop_with_empty_axes", 0):
            edit.replace(node.outputs[0], x)
            return True
        axes = list(range(rank))
    keep = bool(edit.int_attribute(node, "keepdims", 1))
    positive = sorted({a % rank for a in axes})
    canonical = axes == positive and all(edit.shape_of(x)[a] > 1 for a in axes)
    canonical &= positive == list(range(positive[0], positive[-1] + 1)) if positive else True
    if node.op_type == "ReduceMean" and canonical and set(node.attributes) == {"keepdims"}:
        return False
    factor = math.prod(edit.shape_of(x)[a] for a in positive) if node.op_type == "ReduceSum" else 1
    return _reduce(node, x, positive, keep, node.op_type == "ReduceMax", float(factor))


def _reduce(
    node: ir.Node, x: ir.Value, axes: list[int], keep: bool, maximum: bool, factor: float
) -> bool:
    """Replace ``node`` by a mean (times ``factor``) or a maximum over ``axes``."""
    shape, output = edit.shape_of(x), edit.shape_of(node.outputs[0])
    real = [a for a in axes if shape[a] > 1]
    kept = tuple(1 if a in axes else size for a, size in enumerate(shape))
    value = x
    if maximum and real:
        value = _maximum(node, x, real)
    elif real and real != list(range(real[0], real[-1] + 1)):
        value = _mean_apart(node, x, real, factor)
    elif real:
        numbers = edit.constant(node, np.array(real, np.int64))
        mean_shape = kept if keep else [s for a, s in enumerate(shape) if a not in real]
        value = edit.insert(node, "ReduceMean", [x, numbers], mean_shape, {"keepdims": int(keep)})
        if factor != 1.0:
            constant = edit.constant(node, np.array(factor))
            value = edit.insert(node, "Mul", [value, constant], mean_shape)
    edit.replace(node.outputs[0], reshape(value, output, node))
    return True


def _mean_apart(node: ir.Node, x: ir.Value, axes: list[int], factor: float) -> ir.Value:
    """The mean over axes that do not lie side by side, kept as 1: they are brought to the end."""
    shape = edit.shape_of(x)
    rest = [a for a in range(len(shape)) if a not in axes]
    turned = [shape[a] for a in (*rest, *axes)]
    value = edit.insert(node, "Transpose", [x], turned, {"perm": [*rest, *axes]})
    numbers = edit.constant(node, np.arange(len(rest), len(shape)))
    kept = [shape[a] for a in rest]
    value = edit.insert(node, "ReduceMean", [value, numbers], kept, {"keepdims": 0})
    if factor != 1.0:
        value = edit.insert(node, "Mul", [value, edit.constant(node, np.array(factor))], kept)
    return reshape(value, [1 if a in axes else n for a, n in enumerate(shape)], node)


def _maximum(node: ir.Node, x: ir.Value, axes: list[int]) -> ir.Value:
    """The maximum over any axes, kept as 1: one window of a MaxPool over them as width."""
    shape = edit.shape_of(x)
    rest = [a for a in range(len(shape)) if a not in axes]
    perm = [*rest, *axes]
    value, turned = x, [shape[a] for a in perm]
    if perm != list(range(len(shape))):
        value = edit.insert(node, "Transpose", [value], turned, {"perm": perm})
    channels = math.prod(shape[a] for a in rest)
    spatial = tuple(shape[a] for a in axes) if len(axes) <= 2 else (edit.size_of(x) // channels,)
    value = reshape(value, (1, channels, *spatial), node)
    attributes = {
        "kernel_shape": list(spatial),
        "strides": [1] * len(spatial),
        "pads": [0] * (2 * len(spatial)),
    }
    pooled = (1, channels, *[1] * len(spatial))
    value = edit.insert(node, "MaxPool", [value], pooled, attributes)
    return reshape(value, [1 if a in axes else n for a, n in enumerate(shape)], node)
