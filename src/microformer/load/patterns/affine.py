"""Constant factors and addends: into the weights of a neighbour where that is exact.

A factor or addend a channel behind Linear, Conv, a norm or an embedding goes into its parameters;
one in front of a Linear, or a factor in front of a Conv, into the weights behind it. Only what
cannot be folded stays as Mul or Add with a constant.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.patterns.linear import channel_vector, linear, parameters_of

_SCALABLE = ("Linear", "Conv", "LayerNormalization", "RMSNormalization", "Gather")


def normalise_arithmetic(graph: ir.Graph) -> bool:
    """Sub and Div by constants, Sub of activations, and squares, as Add and Mul."""
    modified = False
    for node in list(graph):
        if node.op_type in ("Sub", "Div", "Pow") and len(node.inputs) == 2 and not node.domain:
            modified |= _normalise(node)
    return modified


def _normalise(node: ir.Node) -> bool:
    a, b = node.inputs
    first, second = edit.array_of(a), edit.array_of(b)
    shape = edit.shape_of(node.outputs[0])
    if a is None or b is None or (first is not None and second is not None):
        return False
    if node.op_type == "Pow":
        if edit.scalar_of(b) != 2.0:
            return False
        result = edit.insert(node, "Mul", [a, a], shape)
    elif second is not None and node.op_type == "Sub":
        minus = edit.constant(node, -second, grid=edit.grid_of(b))
        result = edit.insert(node, "Add", [a, minus], shape)
    elif second is not None:
        if not np.all(second):
            return False
        inverse = edit.constant(node, 1.0 / second.astype(np.float64))
        result = edit.insert(node, "Mul", [a, inverse], shape)
    elif node.op_type == "Sub":
        minus = edit.constant(node, np.array(-1.0))
        negated = edit.insert(node, "Mul", [b, minus], edit.shape_of(b))
        result = edit.insert(node, "Add", [a, negated], shape)
    else:
        return False
    edit.replace(node.outputs[0], result)
    return True


def operands(node: ir.Node) -> tuple[ir.Value, Array] | None:
    """(x, constant) of a Mul or Add with one constant operand that does not enlarge x."""
    if not edit.producer(node.outputs[0], "Mul", "Add"):
        return None
    a, b = node.inputs
    x, data = (b, edit.array_of(a)) if edit.array_of(a) is not None else (a, edit.array_of(b))
    if x is None or data is None or edit.array_of(x) is not None:
        return None
    return (x, data) if edit.shape_of(x) == edit.shape_of(node.outputs[0]) else None


def fold_behind(graph: ir.Graph) -> bool:
    """Mul and Add with a constant a channel go into the parameters of the node before."""
    modified = False
    for node in list(graph):
        found = operands(node)
        if found is None or edit.only_user(found[0]) is None:
            continue
        source = found[0].producer()
        if source is None or source.op_type not in _SCALABLE:
            continue
        vector = _per_channel(source, found[0], found[1])
        if vector is not None:
            modified |= _absorb(node, source, vector.astype(np.float64))
    return modified


def merge_constants(graph: ir.Graph) -> bool:
    """(x + a) + b and (x * a) * b with constants: one sum or product."""
    modified = False
    for node in list(graph):
        found = operands(node)
        before = found[0].producer() if found is not None else None
        if found is None or before is None or before.op_type != node.op_type:
            continue
        inner = operands(before)
        if inner is None or edit.only_user(found[0]) is None:
            continue
        a, b = (data.astype(np.float64) for data in (inner[1], found[1]))
        constant = edit.constant(node, a + b if node.op_type == "Add" else a * b)
        shape = edit.shape_of(node.outputs[0])
        result = edit.insert(node, node.op_type, [inner[0], constant], shape)
        edit.replace(node.outputs[0], result)
        modified = True
    return modified


def _per_channel(source: ir.Node, value: ir.Value, data: Array) -> Array | None:
    """A constant as one number a channel of ``source``'s output ``value``, or None."""
    shape = edit.shape_of(value)
    if data.ndim > len(shape):
        return None
    if source.op_type != "Conv":
        return channel_vector(data, shape[-1])
    if data.size == 1:
        return np.repeat(data.reshape(-1), shape[1])
    full = data.reshape((1,) * (len(shape) - data.ndim) + data.shape)
    return full.reshape(-1) if full.shape[1] == full.size == shape[1] else None


