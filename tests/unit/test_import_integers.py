"""Quantised ONNX in integer form: QOperator files, quantisation at run time, weights in blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.errors import UnsupportedOpError
from microformer.graph.tensor import Array

RNG = np.random.default_rng(0)
OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]


def _model(
    nodes: list[Any], shape: list[int], result: list[int], constants: dict[str, Array]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=10)


def _normal(*shape: int) -> Array:
    scale = 1.0 / np.sqrt(np.prod(shape[1:]) if len(shape) > 2 else shape[0])
    return np.asarray(RNG.standard_normal(shape) * scale, np.float32)


def _image() -> onnx.ModelProto:
    """Convolutions, a sum, pools, a join and a Gemm of [1, 3, 8, 8]."""
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1]),
        make("Relu", ["c0"], ["r0"]),
        make("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1], group=8),
        make("Add", ["r0", "c1"], ["s"]),
        make("Sigmoid", ["s"], ["g"]),
        make("Mul", ["s", "g"], ["m"]),
        make("Concat", ["m", "r0"], ["j"], axis=1),
        make("AveragePool", ["j"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        make("GlobalAveragePool", ["a"], ["p"]),
        make("Flatten", ["p"], ["f"]),
        make("Gemm", ["f", "w2", "b2"], ["y"], transB=1),
    ]
    constants = {"w0": _normal(8, 3, 3, 3), "b0": _normal(8, 1)[:, 0], "w1": _normal(8, 1, 3, 3)}
    constants |= {"w2": _normal(5, 16), "b2": _normal(5, 1)[:, 0]}
    return _model(nodes, [1, 3, 8, 8], [1, 5], constants)


def _rows() -> onnx.ModelProto:
    make = helper.make_node
    nodes = [
        make("MatMul", ["x", "w0"], ["p0"]),
        make("Add", ["p0", "b0"], ["a0"]),
        make("LeakyRelu", ["a0"], ["r0"], alpha=0.1),
        make("MatMul", ["r0", "w1"], ["p1"]),
        make("Softmax", ["p1"], ["y"], axis=-1),
    ]
    constants = {"w0": _normal(16, 32), "b0": _normal(32, 1)[:, 0], "w1": _normal(32, 6)}
    return _model(nodes, [1, 6, 16], [1, 6, 6], constants)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, x: Array) -> None:
        self._rows: Iterator[Array] = iter(x)

    def get_next(self) -> dict[str, Array] | None:
        row = next(self._rows, None)
        return None if row is None else {"x": row[None]}


def _ort(model: onnx.ModelProto, x: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.stack([session.run(None, {"x": row[None]})[0][0] for row in x])


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("kind", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("make", [_image, _rows])
def test_a_file_in_operator_form_keeps_its_scales(
    make: Any, kind: QuantType, channels: bool, tmp_path: Path
) -> None:
    model = make()
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    x = RNG.standard_normal((24, *shape[1:])).astype(np.float32)
    onnx.save(model, tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "int8.onnx",
        _Reader(x),
        quant_format=QuantFormat.QOperator,
        activation_type=kind,
        weight_type=QuantType.QInt8,
        per_channel=channels,
    )
    stored = onnx.load(tmp_path / "int8.onnx")
    kinds = {node.op_type for node in stored.graph.node}
    assert kinds & {"QLinearConv", "QLinearMatMul"}
    loaded = microformer.load(tmp_path / "int8.onnx")
    assert loaded.imported is not None and len(loaded.imported.activations) > 3
    compiled = microformer.compile(loaded, x, "host")
    made = microformer.predict(compiled, x)
    ours, theirs = sqnr_db(_ort(model, x), made), sqnr_db(_ort(model, x), _ort(stored, x))
    assert ours > theirs - 1.5
    assert microformer.run(compiled, x[:4]).bit_exact


@pytest.mark.parametrize("make", [_image, _rows])
def test_weights_quantised_for_run_time_are_read_as_they_are(make: Any, tmp_path: Path) -> None:
    model = make()
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    x = RNG.standard_normal((24, *shape[1:])).astype(np.float32)
    onnx.save(model, tmp_path / "float.onnx")
    quantize_dynamic(tmp_path / "float.onnx", tmp_path / "int8.onnx", weight_type=QuantType.QUInt8)
    stored = onnx.load(tmp_path / "int8.onnx")
    assert {n.op_type for n in stored.graph.node} & {"MatMulInteger", "ConvInteger"}
    loaded = microformer.load(tmp_path / "int8.onnx")
    runner = FloatRunner(loaded)
    made = np.stack([runner(row[None])[loaded.output_name][0] for row in x])
    assert sqnr_db(_ort(stored, x), made) > 25  # theirs also rounds the activations
    compiled = microformer.compile(loaded, x, "host", effort="low")
    assert microformer.run(compiled, x[:4]).bit_exact


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zero", [False, True])
def test_weights_in_blocks_are_real_values_and_said(bits: int, zero: bool) -> None:
    k, n, size = 40, 6, 16
    blocks, top = 3, 1 << bits
    levels = RNG.integers(0, top, (n, blocks, size)).astype(np.uint8)
    offsets = RNG.integers(0, top, (n, 4)).astype(np.uint8)[:, :blocks]
    scale = RNG.uniform(0.01, 0.1, (n, blocks)).astype(np.float32)

    def packed(data: Array) -> Array:
        if bits == 8:
            return data
        even = np.pad(data, [(0, 0)] * (data.ndim - 1) + [(0, data.shape[-1] % 2)])
        return np.asarray(even[..., 0::2] | (even[..., 1::2] << 4))

    constants = {"w": packed(levels), "s": scale.reshape(-1)}
    if zero:
        constants["z"] = packed(offsets).reshape(-1)
    node = helper.make_node(
        "MatMulNBits",
        ["x", "w", "s", *["z"] * zero],
        ["y"],
        "quantised",
        domain="com.microsoft",
        K=k,
        N=n,
        bits=bits,
        block_size=size,
    )
    model = _model([node], [1, 3, k], [1, 3, n], constants)
    loaded = microformer.load(model)
    x = RNG.standard_normal((4, 3, k)).astype(np.float32)
    runner = FloatRunner(loaded)
    made = np.stack([runner(row[None])["y"][0] for row in x])
    assert np.allclose(made, _ort(model, x), atol=1e-3)
    graph = microformer.quantize(loaded, x, effort="low")
    assert any(f"Weights of {bits} bits in blocks of 16" in note for note in graph.notes)


def test_a_block_of_dequantize_linear() -> None:
    levels = RNG.integers(-8, 8, (32, 6)).astype(np.int8)
    scale = RNG.uniform(0.01, 0.1, (2, 6)).astype(np.float32)
    weight = helper.make_tensor("w", TensorProto.INT4, (32, 6), levels.reshape(-1).tolist())
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=16),
        helper.make_node("MatMul", ["x", "d"], ["y"], "product"),
    ]
    model = _model(nodes, [1, 3, 32], [1, 3, 6], {"s": scale})
    model.graph.initializer.append(weight)
    model.opset_import[0].version = 21
    loaded = microformer.load(model)
    x = RNG.standard_normal((4, 3, 32)).astype(np.float32)
    made = np.stack([FloatRunner(loaded)(row[None])["y"][0] for row in x])
    assert np.allclose(made, x @ (levels * np.repeat(scale, 16, axis=0)), atol=1e-4)
    assert any("blocks of 16" in note for note in loaded.notes)


def test_what_is_scaled_by_hand_is_refused_by_name() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("MatMulInteger", ["q", "w", "z"], ["p"], "by_hand"),
        helper.make_node("Cast", ["p"], ["y"], to=TensorProto.FLOAT),
    ]
    constants: dict[str, Array] = {"s": np.array(0.1, np.float32), "z": np.array(3, np.uint8)}
    constants["w"] = RNG.integers(-9, 9, (8, 4)).astype(np.int8)
    with pytest.raises(UnsupportedOpError, match=r"'by_hand' .*scaled by hand; quantise the model"):
        microformer.load(_model(nodes, [1, 2, 8], [1, 2, 4], constants))


@pytest.mark.parametrize("bits", [3, 8])
def test_fake_quantisation_of_brevitas(bits: int) -> None:
    weight = _normal(16, 6)
    constants: dict[str, Array] = {
        "w": weight,
        "ws": np.array([[0.07, 0.05, 0.09, 0.06, 0.08, 0.04]], np.float32),
        "xs": np.array(0.03, np.float32),
        "none": np.array(0.0, np.float32),
        "bits": np.array(float(bits), np.float32),
        "eight": np.array(8.0, np.float32),
    }
    quant = {"domain": "onnx.brevitas", "rounding_mode": "ROUND"}
    nodes = [
        helper.make_node("Quant", ["x", "xs", "none", "eight"], ["q"], signed=1, narrow=0, **quant),
        helper.make_node("Quant", ["w", "ws", "none", "bits"], ["d"], signed=1, narrow=1, **quant),
        helper.make_node("MatMul", ["q", "d"], ["y"], "product"),
    ]
    model = _model(nodes, [1, 3, 16], [1, 3, 6], constants)
    model.opset_import.append(helper.make_opsetid("onnx.brevitas", 1))
    loaded = microformer.load(model)
    most = 2 ** (bits - 1) - 1
    rounded = np.clip(np.rint(weight / constants["ws"]), -most, most) * constants["ws"]
    x = RNG.standard_normal((8, 3, 16)).astype(np.float32)
    made = np.stack([FloatRunner(loaded)(row[None])["y"][0] for row in x])
    assert np.allclose(made, x @ rounded, atol=1e-5)
    assert loaded.imported is not None
    assert next(iter(loaded.imported.activations.values())).scale == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        ("RequantShift", r"\(RequantShift\): it is the integer form of QuantLib, DORY and Deeploy"),
        ("Frobnicate", r"\(Frobnicate\): ONNX has no operator of this name in the file's opset"),
    ],
)
def test_an_operator_that_onnx_does_not_have(op: str, sentence: str) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
        helper.make_node(op, ["p"], ["y"], "strange"),
    ]
    model = _model(nodes, [1, 2, 8], [1, 2, 4], {"w": _normal(8, 4)})
    with pytest.raises(UnsupportedOpError, match=rf"'strange' {sentence}.*--to 'p'\.$"):
        microformer.load(model)
    assert microformer.load(model, outputs=["p"]).outputs[0].shape == (1, 2, 4)
