"""The audit finds the layer that was spoilt, and says why; its figures are those of real runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from playwright.sync_api import Browser
from torch import nn
from typer.testing import CliRunner

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.audit import Audit, audit
from microformer.audit.hybrid import Hybrid
from microformer.audit.plot import plot
from microformer.audit.view import audit_table
from microformer.calibrate import calibrate
from microformer.cli import app
from microformer.errors import OutputError
from microformer.graph.conversion import Conversion
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.quantize import convert
from microformer.reference import evaluate
from tests.browser import SHOTS, listen
from tests.models import TextClassifier, VisionTransformer, encoder, seeded


def _samples(count: int) -> Array:
    return np.random.default_rng(2).standard_normal((count, 9, 32)).astype(np.float32)


def _loaded(module: nn.Module, x: Array) -> FloatModel:
    return microformer.load(module, example=torch.from_numpy(x[:1]))


@pytest.fixture(scope="module")
def model() -> FloatModel:
    return _loaded(seeded(encoder, 32, 4, 2, 48), _samples(1))


@pytest.fixture(scope="module")
def conversion(model: FloatModel) -> Conversion:
    return convert(model, calibrate(model, _samples(32)))


def test_without_a_float_layer_it_is_the_program(model: FloatModel, conversion: Conversion) -> None:
    x = _samples(8)
    graph = conversion.graph
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert source.qparams is not None and result.qparams is not None
    levels = evaluate(graph, source.qparams.quantize(x))[result.name]
    outputs = Hybrid(conversion, model, x).run().outputs
    np.testing.assert_array_equal(outputs, result.qparams.dequantize(levels).reshape(8, -1))


def test_with_every_layer_in_float_it_is_the_float_model(
    model: FloatModel, conversion: Conversion
) -> None:
    """Handed on as they are, tensors of all nodes give the float model but for its int8 input."""
    x = _samples(4)
    hybrid = Hybrid(conversion, model, x)
    source = conversion.graph.tensors[conversion.graph.inputs[0]].qparams
    assert source is not None
    rounded = source.dequantize(source.quantize(x)).astype(np.float32)
    runner = FloatRunner(model, keep=True)
    wanted = [runner(sample[None]) for sample in rounded]
    first = next(iter(model.model.graph))
    found = hybrid.run(frozenset({str(first.name)}))
    assert found.layer is not None
    expected = np.stack([row[str(first.outputs[0].name)] for row in wanted])
    np.testing.assert_allclose(found.layer, expected, atol=1e-5)


def test_a_layer_in_float_changes_what_comes_after_it_only(
    model: FloatModel, conversion: Conversion
) -> None:
    x = _samples(8)
    hybrid = Hybrid(conversion, model, x)
    last = list(model.model.graph)[-1]
    name, result = str(last.name), str(last.outputs[0].name)
    alone = hybrid.run(frozenset({name}))
    exposed = hybrid.run(frozenset({name}), exposed=result)
    qparams = conversion.graph.tensors[conversion.tensors[result]].qparams
    assert qparams is not None and alone.layer is not None
    # a sum of two int8 tensors: float and integer arithmetic agree to one rounding
    assert np.abs(alone.outputs - hybrid.run().outputs).max() <= qparams.scale * 1.001
    np.testing.assert_array_equal(exposed.outputs, alone.layer.reshape(8, -1))
    assert np.abs(exposed.outputs - alone.outputs).max() <= qparams.scale


def _with_range(conversion: Conversion, name: str, factor: float) -> Conversion:
    """The same model with the range of one tensor ``factor`` times as wide."""
    ranges = conversion.ranges
    seen = ranges.by_name[name]
    spoilt = replace(seen, low=seen.low * factor, high=seen.high * factor)
    by_name = {**ranges.by_name, name: spoilt}
    return convert(conversion.model, replace(ranges, by_name=by_name))


@pytest.mark.parametrize(
    ("factor", "advice"), [(0.3, "int8 clips"), (12.0, "of its range: calibrate")]
)
def test_a_wrong_range_is_found(
    model: FloatModel, conversion: Conversion, factor: float, advice: str
) -> None:
    name = "layers.1.linear2"
    found = audit(_with_range(conversion, name, factor), model, _samples(16))
    worst = found.ranked()[0]
    assert worst.name == name
    assert advice in worst.advice and worst.certain
    assert worst.output_gain_db > 3 > max(y.cost_db for y in found.ranked()[1:])


def test_outlier_channels_are_found() -> None:
    module = seeded(encoder, 32, 4, 2, 48)
    layer: Any = list(module.layers)[1]  # type: ignore[arg-type]
    with torch.no_grad():
        layer.norm2.weight[5] *= 60
        layer.norm2.bias[5] *= 60
        layer.linear1.weight[:, 5] /= 60
    spoilt = _loaded(module, _samples(1))
    found = audit(convert(spoilt, calibrate(spoilt, _samples(32))), spoilt, _samples(16))
    worst = found.ranked()[0]
    assert worst.name == "layers.1.norm2" and worst.channel_spread > 20
    assert "equalises" in worst.advice and worst.output_gain_db > 3


def test_wrong_weights_are_found(model: FloatModel) -> None:
    """Weights of three levels in one layer: the program's, not the float model's."""
    name = "layers.0.linear1.weight"
    value = model.model.graph.initializers[name].const_value
    assert value is not None
    data = value.numpy()
    step = np.abs(data).max(axis=1, keepdims=True) / 2
    coarse = (np.round(data / step) * step).astype(np.float32)
    spoilt = model.with_constants({name: coarse})
    found = audit(convert(spoilt, calibrate(model, _samples(32))), model, _samples(16))
    worst = found.ranked()[0]
    assert worst.name == "layers.0.linear1"
    assert "rounding of its weights" in worst.advice and worst.gain_db > 3


def test_every_figure_is_there_and_the_json_is_json(
    model: FloatModel, conversion: Conversion
) -> None:
    y = np.zeros(8, np.int64)
    found = audit(conversion, model, _samples(8), y, softmax="lut")
    record = json.loads(found.to_json())
    assert set(record["culprits"]) == {layer["name"] for layer in record["layers"]}
    assert len(record["layers"]) == 24  # 2 encoder layers of 12
    for layer in record["layers"]:
        assert 0 <= layer["saturated"] < 0.05 and 0.3 < layer["range_use"] <= 1
        assert layer["sqnr_db"] > 20 and layer["own_sqnr_db"] > 20
        assert layer["channel_spread"] >= 1 and layer["advice"]
        assert layer["gain_points"] is not None
    keys = [(y.certain, y.cost_db) for y in found.ranked()]
    assert keys == sorted(keys, reverse=True)
    for layer in found.layers:
        assert layer.certain or layer.advice.startswith("nothing")
    assert found.accuracy_int8 is not None
    assert audit_table(found) is not None


def test_convolutions_token_indices_and_the_api() -> None:
    image = np.random.default_rng(0).standard_normal((12, 1, 8, 8)).astype(np.float32)
    vision = microformer.audit(_loaded(seeded(VisionTransformer), image), image, effort="low")
    assert {"Conv", "Attention", "Gelu"} <= {layer.op for layer in vision.layers}
    tokens = np.random.default_rng(0).integers(0, 50, (12, 12)).astype(np.int32)
    module = seeded(TextClassifier)
    text = microformer.load(module, example=torch.from_numpy(tokens[:1].astype(np.int64)))
    found = microformer.audit(text, tokens, calibration=tokens, softmax="ibert", effort="low")
    assert found.softmax == "ibert" and "Gather" in {layer.op for layer in found.layers}


def _some_audit(model: FloatModel, conversion: Conversion) -> Audit:
    return audit(conversion, model, _samples(4))


def test_the_plot_is_a_page_of_its_own(
    model: FloatModel, conversion: Conversion, tmp_path: Path
) -> None:
    found = _some_audit(model, conversion)
    path = tmp_path / "audit.html"
    plot(found, path)
    text = path.read_text("utf-8")
    assert text.startswith("<!doctype html>") and "layers.0.norm1" in text
    assert len(text) < 400_000 and "src=" not in text
    with pytest.raises(OutputError, match="cannot be written"):
        plot(found, tmp_path / "nowhere" / "audit.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        plot(found, tmp_path / "folder.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.html", "folder.html"]


def test_the_page_in_a_browser(
    chromium: Browser, model: FloatModel, conversion: Conversion, tmp_path: Path
) -> None:
    """A bar and a row for every layer, advice that can be read, nothing from outside."""
    found = _some_audit(model, conversion)
    plot(found, tmp_path / "audit.html")
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    complaints: list[str] = []
    listen(page, complaints)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "audit.html").as_uri())
    assert page.locator("svg rect").count() == len(found.layers)
    assert page.locator("table.sorts tbody tr").count() == len(found.layers)
    for layer in found.costly():
        advice = page.get_by_text(layer.advice).first
        assert advice.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 14
        box = advice.bounding_box()
        assert box is not None and box["height"] >= 18
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked) and not complaints
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / "audit.png"), full_page=True)


def test_the_command(model: FloatModel, tmp_path: Path) -> None:
    ir.save(model.model, tmp_path / "model.onnx")
    np.savez(tmp_path / "x.npz", x=_samples(8))
    arguments = ["audit", str(tmp_path / "model.onnx"), "--data", str(tmp_path / "x.npz")]
    options = ["--effort", "low", "--plot", str(tmp_path / "audit.html")]
    done = CliRunner().invoke(app, [*arguments, *options, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["samples"] == 8
    assert (tmp_path / "audit.html").stat().st_size > 10_000
    (tmp_path / "audit.html").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists already"):
        CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert (tmp_path / "audit.html").read_text("utf-8") == "mine"
    again = CliRunner().invoke(app, [*arguments, *options, "--samples", "4", "--force"])
    assert again.exit_code == 0 and (tmp_path / "audit.html").stat().st_size > 10_000
    shown = CliRunner().invoke(app, [*arguments, "--effort", "low", "--samples", "4"])
    assert shown.exit_code == 0 and "worst first" in shown.stdout
    wrong = CliRunner().invoke(app, [*arguments, "--effort", "utmost"])
    assert wrong.exit_code == 2
