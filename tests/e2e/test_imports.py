"""Quantised models through the whole pipeline: they run where they are built, bit for bit."""

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import typer
from onnxruntime.quantization import QuantType

import microformer
from microformer.cli import main
from microformer.cli.options import fixed_inputs
from microformer.graph import ops
from microformer.graph.tensor import Array
from tests.exporters import legacy_export, quantized
from tests.models import TimmBlock, seeded

KERAS = Path(__file__).parents[1] / "golden" / "tflite" / "keras_int8.tflite"


def images(count: int) -> Array:
    return np.random.default_rng(8).standard_normal((count, 12, 12, 1)).astype(np.float32)


@pytest.mark.parametrize("exact", [False, True], ids=["fused", "exact"])
@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m4"])
def test_tflite(target: str, exact: bool) -> None:
    x = images(16)
    model = microformer.load(KERAS, exact_import=exact)
    report = microformer.run(microformer.compile(model, x, target), x, count=2)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= 30


@pytest.mark.parametrize("exact", [False, True], ids=["fused", "exact"])
@pytest.mark.parametrize("target", ["host", "cortex-m4"])
def test_qdq(target: str, exact: bool, tmp_path: Path) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    x = np.random.default_rng(0).standard_normal((12, 9, 32)).astype(np.float32)
    data = legacy_export(seeded(TimmBlock), torch.from_numpy(x[:1]), 17, input_names=["x"])
    options = {"per_channel": True, "weight_type": QuantType.QInt8}
    model = microformer.load(quantized(data, x, tmp_path, **options), exact_import=exact)
    report = microformer.run(microformer.compile(model, x, target), x, count=2)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= 25


def long_layer(folder: Path) -> Path:
    """A QDQ layer of 4096 inputs: its accumulator leaves 31 bits too few for the multiplier."""
    rng = np.random.default_rng(5)
    make = onnx.helper.make_node
    constants = {
        "sx": np.float32(0.02),
        "zx": np.int8(-5),
        "sy": np.float32(1.3),
        "zy": np.int8(11),
        "w": rng.integers(-127, 128, (4096, 6)).astype(np.int8),
        "sw": rng.uniform(0.5e-3, 1.5e-3, 6).astype(np.float32),
        "zw": np.zeros(6, np.int8),
    }
    nodes = [
        make("QuantizeLinear", ["x", "sx", "zx"], ["q"]),
        make("DequantizeLinear", ["q", "sx", "zx"], ["d"]),
        make("DequantizeLinear", ["w", "sw", "zw"], ["v"], axis=1),
        make("MatMul", ["d", "v"], ["m"]),
        make("QuantizeLinear", ["m", "sy", "zy"], ["r"]),
        make("DequantizeLinear", ["r", "sy", "zy"], ["y"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "long",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 2, 4096])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 2, 6])],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    imports = [onnx.helper.make_opsetid("", 19)]
    path = folder / "long.onnx"
    onnx.save_model(onnx.helper.make_model(graph, opset_imports=imports, ir_version=10), path)
    return path


@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m4"])
def test_the_64_bit_form_runs(target: str, tmp_path: Path) -> None:
    x = np.random.default_rng(6).normal(size=(6, 2, 4096)).astype(np.float32)
    compiled = microformer.compile(microformer.load(long_layer(tmp_path)), x, target)
    (node,) = compiled.int_graph.nodes
    assert isinstance(node.op, ops.Linear) and node.op.acc64
    report = microformer.run(compiled, x, count=3)
    assert report.bit_exact


def test_the_command_reads_tflite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, out = tmp_path / "x.npz", tmp_path / "out"
    np.savez(samples, x=images(8))
    words = ["microformer", "compile", str(KERAS), "--exact-import", "--data", str(samples)]
    words += ["--target", "host", "-o", str(out)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    assert (out / "CMakeLists.txt").exists()


def test_inputs_are_fixed_by_name_and_number() -> None:
    assert fixed_inputs(["mask=1", "kinds=0"]) == {"mask": 1.0, "kinds": 0.0}
    assert fixed_inputs(None) is None
    for wrong in ("mask", "mask=one", "=1"):
        with pytest.raises(typer.BadParameter, match="is not NAME=1"):
            fixed_inputs([wrong])
