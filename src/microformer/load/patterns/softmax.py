"""Softmax over the last axis: any other axis is brought there and back; spelled out by Exp too."""

import onnx_ir as ir

from microformer.load import edit


def normalise_softmax(graph: ir.Graph) -> bool:
    """Transposes around each Softmax over another axis than the last; they mostly cancel."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "Softmax") or node.inputs[0] is None:
            continue
        shape = edit.shape_of(node.outputs[0])
        last = len(shape) - 1
        axis = edit.int_attribute(node, "axis", -1) % len(shape)
        if axis in (0, last):
            continue
        perm = list(range(len(shape)))
        perm[axis], perm[last] = last, axis
        turned = [shape[i] for i in perm]
        x = edit.insert(node, "Transpose", [node.inputs[0]], turned, {"perm": perm})
        y = edit.insert(node, "Softmax", [x], turned, {"axis": -1})
        edit.keep_quant(node.outputs[0], y, ("Transpose", tuple(perm)))  # its own inverse
        edit.replace(node.outputs[0], edit.insert(node, "Transpose", [y], shape, {"perm": perm}))
        modified = True
    return modified


def recognise_softmax(graph: ir.Graph) -> bool:
    """exp(x) / sum(exp(x)) over one axis, with or without the maximum taken off before."""
    return edit.rewrite(graph, {"Div": _spelled})


def _spelled(node: ir.Node) -> ir.Value | None:
    powers, below = edit.producer(node.inputs[0], "Exp"), node.inputs[1]
    expanded = edit.producer(below, "Expand")
    total = edit.producer(expanded.inputs[0] if expanded is not None else below, "ReduceSum")
    if powers is None or total is None or total.inputs[0] is not node.inputs[0]:
        return None
    axis = _one_axis(total)
    x = powers.inputs[0]
    less = edit.producer(x, "Sub")
    if less is not None:
        most = edit.producer(less.inputs[1], "ReduceMax")
        if most is not None and most.inputs[0] is less.inputs[0] and _one_axis(most) == axis:
            x = less.inputs[0]
    if x is None or axis is None:
        return None
    return edit.insert(node, "Softmax", [x], edit.shape_of(node.outputs[0]), {"axis": axis})


def _one_axis(node: ir.Node) -> int | None:
    """The single axis of a reduction that keeps it as 1."""
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.inputs[0] is None or axes is None or len(axes) != 1:
        return None
    kept = edit.int_attribute(node, "keepdims", 1)
    return axes[0] % len(edit.shape_of(node.inputs[0])) if kept else None
