"""Quantised operators in integer form, as the float operator between its Quantize pairs.

onnxruntime writes QLinearConv and its kin (QOperator form), and for quantisation at run time
DynamicQuantizeLinear with MatMulInteger. The first say every scale: they become QDQ pairs, which
``load.quantized`` reads. The second say those of the weights alone: activations stay float, and
take their ranges from samples. Rewritten before shapes are inferred. What they mean is ONNX's
operator reference and onnxruntime's documentation of contrib operators.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.check import refuse
from microformer.load.patterns.microsoft import DOMAIN, given, optional, plus, put
from microformer.load.patterns.weights import QUANT, constant, fake, matmul_nbits

Lower = Callable[[ir.Node], None]


def lower_integers(graph: ir.Graph) -> bool:
    """Rewrite each known operator (in place); others are left to be refused."""
    modified = False
    for node in list(graph):
        key = (node.domain, node.op_type)
        if key in LOWER:
            for name in node.attributes:
                if name not in _ATTRIBUTES.get(node.op_type, ()):
                    raise refuse(node, f"its attribute {name!r} is not known; leave it out")
            LOWER[key](node)
            modified = True
        elif modified and node.op_type in _MOVING and not node.domain:
            _move_real(node)
    for node in reversed(list(graph)):
        dead = (node.domain, node.op_type) in LOWER
        if dead and not any(v.uses() or v.is_graph_output() for v in node.outputs):
            graph.remove(node, safe=True)
    return modified


def _move_real(node: ir.Node) -> None:
    """What moves levels moves real values between a pair of the same scale."""
    maker = edit.producer(node.inputs[0], "QuantizeLinear")
    if maker is None:
        return
    parameters = list(maker.inputs[1:])
    node.replace_input_with(0, put(node, "DequantizeLinear", [node.inputs[0], *parameters]))
    node.inputs[0].dtype = ir.DataType.FLOAT  # type: ignore[union-attr]
    for output in node.outputs:
        readers = [use.node for use in output.uses()]
        levels = edit.insert_behind(node, "QuantizeLinear", [output, *parameters], ())
        levels.shape, levels.type = None, output.type
        edit.redirect(output, levels, readers)


def _real(node: ir.Node, index: int, axis: int = 1) -> ir.Value:
    """Inputs (levels, scale, zero point) from ``index`` on as real values."""
    inputs = [given(node, index), given(node, index + 1), optional(node, index + 2)]
    made = put(node, "DequantizeLinear", inputs, axis=axis)
    made.dtype = ir.DataType.FLOAT
    return made


def _levels(node: ir.Node, value: ir.Value, scale: int) -> None:
    """``value`` quantised by inputs (scale, zero point) is what the node gives."""
    inputs = [value, given(node, scale), optional(node, scale + 1)]
    made = put(node, "QuantizeLinear", inputs)
    made.type = node.outputs[0].type
    edit.replace(node.outputs[0], made)


def _bias(node: ir.Node, index: int, scales: tuple[int, int]) -> ir.Value | None:
    """An int32 bias in steps of the product of two scales."""
    if optional(node, index) is None:
        return None
    levels = constant(node, index, "bias").astype(np.float64)
    steps = [constant(node, i, "scale").astype(np.float64).reshape(-1) for i in scales]
    return edit.constant(node, (levels * (steps[0] * steps[1])).astype(np.float32))


def _conv(node: ir.Node) -> None:
    inputs: list[ir.Value | None] = [_real(node, 0), _real(node, 3, axis=0)]
    bias = _bias(node, 8, (1, 4))
    inputs += [bias] if bias is not None else []
    attributes = {name: a.value for name, a in node.attributes.items()}
    _levels(node, put(node, "Conv", inputs, **attributes), 6)


def _matmul(node: ir.Node) -> None:
    product = put(node, "MatMul", [_real(node, 0), _real(node, 3, axis=-1)])
    _levels(node, product, 6)


def _gemm(node: ir.Node) -> None:
    turned = {name: edit.int_attribute(node, name, 0) for name in ("transA", "transB")}
    axis = 0 if turned["transB"] else 1
    alpha = node.attributes.get_float("alpha", 1.0)
    inputs: list[ir.Value | None] = [_real(node, 0), _real(node, 3, axis=axis)]
    bias = _bias(node, 6, (1, 4))
    if bias is not None:
        inputs.append(bias)
    product = put(node, "Gemm", inputs, alpha=alpha, **turned)
    if optional(node, 7) is None:
        edit.replace(node.outputs[0], product)
        return
    _levels(node, product, 7)


def _binary(op: str) -> Lower:
    return lambda node: _levels(node, put(node, op, [_real(node, 0), _real(node, 3)]), 6)


def _unary(op: str, *names: str, **renamed: Any) -> Lower:
    """An operator of one activation; attributes ``names`` are handed on."""

    def lower(node: ir.Node) -> None:
        if edit.int_attribute(node, "channels_last", 0):
            raise refuse(node, "its channels are the last axis; export them first")
        kept = {n: node.attributes[n].value for n in names if n in node.attributes}
        _levels(node, put(node, op, [_real(node, 0)], **kept, **renamed), 3)

    return lower


def _concat(node: ir.Node) -> None:
    parts = [_real(node, index) for index in range(2, len(node.inputs), 3)]
    axis = edit.int_attribute(node, "axis", 0)
    _levels(node, put(node, "Concat", parts, axis=axis), 0)


def _dynamic(node: ir.Node) -> None:
    """Levels of a scale that is found when it runs: here the values themselves, at scale 1."""
    ones = (np.float32(1.0), np.zeros((), np.uint8))
    for output, data in zip(node.outputs[1:], ones, strict=False):
        edit.replace(output, edit.constant(node, np.asarray(data)))
    edit.replace(node.outputs[0], given(node, 0))


def _weights(node: ir.Node, index: int, zero: int, axis: int) -> Array:
    """Integer weights without their zero point, which may be one for each channel of ``axis``."""
    levels = constant(node, index, "weight").astype(np.float64)
    if optional(node, zero) is None:
        return levels
    offset = constant(node, zero, "zero point").astype(np.float64)
    if offset.ndim == 1 and offset.size > 1:
        offset = offset.reshape([-1 if a == axis % levels.ndim else 1 for a in range(levels.ndim)])
    return np.asarray(levels - offset)


def _float_operand(node: ir.Node) -> ir.Value:
    """The activation of an integer product: what stood before its quantiser."""
    x: ir.Value | None = given(node, 0)
    assert x is not None
    if x.dtype in (ir.DataType.UINT8, ir.DataType.INT8) and x.producer() is None:
        raise refuse(node, "its first input is int8 without a scale; give the float model")
    if edit.producer(x, "QuantizeLinear", "DynamicQuantizeLinear"):
        raise refuse(node, "its result is scaled by hand; quantise the model in QDQ form")
    return x


def _typed(node: ir.Node, value: ir.Value) -> None:
    """The product is float now, and so is all that was int32 behind it."""
    value.dtype = ir.DataType.FLOAT
    edit.replace(node.outputs[0], value)


def _matmul_integer(node: ir.Node) -> None:
    weight = edit.constant(node, _weights(node, 1, 3, -1).astype(np.float32))
    _typed(node, put(node, "MatMul", [_float_operand(node), weight]))


def _conv_integer(node: ir.Node) -> None:
    weight = edit.constant(node, _weights(node, 1, 3, 0).astype(np.float32))
    attributes = {name: a.value for name, a in node.attributes.items()}
    _typed(node, put(node, "Conv", [_float_operand(node), weight], **attributes))


def _matmul_to_float(node: ir.Node) -> None:
    scale = constant(node, 3, "scale").astype(np.float64)
    weight = edit.constant(node, (_weights(node, 1, 5, -1) * scale).astype(np.float32))
    product = put(node, "MatMul", [_float_operand(node), weight])
    product = put(node, "Mul", [product, given(node, 2)])
    edit.replace(node.outputs[0], plus(node, product, optional(node, 6)))


def _dynamic_matmul(node: ir.Node) -> None:
    scale = constant(node, 2, "scale").astype(np.float64)
    weight = edit.constant(node, (_weights(node, 1, 3, -1) * scale).astype(np.float32))
    product = put(node, "MatMul", [given(node, 0), weight])
    edit.replace(node.outputs[0], plus(node, product, optional(node, 4)))


_MOVING = (
    *("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze"),
    *("Slice", "Split", "MaxPool", "Identity", "Gather"),
)
_POOL: Sequence[str] = (
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "kernel_shape",
    "pads",
    "strides",
)
_WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
_ATTRIBUTES: dict[str, Sequence[str]] = {
    **dict.fromkeys(("QLinearConv", "ConvInteger"), _WINDOW),
    "QGemm": ("alpha", "transA", "transB"),
    "QLinearConcat": ("axis",),
    "QLinearLeakyRelu": ("alpha",),
    "QLinearSoftmax": ("axis", "opset"),
    "QLinearGlobalAveragePool": ("channels_last",),
    "QLinearAveragePool": (*_POOL, "channels_last"),
    "QLinearReduceMean": ("axes", "keepdims"),
    "Quant": ("narrow", "rounding_mode", "signed"),
    "MatMulNBits": ("K", "N", "accuracy_level", "bits", "block_size"),
}
"""What an operator may say; each is honoured, but for how exact the arithmetic has to be."""
LOWER: dict[tuple[str, str], Lower] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _matmul,
    ("", "DynamicQuantizeLinear"): _dynamic,
    ("", "MatMulInteger"): _matmul_integer,
    ("", "ConvInteger"): _conv_integer,
    (DOMAIN, "QGemm"): _gemm,
    (DOMAIN, "QLinearAdd"): _binary("Add"),
    (DOMAIN, "QLinearMul"): _binary("Mul"),
    (DOMAIN, "QLinearConcat"): _concat,
    (DOMAIN, "QLinearSigmoid"): _unary("Sigmoid"),
    (DOMAIN, "QLinearLeakyRelu"): _unary("LeakyRelu", "alpha"),
    (DOMAIN, "QLinearSoftmax"): _unary("Softmax", "axis"),
    (DOMAIN, "QLinearGlobalAveragePool"): _unary("GlobalAveragePool"),
    (DOMAIN, "QLinearAveragePool"): _unary("AveragePool", *_POOL),
    (DOMAIN, "QLinearReduceMean"): _unary("ReduceMean", "axes", "keepdims"),
    (DOMAIN, "MatMulIntegerToFloat"): _matmul_to_float,
    (DOMAIN, "DynamicQuantizeMatMul"): _dynamic_matmul,
    (DOMAIN, "MatMulNBits"): matmul_nbits,
    **{(domain, "Quant"): fake for domain in QUANT},
}
"""By (domain, operator)."""
