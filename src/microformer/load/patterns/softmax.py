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
    powers = edit.producer(node.inputs[0], "Exp")
    total = _reduction(node.inputs[1], "ReduceSum")
    if powers is None or total is None or total[0] is not node.inputs[0]:
        return None
    x, axis = powers.inputs[0], total[1]
    less = edit.producer(x, "Sub")
    if less is not None:
        most = _reduction(less.inputs[1], "ReduceMax")
        if most is not None and most == (less.inputs[0], axis):
            x = less.inputs[0]
    if x is None:
        return None
    return edit.insert(node, "Softmax", [x], edit.shape_of(node.outputs[0]), {"axis": axis})


def _reduction(value: ir.Value | None, kind: str) -> tuple[ir.Value, int] | None:
    """(x, axis) where ``value`` is x reduced over one axis that is 1 then, repeated or not.

    A maximum may be at least minus infinity, as Jax begins it; the axis may come back by a Reshape.
    """
    kept: tuple[int, ...] | None = None
    while True:
        node = edit.producer(value, kind, "Expand", "Reshape", "Unsqueeze", "Squeeze", "Max")
        if node is None or value is None:
            return None
        if node.op_type == kind:
            break
        if node.op_type == "Max":
            operands = [v for v in node.inputs if (edit.scalar_of(v) or 0.0) > _LOWEST]
            if len(operands) != 1 or len(node.inputs) != _PAIR:
                return None
            value = operands[0]
            continue
        if node.op_type != "Expand" and kept is None:
            kept = edit.shape_of(value)
        value = node.inputs[0]
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    x = node.inputs[0]
    if x is None or axes is None or len(axes) != 1:
        return None
    shape = edit.shape_of(x)
    axis = axes[0] % len(shape)
    wanted = tuple(1 if a == axis else d for a, d in enumerate(shape))
    return (x, axis) if (kept or edit.shape_of(node.outputs[0])) == wanted else None


_LOWEST, _PAIR = -1e30, 2
"""A bound below it bounds nothing; operands of a maximum of two."""
