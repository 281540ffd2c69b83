"""Reshapes moved behind what they do not concern, so that they meet their inverse and vanish.

Exporters wrap every matrix product in Reshapes (sequence first, two axes only). With batch 1 none
of them moves a byte. Moving them towards the output leaves every activation with a first axis of 1,
which is what the canonical form promises.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.load import edit

ELEMENTWISE = (
    *("Relu", "Gelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Silu"),
    *("Erf", "Sqrt", "Exp", "Neg", "Pow"),
)
LAST_AXIS = ("Linear", "LayerNormalization", "RMSNormalization", "Softmax")


def sink_reshapes(graph: ir.Graph) -> bool:
    """f(Reshape(x)) becomes Reshape(f(x)) for elementwise f and f over an unchanged last axis."""
    modified = False
    for node in list(graph):
        if node.op_type in (*ELEMENTWISE, *LAST_AXIS):
            modified |= _sink_unary(node)
        elif node.op_type in ("Add", "Mul") and len(node.inputs) == 2:
            modified |= _sink_binary(node)
        elif node.op_type in ("Concat", "ReduceMean"):
            modified |= _prepend_batch(node)
    return modified


def _reshaped(value: ir.Value | None) -> ir.Value | None:
    """What ``value`` is a Reshape of, or None."""
    node = edit.producer(value, "Reshape")
    return node.inputs[0] if node is not None else None


def _emit(node: ir.Node, inputs: Sequence[ir.Value | None], shape: Sequence[int]) -> None:
    """Replace ``node`` by the same operation on other inputs, reshaped to the output's shape."""
    output = node.outputs[0]
    attributes = dict(node.attributes)
    if node.op_type in ("LayerNormalization", "RMSNormalization", "Softmax"):
        attributes["axis"] = ir.AttrInt64("axis", -1)
    value = edit.insert(node, node.op_type, inputs, shape, attributes, node.domain)
    edit.replace(output, reshape(value, edit.shape_of(output), node))


def reshape(value: ir.Value, shape: Sequence[int], before: ir.Node) -> ir.Value:
    """``value`` under another shape; nothing is inserted where it has that shape already."""
    if edit.shape_of(value) == tuple(shape):
        return value
    target = edit.constant(before, np.array(shape, np.int64))
    return edit.insert(before, "Reshape", [value, target], shape)


def _sink_unary(node: ir.Node) -> bool:
    source = _reshaped(node.inputs[0])
    if source is None or len(node.outputs) > 1:
        return False
    shape = edit.shape_of(source)
    if node.op_type in LAST_AXIS:
        rank = len(edit.shape_of(node.outputs[0]))
        axis = -1 if node.op_type == "Linear" else edit.int_attribute(node, "axis", -1)
        if axis % rank != rank - 1 or shape[-1:] != edit.shape_of(node.inputs[0])[-1:]:
            return False
        shape = (*shape[:-1], edit.shape_of(node.outputs[0])[-1])
    elif any(v is not None and edit.scalar_of(v) is None for v in node.inputs[1:]):
        return False
    _emit(node, [source, *node.inputs[1:]], shape)
    return True


def _sink_binary(node: ir.Node) -> bool:
    """Add and Mul: of two Reshapes of one shape, of a Reshape and a constant, or of a Reshape
    whose first axis is not the batch and anything of its shape."""
    a, b = node.inputs
    shape = edit.shape_of(node.outputs[0])
    for value, other in ((a, b), (b, a)):
        source = _reshaped(value)
        if value is None or other is None or source is None or edit.shape_of(value) != shape:
            continue
        target = edit.shape_of(source)
        data = edit.array_of(other)
        if data is not None:
            moved = _moved_constant(data, shape, target)
            if moved is None:
                continue
            partner = edit.constant(node, moved)
        elif _reshaped(other) is not None and edit.shape_of(other) == shape:
            partner = reshape(_reshaped(other) or other, target, node)
        elif edit.shape_of(other) == shape and shape[0] != 1 and target[0] == 1:
            partner = reshape(other, target, node)
        else:
            continue
        _emit(node, [source, partner] if value is a else [partner, source], target)
        return True
    return False


def _moved_constant(
    data: np.ndarray, shape: tuple[int, ...], target: tuple[int, ...]
) -> np.ndarray | None:
    """A constant that broadcasts to ``shape`` as one that broadcasts to ``target``, or None."""
    if data.size == 1:
        return data.reshape(())
    if data.shape[-1] == data.size == shape[-1] == target[-1]:
        return data.reshape(-1)
    if data.size == math.prod(shape):
        return data.reshape(target)
    return None


def _prepend_batch(node: ir.Node) -> bool:
    """Concat and ReduceMean in a space whose first axis is not the batch: put a 1 before it."""
    output = node.outputs[0]
    value = node.inputs[0]
    if value is None or edit.shape_of(value)[0] == 1:
        return False
    rank = len(edit.shape_of(value))
    if node.op_type == "Concat":
        axis = edit.int_attribute(node, "axis", 0) % rank
        inputs = [_with_batch(v, node) for v in node.inputs if v is not None]
        attributes = {"axis": axis + 1}
    else:
        axes = edit.integers_of(node.inputs[1] if len(node.inputs) > 1 else None)
        if axes is None:
            return False
        numbers = edit.constant(node, np.array([a % rank + 1 for a in axes], np.int64))
        inputs = [_with_batch(value, node), numbers]
        attributes = {"keepdims": edit.int_attribute(node, "keepdims", 1)}
    shape = edit.shape_of(output)
    result = edit.insert(node, node.op_type, inputs, (1, *shape), attributes)
    edit.replace(output, reshape(result, shape, node))
    return True


def _with_batch(value: ir.Value, before: ir.Node) -> ir.Value:
    data = edit.array_of(value)
    if data is not None:
        return edit.constant(before, data[None])
    return reshape(value, (1, *edit.shape_of(value)), before)
