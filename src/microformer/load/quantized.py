"""Quantised models: QuantizeLinear and DequantizeLinear taken out, what they say remembered.

A pair of them on an activation becomes the activation itself, which remembers scale and zero
point (``edit.quant_of``). On a constant it becomes the float constant, which remembers the step
of which its values are multiples (``edit.grid_of``). What is left is the float equivalent of the
model, for all the passes that float models go through.
"""

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import FileTensor, Move
from microformer.graph.tensor import Array, QParams
from microformer.load import edit
from microformer.load.check import refuse

_CLAMPED = ("Conv", "Gemm", "MatMul", "Add", "BatchNormalization")
_MOVING = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Flatten")


def import_quantisation(graph: ir.Graph, exact: bool) -> bool:
    """Take all QuantizeLinear and DequantizeLinear out (in place); whether there were any.

    ``exact`` keeps operations apart that float models see fused. Raises UnsupportedOpError for
    what int8 with one scale a tensor cannot hold.
    """
    edit.set_exact(graph, exact)
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "DequantizeLinear"):
            _take_out(node)
            modified = True
        elif modified and node.op_type in _MOVING and not node.domain:
            _move_constant(node)
    for node in list(graph):
        if edit.producer(node.outputs[0], "QuantizeLinear") and node.outputs[0].is_graph_output():
            qparams, source = _quant(node), node.inputs[0]
            assert source is not None
            edit.replace(node.outputs[0], _annotated(node, source, qparams))
            modified = True
    for node in reversed(list(graph)):
        output = node.outputs[0]
        known = edit.producer(output, "QuantizeLinear", "DequantizeLinear", *_MOVING)
        if modified and known is not None and not (output.uses() or output.is_graph_output()):
            graph.remove(node, safe=True)
    if modified:
        edit.set_file_tensors(graph, _file_tensors(graph))
        _settle(graph)
    return modified


def _file_tensors(graph: ir.Graph) -> tuple[FileTensor, ...]:
    """Every quantised activation, with those that are computed of it directly."""
    nodes = list(graph)
    following: dict[int, tuple[str, ...]] = {}  # by value: the next quantised tensors behind it

    def behind(value: ir.Value) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for use in value.uses():
            for output in use.node.outputs:
                named = edit.quant_of(output) is not None and edit.origin_of(output)
                names = (edit.origin_of(output),) if named else following.get(id(output), ())
                found |= dict.fromkeys(names)
        return tuple(found)

    tensors = []
    for value in (*[v for n in reversed(nodes) for v in n.outputs], *graph.inputs):
        following[id(value)] = behind(value)
        qparams, name = edit.quant_of(value), edit.origin_of(value)
        if qparams is not None and name:
            tensors.append(FileTensor(name, qparams, following[id(value)]))
    return tuple(reversed(tensors))


def _settle(graph: ir.Graph) -> None:
    """A scale that stands on a moved value holds for the value itself: say so where it is made.

    TFLite's convolutions are a Transpose, a Conv and a Transpose here, and the scale stands on the
    last; when two Transposes cancel, what is between them is gone.
    """
    for node in reversed(list(graph)):
        source = node.inputs[0] if node.inputs else None
        qparams = edit.quant_of(node.outputs[0])
        if qparams is None or source is None or node.op_type not in _MOVING or node.domain:
            continue
        if edit.array_of(source) is None and edit.quant_of(source) is None:
            move: Move = ("Reshape", edit.shape_of(source))
            if node.op_type == "Transpose":
                order = list(reversed(range(len(edit.shape_of(source)))))
                move = ("Transpose", edit.inverse(edit.ints_attribute(node, "perm", order)))
            edit.keep_quant(node.outputs[0], source, move)


def _take_out(node: ir.Node) -> None:
    source, output = node.inputs[0], node.outputs[0]
    assert source is not None  # the checker saw to it
    levels = edit.array_of(source)
    if levels is not None:
        edit.replace(output, _constant(node, levels))
        return
    if source.is_graph_input():
        source.dtype = ir.DataType.FLOAT
        edit.replace(output, _annotated(node, source, _quant(node)))
        return
    quantise = edit.producer(source, "QuantizeLinear")
    if quantise is None or quantise.inputs[0] is None:
        raise refuse(node, "it reads integers that no QuantizeLinear made; export QDQ pairs")
    data = edit.array_of(quantise.inputs[0])
    if data is not None:
        edit.replace(output, _constant(node, _levels(quantise, data)))
        return
    if _quant(quantise) != _quant(node):
        raise refuse(node, "its scale is not that of the QuantizeLinear before it")
    edit.replace(output, _annotated(quantise, quantise.inputs[0], _quant(quantise)))


def _annotated(node: ir.Node, x: ir.Value, qparams: QParams) -> ir.Value:
    """``x`` with its quantisation; where it has another already, x requantised."""
    known = edit.quant_of(x)
    if known == qparams:
        return x
    if known is not None:
        again = edit.insert(node, "Requantize", [x], edit.shape_of(x), domain=edit.DOMAIN)
        edit.set_quant(again, qparams, node.outputs[0].name or "")
        return again
    origin, maker = x.name or "", x.producer()
    if qparams.zero_point == -128 and maker is not None and _may_clamp(maker):
        # quantisers drop a Relu whose work saturation does: the float model needs it back
        readers = [use.node for use in x.uses()]
        relu = edit.insert(node, "Relu", [x], edit.shape_of(x))
        edit.redirect(x, relu, readers)
        if x.is_graph_output():
            edit.replace(x, relu)
            relu.producer().replace_input_with(0, x)  # type: ignore[union-attr]
        x = relu
    edit.set_quant(x, qparams, origin)
    return x


