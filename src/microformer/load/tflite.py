"""A .tflite file's tensors and operators, read by the schema package with every size bounded.

The file is hostile until it is read: offsets are followed by the schema package, which checks
them against the buffer; counts, shapes and buffers are checked here. Nothing is executed.
``tflite_onnx`` turns what is read into ONNX.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from microformer.errors import ModelError, ToolError, UnsupportedOpError
from microformer.graph.tensor import Array

MAX_RECORDS = 20_000
"""Limit of tensors, of operators, and of the entries of one list of indices."""
MAX_RANK = 8
MAX_ELEMENTS = 1 << 28

DTYPES: dict[int, type[np.generic]] = {
    0: np.float32,
    1: np.float16,
    2: np.int32,
    3: np.uint8,
    4: np.int64,
    6: np.bool_,
    7: np.int16,
    9: np.int8,
    13: np.void,
}
"""TensorType of the schema -> NumPy type, for the types that are read; void is a resource."""


@dataclass(frozen=True, eq=False)
class Stored:
    """One tensor. ``scale`` and ``zero`` are empty where it is not quantised, else one or as many
    as axis ``axis`` is long. ``data`` is None for an activation."""

    name: str
    shape: tuple[int, ...]
    dtype: type[np.generic]
    data: Array | None
    scale: Array
    zero: Array
    axis: int


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator: its name in the schema, tensor indices (-1: absent) and options."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True, eq=False)
class TfliteGraph:
    """The first subgraph of a file. ``once`` are those that CALL_ONCE runs, by their number.

    ``states`` are pairs of tensors that are kept from call to call: an input, and the output that
    it is in the next call (``tflite_variables``).
    """

    label: str
    tensors: tuple[Stored, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    once: Mapping[int, "TfliteGraph"] = field(default_factory=dict)
    states: tuple[tuple[int, int], ...] = ()


def read_tflite(data: bytes, label: str) -> TfliteGraph:
    """Read a file. Raises ModelError where it is broken, ToolError without the schema package."""
    try:
        import tflite  # noqa: PLC0415  optional
    except ImportError:
        raise ToolError(
            "Reading .tflite files needs the package 'tflite': pip install 'microformer[tflite]'."
        ) from None
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelError(f"{label} is no TFLite model: its file identifier is missing.")
    try:
        return _read(tflite, data, label)
    except (ModelError, UnsupportedOpError):
        raise
    except Exception as error:  # the schema package checks offsets with errors of every kind
        raise ModelError(f"{label} is broken or cut short: export it again.") from error


def _read(schema: Any, data: bytes, label: str) -> TfliteGraph:
    model = schema.Model.GetRootAs(bytearray(data), 0)
    if model.SubgraphsLength() < 1:
        raise ModelError(f"{label} holds no graph: export it again.")
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    main = _graph(schema, model, 0, names, label)
    calls = [op for op in main.operators if op.name == "CALL_ONCE" and op.options is not None]
    numbers = {int(call.options.InitSubgraphIndex()) for call in calls}
    once = {
        number: _graph(schema, model, _within(number, model.SubgraphsLength()), names, label)
        for number in numbers
    }
    return replace(main, once=once)


def _graph(
    schema: Any, model: Any, number: int, names: Mapping[int, str], label: str
) -> TfliteGraph:
    graph = model.Subgraphs(number)
    count = _count(graph.TensorsLength(), label)
    tensors = tuple(_tensor(model, graph.Tensors(i), i, label) for i in range(count))
    operators = []
    for i in range(_count(graph.OperatorsLength(), label)):
        operator = graph.Operators(i)
        code = model.OperatorCodes(_within(operator.OpcodeIndex(), model.OperatorCodesLength()))
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = names.get(number, f"operator {number}")
        if name == "CUSTOM":
            name = _custom(code)
        ends = (
            _indices(operator.InputsLength(), operator.Inputs, count, label),
            _indices(operator.OutputsLength(), operator.Outputs, count, label),
        )
        operators.append(Operator(name, *ends, _options(schema, operator)))
    inputs = _indices(graph.InputsLength(), graph.Inputs, count, label)
    outputs = _indices(graph.OutputsLength(), graph.Outputs, count, label)
    return TfliteGraph(label, tensors, tuple(operators), inputs, outputs)


def _custom(code: Any) -> str:
    """The name that a custom operator has in the file."""
    raw = code.CustomCode()
    text = raw.decode("utf-8", "replace")[:60] if raw else "without a name"
    return f"CUSTOM {''.join(c if c.isprintable() else '?' for c in text)}"


def _count(number: int, label: str) -> int:
    if not 0 <= number <= MAX_RECORDS:
        raise ModelError(f"{label} claims {number} records; at most {MAX_RECORDS} are read.")
    return number


def _within(index: int, length: int) -> int:
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return index


def _indices(length: int, item: Callable[[int], int], count: int, label: str) -> tuple[int, ...]:
    found = tuple(int(item(i)) for i in range(_count(length, label)))
    if any(not -1 <= index < count for index in found):
        raise ModelError(f"{label} refers to a tensor that it does not hold: export it again.")
    return found


def _options(schema: Any, operator: Any) -> Any:
    """The operator's table of options, or None."""
    kinds = {v: k for k, v in vars(schema.BuiltinOptions).items() if isinstance(v, int)}
    kind = kinds.get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    if kind == "NONE" or table is None or not hasattr(schema, kind):
        return None
    options = getattr(schema, kind)()
    options.Init(table.Bytes, table.Pos)
    return options