def _absorb(node: ir.Node, source: ir.Node, vector: Array) -> bool:
    """Insert ``source`` again with scaled or shifted parameters, in place of ``node``."""
    arrays = [edit.array_of(v) for v in source.inputs]
    parameters: list[Array]
    if source.op_type == "Gather":
        table = arrays[0]
        if table is None or table.ndim != 2 or edit.int_attribute(source, "axis", 0):
            return False
        new = table * vector if node.op_type == "Mul" else table + vector
        inputs: list[ir.Value | None] = [edit.constant(node, new), source.inputs[1]]
    else:
        if any(a is None for a in arrays[1:]) or len(arrays) < 2:
            return False
        parameters = [a for a in arrays[1:] if a is not None]
        if node.op_type == "Mul":
            weight = parameters[0]
            parameters = [weight * vector.reshape(-1, *[1] * (weight.ndim - 1))] + [
                p * vector for p in parameters[1:]
            ]
        elif source.op_type == "RMSNormalization" or len(parameters) < 2:
            return False
        else:
            parameters = [parameters[0], parameters[1] + vector]
        inputs = [source.inputs[0], *(edit.constant(node, p) for p in parameters)]
    _insert_like(node, source, inputs)
    return True


def _insert_like(node: ir.Node, source: ir.Node, inputs: Sequence[ir.Value | None]) -> None:
    """Replace ``node`` by ``source``'s operation on other inputs, under ``source``'s name."""
    shape = edit.shape_of(node.outputs[0])
    value = edit.insert(node, source.op_type, inputs, shape, dict(source.attributes), source.domain)
    maker = value.producer()
    assert maker is not None
    maker.name = source.name
    maker.metadata_props.clear()
    maker.metadata_props.update(source.metadata_props)
    edit.replace(node.outputs[0], value)


def fold_ahead(graph: ir.Graph) -> bool:
    """Linear(x * c), Linear(x + c) and Conv(x * c): the constant goes into the weight and bias."""
    modified = False
    for node in list(graph):
        value = node.inputs[0] if node.inputs else None
        before = value.producer() if value is not None else None
        found = operands(before) if before is not None else None
        if found is None or before is None or parameters_of_node(node) is None:
            continue
        if edit.quant_of(value) is not None:
            continue  # it was rounded there
        if node.op_type == "Linear":
            modified |= _into_linear(node, before, *found)
        elif node.op_type == "Conv":
            modified |= _into_conv(node, before, *found)
    return modified


def parameters_of_node(node: ir.Node) -> tuple[Array, Array] | None:
    """Weight and bias if ``node`` is a Linear or Conv with both constant."""
    if node.op_type not in ("Linear", "Conv") or len(node.inputs) < 3:
        return None
    return parameters_of(node)


def _into_linear(node: ir.Node, before: ir.Node, x: ir.Value, data: Array) -> bool:
    parameters = parameters_of(node)
    shape = edit.shape_of(x)
    vector = channel_vector(data, shape[-1]) if data.ndim <= len(shape) else None
    if parameters is None or vector is None:
        return False
    weight, bias = parameters
    if before.op_type == "Mul":
        weight = weight * vector
    else:
        bias = bias + weight.astype(np.float64) @ vector.astype(np.float64)
    edit.replace(node.outputs[0], linear(node, x, weight, bias, shape[:-1]))
    return True


def _into_conv(node: ir.Node, before: ir.Node, x: ir.Value, data: Array) -> bool:
    """Factors a channel into the weight; addends into the bias, if nothing is padded with 0."""
    parameters = parameters_of(node)
    shape = edit.shape_of(x)
    if parameters is None or data.ndim > len(shape):
        return False
    full = data.reshape((1,) * (len(shape) - data.ndim) + data.shape)
    if data.size > 1 and not full.shape[1] == full.size == shape[1]:
        return False
    if before.op_type == "Add" and any(edit.ints_attribute(node, "pads", [1])):
        return False
    weight, bias = parameters
    groups = edit.int_attribute(node, "group", 1)
    channels = np.broadcast_to(full.reshape(-1), (shape[1],)).reshape(groups, -1)
    each = np.repeat(channels, weight.shape[0] // groups, axis=0)  # [N, C / groups]
    each = each.reshape(*each.shape, *[1] * (weight.ndim - 2)).astype(np.float64)
    if before.op_type == "Mul":
        weight = weight * each
    else:
        bias = bias + (weight * each).reshape(weight.shape[0], -1).sum(1)
    inputs = [x, edit.constant(node, weight), edit.constant(node, bias)]
    _insert_like(node, node, inputs)
    return True
