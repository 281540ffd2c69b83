"""What every test of ``load`` asks of a FloatModel: the same numbers, in canonical form."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import torch
from torch import nn

from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array


def counts(model: FloatModel) -> dict[str, int]:
    """How many nodes of each operator the canonical graph has."""
    return dict(Counter(node.op_type for node in model.model.graph))


def nodes(model: FloatModel, op_type: str) -> list[ir.Node]:
    """The nodes of one operator, in order."""
    return [node for node in model.model.graph if node.op_type == op_type]


def run(proto: onnx.ModelProto, x: Array) -> list[Array]:
    """All outputs of an ONNX model for its one input, by onnxruntime without fusions."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return list(session.run(None, {session.get_inputs()[0].name: x}))


def assert_same(model: FloatModel, x: Array, expected: Array, rtol: float = 1e-4) -> None:
    """The canonical model is valid, gives ``expected`` for ``x``, and every tensor is named.

    All intermediate tensors are fetched by name, as calibration does; each has the shape that it
    declares, with a batch of 1 in front.
    """
    proto = ir.to_proto(model.model)
    onnx.checker.check_model(proto, full_check=True)
    assert model.model.graph.opset_imports == {"": 23, "microformer": 1}
    inner = [n.outputs[0] for n in model.model.graph if n.outputs[0].name != model.output_name]
    names = [v.name for v in inner]
    everything = [*names, *model.model.graph.initializers, model.input_name, model.output_name]
    assert all(everything)
    assert len(set(everything)) == len(everything)
    proto.graph.output.extend(ir.to_proto(value) for value in inner)
    got, *rest = run(proto, x.astype(model.input_dtype))
    for value, tensor in zip(inner, rest, strict=True):
        assert value.shape is not None
        assert tuple(value.shape.numpy()) == tensor.shape
        assert tensor.shape[0] == 1
    assert got.shape == model.output_shape
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(got.reshape(expected.shape), expected, rtol, atol=rtol * scale)


def torch_output(module: nn.Module, x: torch.Tensor) -> Array:
    """What the module itself computes, in eval mode."""
    with torch.no_grad():
        return np.asarray(module.eval()(x))


def graph_model(
    nodes: list[onnx.NodeProto],
    shape: list[int | str],
    constants: dict[str, Array] | None = None,
    opset: int = 23,
    dtype: int = onnx.TensorProto.FLOAT,
) -> onnx.ModelProto:
    """An ONNX model of one input ``x`` and one output ``y`` with the given nodes and constants."""
    initializers = [onnx.numpy_helper.from_array(a, n) for n, a in (constants or {}).items()]
    graph = onnx.helper.make_graph(
        nodes,
        "test",
        [onnx.helper.make_tensor_value_info("x", dtype, shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        initializers,
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=imports, ir_version=10)