def _tensor(model: Any, tensor: Any, index: int, label: str) -> Stored:
    raw = tensor.Name()
    name = raw.decode("utf-8", "replace") if raw else f"tensor {index}"
    shape = tuple(int(tensor.Shape(i)) for i in range(_count(tensor.ShapeLength(), label)))
    if len(shape) > MAX_RANK or any(d < 0 for d in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise ModelError(f"Tensor {name!r} of {label} has the shape {shape}, which is not read.")
    dtype = DTYPES.get(tensor.Type())
    if dtype is None:
        raise UnsupportedOpError(
            f"Tensor {name!r} of {label} is of a type that is not read; export float32 or int8."
        )
    buffer = model.Buffers(_within(tensor.Buffer(), model.BuffersLength()))
    values: Array | None = None
    if buffer.DataLength():
        held = buffer.DataAsNumpy()
        need = math.prod(shape) * np.dtype(dtype).itemsize
        if isinstance(held, int) or held.nbytes != need:
            raise ModelError(
                f"Tensor {name!r} of {label} has {buffer.DataLength()} bytes where its shape needs "
                f"{need}: export it again."
            )
        values = np.frombuffer(held.tobytes(), dtype).reshape(shape)
    if tensor.Sparsity() is not None:
        raise UnsupportedOpError(f"Tensor {name!r} of {label} is sparse; export it dense.")
    return Stored(name, shape, dtype, values, *_quantisation(tensor, name, shape, label))


def _quantisation(
    tensor: Any, name: str, shape: tuple[int, ...], label: str
) -> tuple[Array, Array, int]:
    """Scales, zero points and axis; empty arrays where there are none."""
    record = tensor.Quantization()
    none = np.zeros(0), np.zeros(0, np.int64), 0
    if record is None or record.ScaleLength() == 0:
        return none
    count, zeros = record.ScaleLength(), record.ZeroPointLength()
    axis = int(record.QuantizedDimension())
    if len(shape) == 1:
        axis = 0  # of a bias the file may count axes as its weights do (TFLM's person detection)
    fits = count == 1 or (0 <= axis < len(shape) and shape[axis] == count)
    if not fits or zeros not in (0, 1, count):
        raise ModelError(f"Tensor {name!r} of {label} has {count} scales, which do not fit it.")
    scale = np.array([record.Scale(i) for i in range(count)], np.float64)
    zero = np.array([record.ZeroPoint(i) for i in range(zeros)] or [0], np.int64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ModelError(f"Tensor {name!r} of {label} has a scale that is no positive number.")
    return scale, np.broadcast_to(zero, scale.shape), axis
