"""What Jax and Flax spell out: one-hot embeddings, norms by moments, softmax from a bound."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.graph.tensor import Array
from microformer.load.patterns.moments import recognise_moments

RNG = np.random.default_rng(0)


class Net:
    """A graph under construction: nodes by the names of their outputs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, data: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(data), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def build(self, out: str, dtype: int, shape: list[int]) -> bytes:
        self.nodes.append(helper.make_node("Identity", [out], ["y"], "y"))
        x = helper.make_tensor_value_info("x", dtype, shape)
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return bytes(onnx.shape_inference.infer_shapes(made).SerializeToString())


def _same(data: bytes, x: Array) -> tuple[Any, list[str]]:
    """The loaded model, whose numbers are onnxruntime's, and its operators."""
    model = microformer.load(data)
    real = onnxruntime.InferenceSession(data).run(None, {"x": x[:1]})[0]
    made = FloatRunner(model)(x[:1])[model.output_name]
    np.testing.assert_allclose(made, real, rtol=1e-4, atol=1e-5)
    return model, [str(node.op_type) for node in model.model.graph]


def _exact(model: Any, x: Array) -> None:
    compiled = microformer.compile(model, x[:, 0] if x.ndim > 3 else x, "host", effort="low")
    assert microformer.run(compiled, x[:3]).bit_exact


@pytest.mark.parametrize("spelling", ["equal", "operator"])
def test_a_one_hot_times_a_matrix_is_an_embedding(spelling: str) -> None:
    net, size = Net(), 20
    if spelling == "equal":
        column = net.node("Reshape", "x", net.constant(np.array([1, 7, 1], np.int64)))
        wide = net.node("Expand", column, net.constant(np.array([1, 7, size], np.int64)))
        row = net.constant(np.broadcast_to(np.arange(size, dtype=np.int32), (1, 7, size)).copy())
        hot = net.node("Cast", net.node("Equal", wide, row), to=TensorProto.FLOAT)
    else:
        depth = net.constant(np.array(size, np.int64))
        hot = net.node("OneHot", "x", depth, net.constant(np.array([0.0, 1.0], np.float32)))
    weight = net.constant(RNG.standard_normal((size, 8)).astype(np.float32))
    bias = net.constant(RNG.standard_normal(8).astype(np.float32))
    out = net.node("Add", net.node("MatMul", hot, weight), bias)
    x = RNG.integers(0, size, (16, 7)).astype(np.int32)
    data = net.build(out, TensorProto.INT32, [1, 7])
    table, offset = (numpy_helper.to_array(c) for c in net.constants[-2:])
    model = microformer.load(data)  # onnxruntime has no OneHot of these types
    made = FloatRunner(model)(x[:1])[model.output_name]
    np.testing.assert_allclose(made, table[x[:1]] + offset, rtol=1e-4, atol=1e-5)
    assert [str(node.op_type) for node in model.model.graph] == ["Gather"]
    compiled = microformer.compile(model, x, "host", effort="low")
    assert microformer.run(compiled, x[:4]).bit_exact


