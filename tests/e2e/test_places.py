"""Outputs that are the place of the largest value: int32 from model to target, folder and back."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

import microformer
from microformer import store
from microformer.errors import UnsupportedOpError


class Segments(nn.Module):
    """An image [1, 3, 8, 8] to a class for each place [1, 8, 8], and what is there [1, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        scores = self.head(torch.relu(self.rows(x)))
        return {"classes": scores.argmax(1), "present": scores.mean((2, 3))}


def _samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m4", "pulp-cv32e40p"])
def test_a_class_for_each_place(target: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Segments().eval(), _samples(12, 3, 8, 8)
    model = microformer.load(net, example=x[:1])
    compiled = microformer.compile(model, x, target, effort="low")
    store.save(compiled, tmp_path / "out")
    report = microformer.run(store.open_folder(tmp_path / "out"), x[:3])
    assert report.bit_exact and report.firmware_exact
    made = microformer.predict(compiled, x)
    assert made["classes"].dtype == np.int32 and made["classes"].shape == (12, 8, 8)
    with torch.no_grad():
        real = net(torch.as_tensor(x))
    assert np.mean(made["classes"] == real["classes"].numpy()) > 0.95
    header = compiled.project.files[f"{compiled.project.name}.h"]
    assert "int32_t *out_classes," in header and "OUTPUT_CLASSES_SCALE" not in header


def _searching(kind: str, axis: int, **attributes: Any) -> bytes:
    """x [1, 4, 6] -> Relu -> the search, as an ONNX file with int64 indices."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="act"),
        helper.make_node(kind, ["r"], ["y"], name="search", axis=axis, **attributes),
    ]
    y = helper.make_tensor_value_info("y", TensorProto.INT64, None)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 6])
    graph = helper.make_graph(nodes, "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(onnx.shape_inference.infer_shapes(made).SerializeToString())


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("kind", ["ArgMax", "ArgMin"])
def test_any_axis_as_onnxruntime(kind: str, axis: int, keepdims: int) -> None:
    """Half of the values are zero after Relu: of several as small the first is found."""
    data, x = _searching(kind, axis, keepdims=keepdims), _samples(20, 4, 6)
    session = onnxruntime.InferenceSession(data)
    real = np.concatenate([session.run(None, {"x": sample[None]})[0] for sample in x])
    compiled = microformer.compile(microformer.load(data), x, "host", effort="low")
    report = microformer.run(compiled, x)
    assert report.bit_exact and report.firmware_exact is not False
    made = microformer.predict(compiled, x)
    assert made.shape == real.shape and np.mean(made == real) > 0.95


def test_what_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="the batch axis"):
        microformer.load(_searching("ArgMax", 0))
    with pytest.raises(UnsupportedOpError, match=r"'search'.* not the last"):
        microformer.load(_searching("ArgMax", 1, select_last_index=1))
