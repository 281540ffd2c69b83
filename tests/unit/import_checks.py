"""Quantised models: what onnxruntime computes at each tensor, and each layer of ours against it."""

from importlib import import_module
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime

import microformer
from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import Reshape, Transpose
from microformer.graph.tensor import Array, Tensor
from microformer.reference import _operand, apply

MOVES = Transpose | Reshape

Reference = dict[str, Array]
"""int8 levels [1, ...] of tensors by the file's own names."""


def onnx_reference(data: bytes, sample: Array) -> Reference:
    """The levels after every QuantizeLinear of a QDQ model, uint8 shifted, for one sample."""
    proto = onnx.load_model_from_string(data)
    quantisers = [n for n in proto.graph.node if n.op_type == "QuantizeLinear"]
    del proto.graph.output[:]
    for node in quantisers:
        proto.graph.output.append(onnx.ValueInfoProto(name=node.output[0]))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    values = session.run(None, {session.get_inputs()[0].name: sample[None]})
    return {n.input[0]: as_int8(v) for n, v in zip(quantisers, values, strict=True)}


def as_int8(levels: Array) -> Array:
    """uint8 levels with their zero point shifted by 128; int8 as it is."""
    shifted = levels.astype(np.int64) - (128 if levels.dtype == np.uint8 else 0)
    return shifted.astype(np.int8)


def stored(tensor: Tensor, value: Array) -> Array:
    """A tensor of the file [1, ...] in the axis order of the int tensor, [1, *shape]."""
    perm = tensor.source_perm
    if perm is None:
        return value.reshape(1, *tensor.shape)
    logical = [tensor.shape[perm.index(axis)] for axis in range(len(perm))]
    return value.reshape(logical).transpose(perm)[None]


def plain_graph(model: FloatModel, x: Array) -> IntGraph:
    """The integer graph before tables join the layer before them: one node a layer of the file."""
    stage = import_module("microformer.quantize.conversion")
    with patch.object(stage, "simplify", lambda graph: graph):
        return microformer.quantize(model, x)


def layer_differences(graph: IntGraph, model: FloatModel, reference: Reference) -> dict[str, int]:
    """Largest difference in LSB of each layer, by node, every layer fed the reference's inputs."""
    assert model.imported is not None
    origins = model.imported.origins

    def moved(source: str) -> Array:
        assert model.imported is not None
        value = reference[origins[source]]
        for kind, numbers in model.imported.moves.get(source, ()):
            value = value.transpose(numbers) if kind == "Transpose" else value.reshape(numbers)
        return value

    known = {
        name: stored(tensor, moved(tensor.source))
        for name, tensor in graph.tensors.items()
        if origins.get(tensor.source) in reference
    }
    for node in reversed(graph.nodes):  # what a layout operation's input must have held
        if node.output in known and node.inputs[0] not in known and isinstance(node.op, MOVES):
            value = known[node.output]
            if isinstance(node.op, Transpose):
                inverse = np.argsort(node.op.perm)
                value = value.transpose((0, *(int(i) + 1 for i in inverse)))
            known[node.inputs[0]] = value.reshape(1, *graph.tensors[node.inputs[0]].shape)
    values = {graph.inputs[0]: known[graph.inputs[0]]}
    found: dict[str, int] = {}
    for node in graph.nodes:
        operands = [_operand(graph, node, name, values, 1) for name in node.inputs]
        result = apply(node.op, *operands)
        if node.output not in known and isinstance(node.op, MOVES) and node.inputs[0] in known:
            known[node.output] = result  # it moves what was compared where it was made
        if node.output in known:
            expected = known[node.output]
            found[node.name] = int(np.abs(result.astype(int) - expected.astype(int)).max())
            result = expected
        values[node.output] = result
    return found
