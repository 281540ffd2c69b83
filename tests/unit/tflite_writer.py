"""Small .tflite files written by the schema package's builder, and what LiteRT makes of them."""

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from microformer.graph.tensor import Array, QParams
from tests.unit.import_checks import Reference, as_int8

tflite_: Any = schema  # the package has no types
_FIRST = [
    "RESHAPE",
    "QUANTIZE",
    "FLOOR",
    "SQUARE",
    "ELU",
    "SIN",
    "COS",
    "CEIL",
    "ROUND",
    "POW",
    "PRELU",
    "CUMSUM",
    "SHAPE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "CALL_ONCE",
]
_VERSIONS = {"CONV_2D": 5, "FULLY_CONNECTED": 5, **dict.fromkeys(_FIRST, 1)}
"""Those that LiteRT knows an operator in; 2 of all others."""
_TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9}
_TYPES |= {"resource": 13}


@dataclass
class TfliteWriter:
    """Tensors and operators of one graph; ``build`` gives the file."""

    tensors: list[dict[str, Any]] = field(default_factory=list)
    operators: list[tuple[str, list[int], list[int], str, dict[str, Any]]] = field(
        default_factory=list
    )

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str = "int8",
        data: Array | None = None,
        scale: Any = (),
        zero: Any = (0,),
        axis: int = 0,
        variable: bool = False,
    ) -> int:
        """A tensor, an activation if it has no data; returns its index."""
        record: dict[str, Any] = {"name": name, "shape": shape, "dtype": dtype, "data": data}
        record["variable"] = variable
        record |= {"scale": np.atleast_1d(scale), "zero": np.atleast_1d(zero), "axis": axis}
        self.tensors.append(record)
        return len(self.tensors) - 1

    def activation(self, name: str, shape: tuple[int, ...], qparams: QParams | None) -> int:
        """An int8 activation, or a float one."""
        if qparams is None:
            return self.tensor(name, shape, "float32")
        return self.tensor(name, shape, "int8", None, qparams.scale, qparams.zero_point)

    def operator(
        self, name: str, inputs: list[int], outputs: list[int], kind: str = "", **options: Any
    ) -> None:
        """An operator; ``kind`` is its options table, say Conv2DOptions."""
        self.operators.append((name, inputs, outputs, kind, options))

    def build(
        self, inputs: list[int], outputs: list[int], once: "TfliteWriter | None" = None
    ) -> bytes:
        """The file; ``once`` is a second graph, of no inputs and outputs, for CALL_ONCE."""
        b = flatbuffers.Builder(4096)
        graphs = [(self, inputs, outputs)]
        if once is not None:
            graphs.append((once, [], []))
        buffers = [self._buffer(b, None)]
        codes = sorted({name for graph, *_ in graphs for name, *_ in graph.operators})
        parts = []
        for graph, given, made in graphs:
            first = len(buffers)
            buffers += [self._buffer(b, t["data"]) for t in graph.tensors]
            parts.append(graph._graph(b, codes, first, given, made))
        numbers = [self._code(b, name) for name in codes]
        graph_vector = _offsets(b, tflite_.ModelStartSubgraphsVector, parts)
        code_vector = _offsets(b, tflite_.ModelStartOperatorCodesVector, numbers)
        buffer_vector = _offsets(b, tflite_.ModelStartBuffersVector, buffers)
        tflite_.ModelStart(b)
        tflite_.ModelAddVersion(b, 3)
        tflite_.ModelAddOperatorCodes(b, code_vector)
        tflite_.ModelAddSubgraphs(b, graph_vector)
        tflite_.ModelAddBuffers(b, buffer_vector)
        b.Finish(tflite_.ModelEnd(b), b"TFL3")
        return bytes(b.Output())

    def _graph(
        self, b: Any, codes: list[str], buffer: int, inputs: list[int], outputs: list[int]
    ) -> int:
        """One graph, its tensors' buffers from number ``buffer`` on."""
        tensors = [self._tensor(b, t, i + buffer) for i, t in enumerate(self.tensors)]
        operators = [self._operator(b, codes, *o) for o in self.operators]
        ends = [_vector(b, tflite_.SubGraphStartInputsVector, inputs)]
        ends.append(_vector(b, tflite_.SubGraphStartOutputsVector, outputs))
        parts = [_offsets(b, tflite_.SubGraphStartTensorsVector, tensors)]
        parts.append(_offsets(b, tflite_.SubGraphStartOperatorsVector, operators))
        tflite_.SubGraphStart(b)
        tflite_.SubGraphAddTensors(b, parts[0])
        tflite_.SubGraphAddInputs(b, ends[0])
        tflite_.SubGraphAddOutputs(b, ends[1])
        tflite_.SubGraphAddOperators(b, parts[1])
        return int(tflite_.SubGraphEnd(b))

    @staticmethod
    def _buffer(b: Any, data: Array | None) -> int:
        vector = None if data is None else b.CreateByteVector(data.tobytes())
        tflite_.BufferStart(b)
        if vector is not None:
            tflite_.BufferAddData(b, vector)
        return int(tflite_.BufferEnd(b))

    @staticmethod
    def _tensor(b: Any, t: dict[str, Any], buffer: int) -> int:
        name = b.CreateString(t["name"])
        shape = _vector(b, tflite_.TensorStartShapeVector, list(t["shape"]))
        quantisation = None
        if t["scale"].size:
            scales = b.CreateNumpyVector(t["scale"].astype(np.float32))
            zeros = b.CreateNumpyVector(np.resize(t["zero"], t["scale"].shape).astype(np.int64))
            tflite_.QuantizationParametersStart(b)
            tflite_.QuantizationParametersAddScale(b, scales)
            tflite_.QuantizationParametersAddZeroPoint(b, zeros)
            tflite_.QuantizationParametersAddQuantizedDimension(b, t["axis"])
            quantisation = tflite_.QuantizationParametersEnd(b)
        tflite_.TensorStart(b)
        tflite_.TensorAddShape(b, shape)
        tflite_.TensorAddType(b, _TYPES[t["dtype"]])
        tflite_.TensorAddBuffer(b, buffer)
        tflite_.TensorAddName(b, name)
        tflite_.TensorAddIsVariable(b, t["variable"])
        if quantisation is not None:
            tflite_.TensorAddQuantization(b, quantisation)
        return int(tflite_.TensorEnd(b))

    @staticmethod
    def _operator(
        b: Any,
        codes: list[str],
        name: str,
        inputs: list[int],
        outputs: list[int],
        kind: str,
        options: dict[str, Any],
    ) -> int:
        table = None
        if kind:
            vectors = {
                k: _vector(b, getattr(tflite_, f"{kind}Start{k}Vector"), v)
                for k, v in options.items()
                if isinstance(v, list)
            }
            words = {k: b.CreateString(v) for k, v in options.items() if isinstance(v, str)}
            getattr(tflite_, f"{kind}Start")(b)
            for key, value in (options | vectors | words).items():
                getattr(tflite_, f"{kind}Add{key}")(b, value)
            table = getattr(tflite_, f"{kind}End")(b)
        ends = [_vector(b, tflite_.OperatorStartInputsVector, inputs)]
        ends.append(_vector(b, tflite_.OperatorStartOutputsVector, outputs))
        tflite_.OperatorStart(b)
        tflite_.OperatorAddOpcodeIndex(b, codes.index(name))
        tflite_.OperatorAddInputs(b, ends[0])
        tflite_.OperatorAddOutputs(b, ends[1])
        if table is not None:
            tflite_.OperatorAddBuiltinOptionsType(b, getattr(tflite_.BuiltinOptions, kind))
            tflite_.OperatorAddBuiltinOptions(b, table)
        return int(tflite_.OperatorEnd(b))

    @staticmethod
    def _code(b: Any, name: str) -> int:
        number = getattr(tflite_.BuiltinOperator, name)
        tflite_.OperatorCodeStart(b)
        tflite_.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
        tflite_.OperatorCodeAddBuiltinCode(b, number)
        tflite_.OperatorCodeAddVersion(b, _VERSIONS.get(name, 2))
        return int(tflite_.OperatorCodeEnd(b))


def _vector(b: Any, start: Any, numbers: list[int]) -> int:
    start(b, len(numbers))
    for number in reversed(numbers):
        b.PrependInt32(number)
    return int(b.EndVector())


def _offsets(b: Any, start: Any, offsets: list[int]) -> int:
    start(b, len(offsets))
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


class LiteRt:
    """LiteRT's reference kernels, every tensor kept."""

    def __init__(self, data: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()

    def __call__(self, levels: Array) -> Reference:
        """int8 (or float) tensors by name, for one input [1, ...]."""
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], levels)
        self._interpreter.invoke()
        found: Reference = {}
        for detail in self._interpreter.get_tensor_details():
            try:
                value = self._interpreter.get_tensor(detail["index"])
            except ValueError:
                continue
            small = detail["dtype"] in (np.int8, np.uint8)
            found.setdefault(detail["name"], as_int8(value) if small else value)
        return found

    def output(self, levels: Array) -> Array:
        """The first output."""
        self(levels)
        interpreter = self._interpreter
        return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