def _may_clamp(node: ir.Node) -> bool:
    """Whether a Relu may have stood behind an operation: not behind logits, or 1 + erf(x)."""
    if node.op_type not in _CLAMPED:
        return False
    if node.op_type == "MatMul":
        return any(edit.array_of(v) is not None for v in node.inputs)
    return node.op_type != "Add" or all(edit.scalar_of(v) is None for v in node.inputs)


def _quant(node: ir.Node) -> QParams:
    """Scale and zero point of one activation, uint8 shifted to int8."""
    scale, zero = _parameters(node)
    if scale.size != 1:
        raise refuse(node, "activations have one scale a tensor; quantise them so")
    unsigned = zero.dtype == np.uint8
    return QParams(float(scale.reshape(-1)[0]), int(zero.reshape(-1)[0]) - 128 * int(unsigned))


def _parameters(node: ir.Node) -> tuple[Array, Array]:
    """The scale (positive float64) and zero point (its type is the levels') of a Q or DQ node."""
    scale = edit.array_of(node.inputs[1])
    zero = edit.array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    if scale is None or (len(node.inputs) > 2 and node.inputs[2] is not None and zero is None):
        raise refuse(node, "its scale and zero point must be constants")
    if zero is None:
        levels = node.outputs[0] if node.op_type == "QuantizeLinear" else node.inputs[0]
        kind = levels.dtype if levels is not None else None
        zero = np.zeros(scale.shape, (kind or ir.DataType.UINT8).numpy())
    if zero.dtype.name not in ("int8", "uint8", "int32", "int4", "uint4"):
        raise refuse(node, f"it holds {zero.dtype.name}; only 8-bit tensors are imported")
    scale = scale.astype(np.float64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise UnsupportedOpError(
            f"The scale of {edit.describe(node)} is no positive number: quantise the model again."
        )
    return scale, zero


def _spread(node: ir.Node, parameter: Array, shape: tuple[int, ...]) -> Array:
    """A scale or zero point in a form that broadcasts to the constant of that shape."""
    if parameter.size == 1:
        return parameter.reshape((1,) * len(shape))
    axis = edit.int_attribute(node, "axis", 1)
    block = edit.int_attribute(node, "block_size", 0)
    if block and parameter.ndim == len(shape) and -len(shape) <= axis < len(shape):
        spread = np.repeat(parameter, block, axis=axis)
        if all(a >= b for a, b in zip(spread.shape, shape, strict=True)):
            return spread[tuple(slice(size) for size in shape)]
    if block or parameter.ndim != 1:
        raise refuse(node, "its scales do not fit its shape; quantise by channel or by tensor")
    if not -len(shape) <= axis < len(shape) or parameter.size != shape[axis]:
        raise refuse(node, f"it has {parameter.size} scales along axis {axis} of shape {shape}")
    full = [1] * len(shape)
    full[axis] = parameter.size
    return parameter.reshape(full)


def _levels(node: ir.Node, data: Array) -> Array:
    """What a QuantizeLinear makes of a constant, halves to even as ONNX has it."""
    scale, zero = _parameters(node)
    scale, offset = (_spread(node, p, data.shape) for p in (scale, zero.astype(np.int64)))
    limits = np.iinfo(zero.dtype)
    raw = np.rint(data.astype(np.float64) / scale) + offset
    return np.asarray(np.clip(raw, limits.min, limits.max).astype(zero.dtype))


def _constant(node: ir.Node, levels: Array) -> ir.Value:
    """DequantizeLinear of a constant: the float constant, with its grid."""
    scale, zero = _parameters(node)
    scale, offset = (_spread(node, p, levels.shape) for p in (scale, zero.astype(np.int64)))
    real = (levels.astype(np.int64) - offset) * scale
    block = edit.int_attribute(node, "block_size", 0)
    if block:
        edit.add_note(
            edit.graph_of(node),
            f"Weights in blocks of {block} were read as their real values and are rounded to int8 "
            "anew, a scale a channel.",
        )
        return edit.constant(node, real)
    return edit.constant(node, real, grid=scale)


def _move_constant(node: ir.Node) -> None:
    """Evaluate a Reshape or Transpose of a constant that has a grid, and of its grid."""
    data, grid = edit.array_of(node.inputs[0]), edit.grid_of(node.inputs[0])
    if data is None or grid is None:
        return
    if node.op_type == "Transpose":
        perm = edit.ints_attribute(node, "perm", list(reversed(range(data.ndim))))
        moved, steps = data.transpose(perm), grid.transpose(perm)
    else:
        shape = edit.shape_of(node.outputs[0])
        moved, steps = data.reshape(shape), grid.reshape(shape)
    edit.replace(node.outputs[0], edit.constant(node, moved, grid=steps))
