"""Reshapes and Transposes moved behind what they do not concern, to meet their inverse and vanish.

Exporters wrap every matrix product in Reshapes (sequence first, two axes only). With batch 1 none
of them moves a byte. Moving them towards the output leaves every activation with a first axis of 1,
which is what the canonical form promises. A Transpose that moves behind an activation lets the
activation join the Linear or Conv before it.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.analysis.pointwise import NAME, kind_of
from microformer.load import edit

ELEMENTWISE = (
    *("Relu", "Gelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Silu", "Requantize"),
    *("Erf", "Sqrt", "Exp", "Neg", "Pow", "Abs", "Log", "Reciprocal", NAME),
)
LAST_AXIS = ("Linear", "LayerNormalization", "RMSNormalization", "Softmax")


def sink_reshapes(graph: ir.Graph) -> bool:
    """f(Reshape(x)) becomes Reshape(f(x)) for elementwise f and f over an unchanged last axis."""
    modified = False
    for node in list(graph):
        if kind_of(node) in (*ELEMENTWISE, *LAST_AXIS):
            modified |= _sink_unary(node) or sink_transpose(node)
        elif node.op_type in ("Add", "Mul") and len(node.inputs) == 2:
            modified |= _sink_binary(node)
        elif node.op_type == "Gather":
            modified |= _sink_gather(node)
        elif node.op_type in ("Concat", "ReduceMean"):
            modified |= _prepend_batch(node)
    return modified


def _sink_gather(node: ir.Node) -> bool:
    """Gather(table [V, E], Reshape(index)) becomes Reshape(Gather(table, index))."""
    table, source = edit.array_of(node.inputs[0]), _reshaped(node.inputs[1])
    if table is None or source is None or edit.int_attribute(node, "axis", 0):
        return False
    shape = (*edit.shape_of(source), *table.shape[1:])
    value = edit.insert(node, "Gather", [node.inputs[0], source], shape, {"axis": 0})
    edit.replace(node.outputs[0], reshape(value, edit.shape_of(node.outputs[0]), node))
    return True


def _reshaped(value: ir.Value | None) -> ir.Value | None:
    """What ``value`` is a Reshape of, if that has a batch of 1 in front; or None."""
    node = edit.producer(value, "Reshape")
    source = node.inputs[0] if node is not None else None
    return source if source is not None and edit.shape_of(source)[:1] == (1,) else None


def _emit(node: ir.Node, inputs: Sequence[ir.Value | None], shape: Sequence[int]) -> None:
    """Replace ``node`` by the same operation on other inputs, reshaped to the output's shape."""
    output = node.outputs[0]
    attributes = dict(node.attributes)
    if node.op_type in ("LayerNormalization", "RMSNormalization", "Softmax"):
        attributes["axis"] = ir.AttrInt64("axis", -1)
    value = edit.insert(node, node.op_type, inputs, shape, attributes, node.domain)
    edit.keep_quant(output, value, ("Reshape", tuple(shape)))
    edit.replace(output, reshape(value, edit.shape_of(output), node))


def reshape(value: ir.Value, shape: Sequence[int], before: ir.Node) -> ir.Value:
    """``value`` under another shape; nothing is inserted where it has that shape already."""
    if edit.shape_of(value) == tuple(shape):
        return value
    target = edit.constant(before, np.array(shape, np.int64))
    return edit.insert(before, "Reshape", [value, target], shape)


def _sink_unary(node: ir.Node) -> bool:
    source = _reshaped(node.inputs[0])
    x = node.inputs[0]
    if x is None or len(node.outputs) > 1 or edit.array_of(x) is not None:
        return False
    if source is None or (node.op_type in LAST_AXIS and not _same_last_axis(source, x)):
        if edit.shape_of(x)[:1] == (1,) or node.op_type == "Pow":
            return False
        source = reshape(x, (1, *edit.shape_of(x)), node)  # rows of no batch: they get one
    shape = edit.shape_of(source)
    if node.op_type in LAST_AXIS:
        rank = len(edit.shape_of(node.outputs[0]))
        axis = -1 if node.op_type == "Linear" else edit.int_attribute(node, "axis", -1)
        if axis % rank != rank - 1 or not _same_last_axis(source, x):
            return False
        shape = (*shape[:-1], edit.shape_of(node.outputs[0])[-1])
    elif any(v is not None and edit.scalar_of(v) is None for v in node.inputs[1:]):
        return False
    _emit(node, [source, *node.inputs[1:]], shape)
    return True


def _same_last_axis(a: ir.Value, b: ir.Value) -> bool:
    return edit.shape_of(a)[-1:] == edit.shape_of(b)[-1:]


