"""Softmax over the last axis: any other axis is brought there and back."""

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
