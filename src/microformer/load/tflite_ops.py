"""TFLite's operators, one small function each, as ONNX. Images are [N, H, W, C] here."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from microformer.errors import MicroformerError, UnsupportedOpError
from microformer.load.tflite import Operator, read_tflite
from microformer.load.tflite_images import resize, transposed_conv
from microformer.load.tflite_moves import MOVES
from microformer.load.tflite_onnx import Writer, finish
from microformer.load.tflite_parts import CLIPS, activated, done, out_shape, refuse, shaped
from microformer.load.tflite_recurrent import lstm
from microformer.load.tflite_shapes import KNOWN, fold_shapes
from microformer.load.tflite_variables import with_variables

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def tflite_to_onnx(data: bytes, label: str) -> onnx.ModelProto:
    """A .tflite file as a (QDQ) ONNX model. Raises ModelError or UnsupportedOpError."""
    graph = with_variables(read_tflite(data, label))
    writer = Writer(graph)
    inputs = [writer.declare(index) for index in graph.inputs]
    for operator in graph.operators:
        try:
            _convert(writer, operator)
        except UnsupportedOpError as error:
            if not operator.outputs:
                raise
            writer.unread(operator, str(error))  # a part of the model may do without it
    return finish(writer, inputs)


def _convert(writer: Writer, operator: Operator) -> None:
    graph, convert = writer.graph, OPERATORS.get(operator.name)
    if (convert is None and operator.name not in KNOWN) or not operator.outputs:
        raise refuse(graph, operator, _advice(operator.name))
    try:
        if fold_shapes(writer, operator):
            return
        if convert is None:
            raise refuse(graph, operator, "it is read only where it is constant")
        convert(writer, operator)
    except MicroformerError:
        raise
    except Exception as error:  # options of another operator, tensors of the wrong shape
        raise refuse(
            graph, operator, "its options and tensors do not fit together; export it again"
        ) from error


def _advice(name: str) -> str:
    if "ethos-u" in name:
        return "it was compiled for Ethos-U; give the file from before Vela"
    if name.startswith("CUSTOM"):
        return "it is an operator of somebody's own; export the model without it"
    if name == "SVDF":
        return "it keeps a state from one call to the next, which is not compiled yet"
    return "it is not supported yet; replace or remove it"


def _simple(name: str, arity: int, **attributes: Any) -> Callable[[Writer, Operator], None]:
    def convert(w: Writer, op: Operator) -> None:
        done(w, op, w.node(name, [w.read(i) for i in op.inputs[:arity]], **attributes))

    return convert


def _clipped(w: Writer, op: Operator) -> None:
    w.write(op, activated(w, w.read(op.inputs[0]), op.name))


def _gelu(w: Writer, op: Operator) -> None:
    tanh = op.options is not None and op.options.Approximate()
    w.write(op, w.node("Gelu", [w.read(op.inputs[0])], approximate="tanh" if tanh else "none"))


def _fully_connected(w: Writer, op: Operator) -> None:
    x, weight = op.inputs[0], w.stored(op.inputs[1])
    value, depth = w.read(x), weight.shape[-1]
    if w.stored(x).shape[-1] != depth:
        value = shaped(w, value, (-1, depth))
    if weight.data is None:
        other = w.node("Transpose", [w.read(op.inputs[1])], perm=[1, 0])
    else:
        other = w.dequantized(weight, weight.data.T, 1 - weight.axis)
    value = w.node("MatMul", [value, other])
    value = _with_bias(w, op, value)
    lead = w.stored(x).shape[:-1]
    if (*lead, weight.shape[0]) != out_shape(w, op) or w.stored(x).shape[-1] != depth:
        value = shaped(w, value, out_shape(w, op))
    done(w, op, value)


def _with_bias(w: Writer, op: Operator, value: str) -> str:
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        return w.node("Add", [value, w.read(op.inputs[2])])
    return value


def _conv(w: Writer, op: Operator) -> None:
    weight = w.stored(op.inputs[1])
    if weight.data is None or len(weight.shape) != 4 or op.options is None:
        raise refuse(w.graph, op, "its weights must be constant")
    depthwise = op.name == "DEPTHWISE_CONV_2D"
    # [O, KH, KW, I], or [1, KH, KW, C M] depthwise
    turned = weight.data.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    kernel = w.dequantized(weight, turned, 0)
    options = op.options
    channels = w.stored(op.inputs[0]).shape[-1]
    attributes = {
        "strides": [options.StrideH(), options.StrideW()],
        "dilations": [options.DilationHFactor(), options.DilationWFactor()],
        "auto_pad": "VALID" if options.Padding() else "SAME_UPPER",
        "group": channels // turned.shape[1],
    }
    x = w.node("Transpose", [w.read(op.inputs[0])], perm=_TO_NCHW)
    inputs = [x, kernel]
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        inputs.append(w.read(op.inputs[2]))
    value = w.node("Conv", inputs, **attributes)
    done(w, op, w.node("Transpose", [value], perm=_TO_NHWC))


def _pool(w: Writer, op: Operator) -> None:
    if op.options is None:
        raise refuse(w.graph, op, "it has no window")
    options = op.options
    attributes = {
        "kernel_shape": [options.FilterHeight(), options.FilterWidth()],
        "strides": [options.StrideH(), options.StrideW()],
        "auto_pad": "VALID" if options.Padding() else "SAME_UPPER",
    }
    name = "MaxPool" if op.name == "MAX_POOL_2D" else "AveragePool"
    x = w.node("Transpose", [w.read(op.inputs[0])], perm=_TO_NCHW)
    value = w.node(name, [x], **attributes)
    done(w, op, w.node("Transpose", [value], perm=_TO_NHWC))


def _softmax(w: Writer, op: Operator) -> None:
    value, beta = w.read(op.inputs[0]), float(op.options.Beta()) if op.options else 1.0
    if beta != 1.0:
        value = w.node("Mul", [value, w.constant(np.array(beta, np.float32))])
    w.write(op, w.node("Softmax", [value], axis=-1))


def _batch_matmul(w: Writer, op: Operator) -> None:
    sides = []
    flips = (op.options.AdjX(), op.options.AdjY()) if op.options else (False, False)
    for index, flip in zip(op.inputs[:2], flips, strict=True):
        rank = len(w.stored(index).shape)
        perm = [*range(rank - 2), rank - 1, rank - 2]
        tensor = w.stored(index)
        if flip and tensor.data is not None:
            # a permutation leaves scales by tensor alone; those by channel move with their axis
            sides.append(
                w.dequantized(tensor, tensor.data.transpose(perm), perm.index(tensor.axis))
            )
            continue
        value = w.read(index)
        sides.append(w.node("Transpose", [value], perm=perm) if flip else value)
    w.write(op, w.node("MatMul", sides))


def _reduce(name: str) -> Callable[[Writer, Operator], None]:
    def convert(w: Writer, op: Operator) -> None:
        axes = w.data(op, 1)
        if axes is None:
            raise refuse(w.graph, op, "its axes must be constant")
        keep = int(op.options is not None and op.options.KeepDims())
        numbers = w.ints(*(int(a) for a in axes.reshape(-1)))
        w.write(op, w.node(name, [w.read(op.inputs[0]), numbers], keepdims=keep))

    return convert


def _search(name: str) -> Callable[[Writer, Operator], None]:
    def convert(w: Writer, op: Operator) -> None:
        axis = w.data(op, 1)
        if axis is None:
            raise refuse(w.graph, op, "its axis must be constant")
        number = int(axis.reshape(-1)[0])
        w.write(op, w.node(name, [w.read(op.inputs[0])], axis=number, keepdims=0))

    return convert


def _squared_difference(w: Writer, op: Operator) -> None:
    difference = w.node("Sub", [w.read(i) for i in op.inputs[:2]])
    w.write(op, w.node("Mul", [difference, difference]))


def _requantised(w: Writer, op: Operator) -> None:
    """The same values behind another QDQ pair; a Transpose that moves nothing keeps its name."""
    if not w.stored(op.inputs[0]).scale.size:
        _simple("Identity", 1)(w, op)
        return
    perm = list(range(len(w.stored(op.inputs[0]).shape)))
    w.write(op, w.node("Transpose", [w.read(op.inputs[0])], perm=perm))


def _rsqrt(w: Writer, op: Operator) -> None:
    w.write(op, w.node("Reciprocal", [w.node("Sqrt", [w.read(op.inputs[0])])]))


def _square(w: Writer, op: Operator) -> None:
    value = w.read(op.inputs[0])
    w.write(op, w.node("Mul", [value, value]))


def _leaky(w: Writer, op: Operator) -> None:
    alpha = float(op.options.Alpha()) if op.options else 0.0
    w.write(op, w.node("LeakyRelu", [w.read(op.inputs[0])], alpha=alpha))


def _prelu(w: Writer, op: Operator) -> None:
    w.write(op, w.node("PRelu", [w.read(i) for i in op.inputs[:2]]))


def _unit_length(w: Writer, op: Operator) -> None:
    done(w, op, w.node("LpNormalization", [w.read(op.inputs[0])], axis=-1, p=2))


def _cumsum(w: Writer, op: Operator) -> None:
    axis = w.data(op, 1)
    if axis is None:
        raise refuse(w.graph, op, "its axis must be constant")
    flags = (op.options.Exclusive(), op.options.Reverse()) if op.options else (0, 0)
    place = w.constant(np.array(int(axis.reshape(-1)[0]), np.int64))
    named = {"exclusive": int(flags[0]), "reverse": int(flags[1])}
    w.write(op, w.node("CumSum", [w.read(op.inputs[0]), place], **named))


OPERATORS: dict[str, Callable[[Writer, Operator], None]] = {
    "ADD": _simple("Add", 2),
    "SUB": _simple("Sub", 2),
    "MUL": _simple("Mul", 2),
    "DIV": _simple("Div", 2),
    "NEG": _simple("Neg", 1),
    "SQUARED_DIFFERENCE": _squared_difference,
    "RSQRT": _rsqrt,
    "SQRT": _simple("Sqrt", 1),
    "ABS": _simple("Abs", 1),
    "CEIL": _simple("Ceil", 1),
    "COS": _simple("Cos", 1),
    "CUMSUM": _cumsum,
    "ELU": _simple("Elu", 1),
    "EXP": _simple("Exp", 1),
    "FLOOR": _simple("Floor", 1),
    "L2_NORMALIZATION": _unit_length,
    "LEAKY_RELU": _leaky,
    "LOG": _simple("Log", 1),
    "LOG_SOFTMAX": _simple("LogSoftmax", 1, axis=-1),
    "MAXIMUM": _simple("Max", 2),
    "MINIMUM": _simple("Min", 2),
    "POW": _simple("Pow", 2),
    "PRELU": _prelu,
    "ROUND": _simple("Round", 1),
    "SIGN": _simple("Sign", 1),
    "SIN": _simple("Sin", 1),
    "SQUARE": _square,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "TRANSPOSE_CONV": transposed_conv,
    "QUANTIZE": _requantised,
    "DEQUANTIZE": _simple("Identity", 1),
    "RELU": _simple("Relu", 1),
    "LOGISTIC": _simple("Sigmoid", 1),
    "TANH": _simple("Tanh", 1),
    "HARD_SWISH": _simple("HardSwish", 1),
    "GELU": _gelu,
    **dict.fromkeys(CLIPS, _clipped),
    "FULLY_CONNECTED": _fully_connected,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "SOFTMAX": _softmax,
    "BATCH_MATMUL": _batch_matmul,
    "MEAN": _reduce("ReduceMean"),
    "SUM": _reduce("ReduceSum"),
    "REDUCE_MAX": _reduce("ReduceMax"),
    "ARG_MAX": _search("ArgMax"),
    "ARG_MIN": _search("ArgMin"),
    "REDUCE_MIN": _reduce("ReduceMin"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
    **MOVES,
}
"""By the schema's name: what a file is read by."""