@pytest.mark.parametrize("axis", [1, 2])
def test_a_norm_by_moments(axis: int) -> None:
    """mean(x^2) - mean(x)^2, over the last axis and over another, with scale and bias of both."""
    net, shape = Net(), (1, 6, 8)
    kept = tuple(1 if a == axis else d for a, d in enumerate(shape))
    axes = net.constant(np.array([axis], np.int64))
    count = net.constant(np.array(1.0 / shape[axis], np.float32))
    mean = net.node("Mul", net.node("ReduceSum", "x", axes, keepdims=0), count)
    squares = net.node("ReduceSum", net.node("Mul", "x", "x"), axes, keepdims=0)
    spread = net.node("Sub", net.node("Mul", squares, count), net.node("Mul", mean, mean))
    spread = net.node("Max", net.constant(np.array(0.0, np.float32)), spread)
    back = net.constant(np.array(kept, np.int64))
    spread = net.node("Expand", net.node("Reshape", spread, back), back)
    guard = net.constant(np.full(kept, 1e-6, np.float32))
    inverse = net.node("Reciprocal", net.node("Sqrt", net.node("Add", spread, guard)))
    gamma = RNG.uniform(0.5, 1.5, 8).astype(np.float32)
    gain = net.node("Mul", inverse, net.constant(gamma.reshape(1, 1, 8)))
    whole = net.constant(np.array(shape, np.int64))
    below = net.node("Sub", "x", net.node("Expand", net.node("Reshape", mean, back), whole))
    beta = net.constant(RNG.standard_normal(8).astype(np.float32))
    out = net.node("Add", net.node("Mul", below, gain), beta)
    x = (RNG.standard_normal((16, 6, 8)) + 0.3).astype(np.float32)
    data = net.build(out, TensorProto.FLOAT, list(shape))
    model = microformer.load(data)
    real = onnxruntime.InferenceSession(data).run(None, {"x": x[:1]})[0]
    np.testing.assert_allclose(
        FloatRunner(model)(x[:1])[model.output_name], real, rtol=1e-4, atol=1e-5
    )
    kinds = [str(node.op_type) for node in model.model.graph]
    assert "LayerNormalization" in kinds and not {"ReduceMean", "Sqrt"} & set(kinds)
    compiled = microformer.compile(model, x, "host", effort="low")
    report = microformer.run(compiled, x)
    assert report.bit_exact and report.sqnr_db is not None and report.sqnr_db > 30


@pytest.mark.parametrize("lowest", [None, -np.inf])
def test_a_softmax_whose_axes_come_back(lowest: float | None) -> None:
    net = Net()
    axes = net.constant(np.array([1], np.int64))
    back = net.constant(np.array([1, 1], np.int64))
    most = net.node("ReduceMax", "x", axes=[1], keepdims=0)
    if lowest is not None:
        most = net.node("Max", net.constant(np.array(lowest, np.float32)), most)
    powers = net.node("Exp", net.node("Sub", "x", net.node("Reshape", most, back)))
    total = net.node("Reshape", net.node("ReduceSum", powers, axes, keepdims=0), back)
    whole = net.constant(np.array([1, 9], np.int64))
    out = net.node("Div", powers, net.node("Expand", total, whole))
    data = net.build(out, TensorProto.FLOAT, [1, 9])
    x = (3 * RNG.standard_normal((16, 9))).astype(np.float32)
    model, kinds = _same(data, x)
    assert kinds == ["Softmax"]
    compiled = microformer.compile(model, x, "host", effort="low")
    assert microformer.run(compiled, x[:3]).bit_exact


def test_what_only_looks_like_it() -> None:
    """A comparison with other numbers is no one-hot; a spread of something else no norm's."""
    net = Net()
    column = net.node("Reshape", "x", net.constant(np.array([1, 7, 1], np.int64)))
    row = net.constant((np.arange(5, dtype=np.int32) * 2).reshape(1, 1, 5))
    out = net.node("Cast", net.node("Equal", column, row), to=TensorProto.FLOAT)
    with pytest.raises(microformer.MicroformerError, match=r"token indices|compares"):
        microformer.load(net.build(out, TensorProto.INT32, [1, 7]))


def test_a_spread_that_is_constant_is_no_norm() -> None:
    """Where nothing folded it: the pattern looks, and leaves it."""
    net = Net()
    spread = net.node("Reshape", net.constant(np.ones(4, np.float32)), net.constant([1, 4]))
    total = net.node("Add", spread, net.constant(np.float32(1e-6)))
    gain = net.node("Reciprocal", net.node("Sqrt", total))
    out = net.node("Mul", net.node("Sub", "x", net.constant(np.float32(0.5))), gain)
    model = ir.from_proto(onnx.load_model_from_string(net.build(out, TensorProto.FLOAT, [1, 4])))
    assert not recognise_moments(model.graph)
