"""What was read from a .tflite file as an ONNX model: float operators, and QDQ pairs for scales.

Every quantised tensor becomes a QuantizeLinear and DequantizeLinear behind the operator that
makes it, so that ``load.quantized`` reads TFLite's scales as it reads ONNX's. Operators work on
float tensors named as in the file; the converters of single operators are in ``tflite_ops``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from microformer.errors import ModelError, UnsupportedOpError
from microformer.graph.tensor import Array
from microformer.load.cut import REFUSAL
from microformer.load.functions import OPSET
from microformer.load.states import STATES
from microformer.load.tflite import Operator, Stored, TfliteGraph

_LEVELS = (np.int8, np.uint8)


class Writer:
    """The ONNX graph under construction. Values are known by their names."""

    def __init__(self, graph: TfliteGraph) -> None:
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._names = _unique_names(graph.tensors)
        self._read: dict[int, str] = {}
        self._known: dict[int, Array] = {}
        self._count = 0

    def named(self, index: int) -> str:
        """A tensor's own name, by which it is an input."""
        return self._names[index]

    def stored(self, index: int) -> Stored:
        """A tensor of the file."""
        return self.graph.tensors[index]

    def data(self, operator: Operator, position: int) -> Array | None:
        """The real values of a constant input, None for an activation or an absent one."""
        index = operator.inputs[position] if position < len(operator.inputs) else -1
        if index in self._known:
            return self._known[index]
        tensor = self.stored(index) if index >= 0 else None
        if tensor is None or tensor.data is None:
            return None
        return tensor.data

    def know(self, operator: Operator, data: Array) -> None:
        """The operator's output is this constant: what a file computes of shapes."""
        self._known[operator.outputs[0]] = data

    def read(self, index: int) -> str:
        """The float value of a tensor: dequantised where it is quantised."""
        if index in self._known and index not in self._read:
            self._read[index] = self.constant(self._known[index])
        if index not in self._read:
            tensor = self.stored(index)
            if tensor.data is None:
                raise ModelError(
                    f"{self.graph.label} reads tensor {tensor.name!r} before it is computed."
                )
            self._read[index] = self.dequantized(tensor, tensor.data, tensor.axis)
        return self._read[index]

    def dequantized(self, tensor: Stored, data: Array, axis: int) -> str:
        """A constant, perhaps in another layout than the file's, with its scales along ``axis``."""
        name = self.constant(data)
        if not tensor.scale.size:
            return name
        single = tensor.scale.size == 1
        scale, zero = tensor.scale.astype(np.float32), tensor.zero.astype(data.dtype)
        inputs = [name, self.constant(scale.reshape(()) if single else scale)]
        if data.dtype != np.int32:
            inputs.append(self.constant(zero.reshape(()) if single else zero))
        return self.node("DequantizeLinear", inputs, **({} if single else {"axis": axis}))

    def constant(self, data: Array) -> str:
        """A new initialiser."""
        name = self._fresh("constant")
        self.constants[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(data), name)
        return name

    def ints(self, *values: int) -> str:
        """A new constant vector of int64."""
        return self.constant(np.array(values, np.int64))

    def node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A new node of one output, which is named after it."""
        output = self._fresh(op)
        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def write(self, operator: Operator, value: str, position: int = 0) -> None:
        """``value`` is what the operator's output tensor holds: named, and quantised if need be."""
        index = operator.outputs[position]
        tensor = self.stored(index)
        name = self._names[index]
        node = helper.make_node("Identity", [value], [name], name)
        made = self.nodes[-1] if self.nodes else None
        fresh = made is not None and made.op_type != "DequantizeLinear"
        if made is not None and fresh and made.output[0] == value:  # it simply gets the name
            made.output[0] = made.name = name
        else:
            self.nodes.append(node)
        self._read[index] = self.rounded(tensor, name)

    def unread(self, operator: Operator, reason: str) -> None:
        """An operator that has no form: a node that is refused, unless a cut leaves it out."""
        known = {i for i, t in enumerate(self.graph.tensors) if t.data is not None} | {*self._read}
        given = [self.read(index) for index in operator.inputs if index in known]
        names = [self._names[index] for index in operator.outputs]
        kind = operator.name.replace(" ", "_")
        node = helper.make_node(kind, given, names, names[0], domain="tflite")
        node.metadata_props.add(key=REFUSAL, value=reason)
        self.nodes.append(node)
        for index, name in zip(operator.outputs, names, strict=True):
            self._read[index] = name

    def rounded(self, tensor: Stored, name: str) -> str:
        """Value ``name`` behind the QDQ pair of its tensor, or itself where it is float."""
        if tensor.dtype not in _LEVELS and tensor.dtype != np.float32 and tensor.scale.size:
            raise UnsupportedOpError(
                f"Tensor {tensor.name!r} of {self.graph.label} is quantised in "
                f"{np.dtype(tensor.dtype).name}; only 8-bit activations are read: quantise the "
                "model to int8, or give the float model."
            )
        if tensor.dtype not in _LEVELS:
            return name
        if tensor.scale.size != 1:
            raise UnsupportedOpError(
                f"Tensor {tensor.name!r} of {self.graph.label} is an int8 activation without one "
                "scale; quantise the model again."
            )
        scale = self.constant(tensor.scale.astype(np.float32).reshape(()))
        zero = self.constant(tensor.zero.astype(tensor.dtype).reshape(()))
        levels = self.node("QuantizeLinear", [name, scale, zero])
        return self.node("DequantizeLinear", [levels, scale, zero])

    def declare(self, index: int) -> onnx.ValueInfoProto:
        """An input of the graph: float, or int32 indices."""
        tensor, name = self.stored(index), self._names[index]
        indices = tensor.dtype in (np.int32, np.int64) and not tensor.scale.size
        kind = TensorProto.INT32 if indices else TensorProto.FLOAT
        self._read[index] = name if indices else self.rounded(tensor, name)
        return helper.make_tensor_value_info(name, kind, tensor.shape)

    def shapes(self, declared: set[str]) -> list[onnx.ValueInfoProto]:
        """The shapes that the file gives its own tensors, for a part that begins at one."""
        made = {name for node in self.nodes for name in node.output}
        kinds = {np.int32: TensorProto.INT32, np.int64: TensorProto.INT64}
        shapes = []
        for index, name in self._names.items():
            if name in made and name not in declared:
                tensor = self.stored(index)
                kind = kinds.get(tensor.dtype, TensorProto.FLOAT)
                shapes.append(helper.make_tensor_value_info(name, kind, tensor.shape))
        return shapes

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}__{self._count}"


def _unique_names(tensors: Sequence[Stored]) -> Mapping[int, str]:
    """The tensors' own names; a number behind where two are alike."""
    taken: set[str] = set()
    names = {}
    for index, tensor in enumerate(tensors):
        name = tensor.name if tensor.name not in taken else f"{tensor.name}#{index}"
        taken.add(name)
        names[index] = name
    return names


def finish(writer: Writer, inputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
    """The whole model, its outputs those of the file."""
    outputs: list[onnx.ValueInfoProto] = []
    for index in writer.graph.outputs:
        shape = writer.stored(index).shape
        name = writer.read(index)
        if any(name == value.name for value in outputs):  # an answer that is a state too
            name = writer.node("Identity", [name])
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    graph = helper.make_graph(
        writer.nodes, "tflite", inputs, outputs, list(writer.constants.values())
    )
    graph.value_info.extend(writer.shapes({v.name for v in (*inputs, *outputs)}))
    names = dict(zip(writer.graph.outputs, (value.name for value in outputs), strict=True))
    states = [(writer.named(read), names[written]) for read, written in writer.graph.states]
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("tflite", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    if states:
        model.metadata_props.add(key=STATES, value=json.dumps(states))
    return model