def sink_transpose(node: ir.Node) -> bool:
    """f(Transpose(x)) becomes Transpose(f(x)) for elementwise f, or f over an unmoved last axis."""
    turned = edit.producer(node.inputs[0], "Transpose")
    if turned is None or turned.inputs[0] is None or len(node.outputs) > 1:
        return False
    source, output = turned.inputs[0], node.outputs[0]
    shape = edit.shape_of(source)
    perm = edit.ints_attribute(turned, "perm", list(reversed(range(len(shape)))))
    if node.op_type in LAST_AXIS:
        last = len(shape) - 1
        axis = -1 if node.op_type == "Linear" else edit.int_attribute(node, "axis", -1)
        if perm[-1] != last or axis % len(shape) != last:
            return False
        shape = (*shape[:-1], edit.shape_of(output)[-1])
    elif any(v is not None and edit.scalar_of(v) is None for v in node.inputs[1:]):
        return False
    inputs = [source, *node.inputs[1:]]
    value = edit.insert(node, node.op_type, inputs, shape, dict(node.attributes), node.domain)
    edit.keep_quant(output, value, ("Transpose", edit.inverse(perm)))
    turned_back = edit.insert(node, "Transpose", [value], edit.shape_of(output), {"perm": perm})
    edit.replace(output, turned_back)
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
        elif edit.shape_of(other) == shape and shape[0] != 1:
            partner = reshape(other, target, node)
        else:
            continue
        _emit(node, [source, partner] if value is a else [partner, source], target)
        return True
    return _batched_binary(node, a, b, shape)


def _batched_binary(
    node: ir.Node, a: ir.Value | None, b: ir.Value | None, shape: tuple[int, ...]
) -> bool:
    """A sum or product whose first axis is not the batch gets one in front."""
    if a is None or b is None or not shape or shape[0] == 1:
        return False
    inputs: list[ir.Value | None] = []
    for value in (a, b):
        data, own = edit.array_of(value), edit.shape_of(value)
        if data is not None:
            raised = data.reshape(1, *own) if len(own) == len(shape) else data
            inputs.append(edit.constant(node, raised))
        else:
            full = (1,) * (len(shape) + 1 - len(own)) + own
            inputs.append(reshape(value, full, node))
    _emit(node, inputs, (1, *shape))
    return True


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
    """Concat and ReduceMean in a space whose first axis is not the batch: put a 1 in front.

    In [S, 1, ...] the 1 is moved, elsewhere one is added.
    """
    values = [v for v in (node.inputs if node.op_type == "Concat" else node.inputs[:1]) if v]
    shapes = [edit.shape_of(v) for v in values]
    rank = len(shapes[0]) if shapes else 0
    joins = node.op_type == "Concat" and edit.int_attribute(node, "axis", 0) in (0, -rank)
    if not shapes or (all(s[:1] == (1,) for s in shapes) and not (joins and len(shapes) > 1)):
        return False
    if node.op_type == "Concat":
        axes = [edit.int_attribute(node, "axis", 0) % rank]
    else:
        given = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else []
        if given is None or (not given and edit.int_attribute(node, "noop_with_empty_axes", 0)):
            return False
        axes = [a % rank for a in given or range(rank)]  # none are all
    swap = all(len(s) > 1 and s[1] == 1 for s in shapes) and 1 not in axes
    moved = [max(a, 1) for a in axes] if swap else [a + 1 for a in axes]
    inputs = [_with_batch(v, swap, node) for v in values]
    output = edit.shape_of(node.outputs[0])
    if node.op_type == "Concat":
        shape = (1, output[0], *output[2:]) if swap else (1, *output)
        result = edit.insert(node, "Concat", inputs, shape, {"axis": moved[0]})
    else:
        keep = edit.int_attribute(node, "keepdims", 1)
        start = edit.shape_of(inputs[0])
        shape = tuple(
            1 if a in moved else size for a, size in enumerate(start) if keep or a not in moved
        )
        inputs.append(edit.constant(node, np.array(moved, np.int64)))
        result = edit.insert(node, "ReduceMean", inputs, shape, {"keepdims": keep})
    edit.replace(node.outputs[0], reshape(result, output, node))
    return True


def _with_batch(value: ir.Value, swap: bool, before: ir.Node) -> ir.Value:
    old = edit.shape_of(value)
    shape = (1, old[0], *old[2:]) if swap else (1, *old)
    data = edit.array_of(value)
    return (
        edit.constant(before, data.reshape(shape))
        if data is not None
        else reshape(value, shape, before)
    )
