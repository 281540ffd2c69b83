"""Tuning: every step does what its paper says, and is kept only where it is measured to help."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import beyond_chance
from microformer.calibrate import calibrate
from microformer.calibrate.observer import Observer
from microformer.cli import app
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned
from microformer.quantize import convert
from microformer.reference.proof import prove
from microformer.store import open_folder
from microformer.tune import tune
from microformer.tune.equalise import channel_peaks, equalised, sites
from microformer.tune.objective import Score, int_values
from microformer.tune.rounding import corrected_bias, layers, rounded_weight
from tests.models import SelfAttention, VisionTransformer, encoder, seeded


class Pair(nn.Module):
    """Two pairs of Linears, one around a ReLU, and nothing else to equalise."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.parts(x)  # type: ignore[no-any-return]


def _with_outliers(factor: float) -> nn.Module:
    """An encoder with two channels of each norm ``factor`` times as large, read so much smaller."""
    module = seeded(encoder, 32, 4, 2, 64)
    with torch.no_grad():
        for layer in module.layers:  # type: ignore[union-attr]
            for norm, reader in (
                (layer.norm1, layer.self_attn.in_proj_weight),
                (layer.norm2, layer.linear1.weight),
            ):
                norm.weight[[3, 17]] *= factor
                norm.bias[[3, 17]] *= factor
                reader[:, [3, 17]] /= factor
    return module


def _samples(*shape: int) -> Array:
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def _loaded(module: nn.Module, x: Array) -> FloatModel:
    return microformer.load(module, example=torch.from_numpy(x[:1]))


def _outputs(model: FloatModel, x: Array) -> Array:
    runner = FloatRunner(model)
    return np.stack([runner(sample[None])[model.output_name] for sample in x])


def _tuned(model: FloatModel, x: Array, effort: str) -> Tuned:
    ranges = calibrate(model, x)
    return tune(model, ranges, x, convert=convert, calibrate=calibrate, effort=effort)


@pytest.mark.parametrize(
    ("module", "shape", "count"),
    [
        (seeded(encoder, 32, 4, 2, 64), (9, 32), 6),  # two norms and V of each layer
        (seeded(Pair), (4, 6), 1),
        (seeded(SelfAttention, bias=False), (9, 32), 1),  # V, its bias the zeros of q and k too
        (seeded(VisionTransformer), (1, 8, 8), 3),  # the last norm is read through a Slice
    ],
)
def test_equalisation_keeps_the_float_function(
    module: nn.Module, shape: tuple[int, ...], count: int
) -> None:
    x = _samples(8, *shape)
    model = _loaded(module, x)
    found = list(sites(model))
    assert len(found) == count
    peaks = channel_peaks(model, x)
    for site in found:
        constants = equalised(model, site, peaks[site.name], 0.5)
        changed = model.with_constants(constants)
        np.testing.assert_allclose(_outputs(changed, x), _outputs(model, x), atol=2e-5)
        after = channel_peaks(changed, x)[site.name]
        before = peaks[site.name]
        assert np.abs(after - before).max() > 1e-3
        weights = [r.inputs[1].const_value.numpy() for r in site.readers]  # type: ignore[union-attr]
        reading = np.maximum.reduce([np.abs(w).max(axis=0) for w in weights])
        s = before / after
        wanted = np.sqrt(before / reading)  # SmoothQuant's equation 4 for alpha = 1/2
        np.testing.assert_allclose(s / s[0], wanted / wanted[0], rtol=2e-3)


def test_outlier_channels_are_found_and_equalised() -> None:
    x = _samples(64, 9, 32)
    model = _loaded(_with_outliers(150.0), x)
    ratios = {}
    for effort in ("low", "normal"):
        tuned = _tuned(model, x, effort)
        conversion = convert(tuned.model, tuned.ranges)
        prove(conversion.graph)
        held_out = np.random.default_rng(6).standard_normal((32, 9, 32)).astype(np.float32)
        levels = int_values(conversion, held_out)[conversion.graph.outputs[0]]
        qparams = conversion.graph.tensors[conversion.graph.outputs[0]].qparams
        assert qparams is not None
        real = _outputs(model, held_out).reshape(levels.shape)
        error = np.square(real - qparams.dequantize(levels)).sum()
        ratios[effort] = 10 * np.log10(np.square(real).sum() / error)
        np.testing.assert_allclose(
            _outputs(tuned.reference, held_out), _outputs(model, held_out), atol=5e-4
        )
    assert ratios["low"] < 15 and ratios["normal"] > ratios["low"] + 10


def test_low_effort_changes_nothing_and_noise_is_left_alone() -> None:
    x = _samples(8, 9, 32)
    model = _loaded(seeded(encoder, 32, 4, 1, 48), x)
    assert _tuned(model, x, "low").model is model
    ranges = calibrate(model, x, calibrated=False)
    left = tune(model, ranges, x, convert=convert, calibrate=calibrate).ranges
    assert left.by_name is ranges.by_name and not left.rows


def test_high_effort_is_deterministic_and_no_worse_where_it_measures() -> None:
    x = _samples(48, 9, 32)
    model = _loaded(seeded(encoder, 32, 4, 1, 48), x)
    first, second = _tuned(model, x, "high"), _tuned(model, x, "high")
    assert str(first) == str(second)
    assert {s.what for s in first.steps} >= {"bias correction", "rounding by reconstruction"}
    for before, after in zip(first.steps, first.steps[1:], strict=False):
        assert after.before_db == (before.after_db if before.kept else before.before_db)
    graphs = [convert(t.model, t.ranges).graph for t in (first, second)]
    for name, tensor in graphs[0].tensors.items():
        if tensor.data is not None:
            other = graphs[1].tensors[name].data
            assert other is not None
            np.testing.assert_array_equal(tensor.data, other)


def test_a_trial_must_gain_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    errors = rng.uniform(1, 2, 64)
    noise = rng.normal(0, 0.1, 64)
    before = Score(errors, 30.0)
    assert not Score(errors + noise - noise.mean() - 0.005, 30.1).better_than(before)
    assert Score(errors - 0.05, 30.5).better_than(before)
    assert not Score(np.full(64, np.inf), -np.inf).better_than(before)
    assert before.better_than(Score(np.full(64, np.inf), -np.inf))


def test_beyond_chance_is_a_paired_test() -> None:
    rng = np.random.default_rng(0)
    gains = rng.normal(0.0, 1.0, 100)
    gains -= gains.mean()
    error = gains.std(ddof=1) / 10
    assert beyond_chance(gains + 2.05 * error) and not beyond_chance(gains + 1.95 * error)
    assert not beyond_chance(np.array([1.0])) and not beyond_chance(np.array([1.0, np.inf]))


def _layers(model: FloatModel, ranges: Ranges, x: Array) -> list:  # type: ignore[type-arg]
    conversion = convert(model, ranges)
    return list(layers(conversion, int_values(conversion, x)))


@pytest.mark.parametrize("name", ["encoder", "vision transformer"])
def test_bias_correction_takes_back_the_mean_error(name: str) -> None:
    module = seeded(encoder, 32, 4, 1, 48) if name == "encoder" else seeded(VisionTransformer)
    x = _samples(128, *((9, 32) if name == "encoder" else (1, 8, 8))) + np.float32(0.5)
    model = _loaded(module, x)
    ranges = calibrate(model, x)
    conversion = convert(model, ranges)
    values = int_values(conversion, x)
    error_before = error_after = 0.0
    for layer in layers(conversion, values):
        constants = corrected_bias(layer)
        if not constants or layer.node.op_type != "Linear":
            assert layer.node.op_type == "Conv" or not constants
            continue
        output = conversion.graph.tensors[conversion.tensors[str(layer.node.outputs[0].name)]]
        assert output.qparams is not None
        bias = layer.node.inputs[2]
        assert bias is not None and bias.const_value is not None
        data = bias.const_value.numpy()
        real = layer.inputs @ layer.weight.T + data
        levels = values[output.name].reshape(real.shape)
        inside = ((levels > -128) & (levels < 127)).all(axis=0)  # channels that never clip
        before = (real - output.qparams.dequantize(levels)).mean(axis=0)
        after = before - (constants[str(bias.name)] - data)
        error_before += float(np.square(before[inside] / output.qparams.scale).sum())
        error_after += float(np.square(after[inside] / output.qparams.scale).sum())
    assert error_before > 0.01  # squared steps of int8, over all channels
    assert error_after < 0.4 * error_before


def test_rounding_lowers_the_error_of_the_layers_output() -> None:
    x = _samples(32, 9, 32)
    model = _loaded(seeded(encoder, 32, 4, 1, 48), x)
    ranges = calibrate(model, x)
    for layer in _layers(model, ranges, x):
        (name, weight), *_ = rounded_weight(layer).items()
        H = layer.inputs.T @ layer.inputs
        step = layer.step[:, None]
        chosen = np.floor(weight / step + 0.5)
        error = layer.weight - chosen * step
        assert np.abs(error / step).max() < 1.0 + 1e-6  # floor or ceil, no further
        nearest = ((layer.error @ H) * layer.error).sum(axis=1)
        assert (((error @ H) * error).sum(axis=1) <= nearest * (1 + 1e-9)).all()
        assert ((error @ H) * error).sum() < 0.95 * nearest.sum()
        again = convert(model.with_constants({name: weight}), ranges).graph
        made = next(t for t in again.constants() if t.name == name)
        assert made.data is not None
        np.testing.assert_array_equal(made.data, chosen)  # quantize rounds to what was chosen


class Pooling(nn.Module):
    """Positions weighed by a softmax, as CCT's sequence pooling does: [1, S, d] -> [1, d]."""

    def __init__(self, d: int = 16) -> None:
        super().__init__()
        self.score = nn.Linear(d, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self.score(x).softmax(1)
        pooled: torch.Tensor = (weights.transpose(1, 2) @ x).squeeze(1)
        return pooled


@pytest.mark.parametrize(("length", "fine"), [(64, True), (4, False)])
def test_small_probabilities_have_a_scale_of_their_own(length: int, fine: bool) -> None:
    x = _samples(32, length, 16) * np.float32(0.5) + np.float32(0.3)
    model = _loaded(seeded(Pooling), x)
    ranges = calibrate(model, x)
    errors = {}
    for softmax in ("lut", "ibert"):
        conversion = convert(model, ranges, softmax=softmax)
        kinds = {node.op.kind for node in conversion.graph.nodes}
        assert ("FineSoftmax" in kinds) == (fine and softmax == "lut")
        output = conversion.graph.tensors[conversion.graph.outputs[0]]
        assert output.qparams is not None
        got = output.qparams.dequantize(int_values(conversion, x)[output.name])
        errors[softmax] = np.square(got - _outputs(model, x).reshape(got.shape)).sum()
    if fine:
        assert errors["lut"] < errors["ibert"] / 4


def test_observers_disagree_over_an_outlier() -> None:
    values = np.random.default_rng(0).standard_normal(20_000)
    values[0] = 40.0
    observer = Observer()
    observer.see_extremes(values)
    observer.see_values(values)
    proposed = {name: (low, high) for name, low, high in observer.range().choices}
    assert set(proposed) == {"min-max", "percentile", "mse", "entropy"}
    assert proposed["min-max"][1] == 40.0
    assert proposed["percentile"][1] < 5
    assert proposed["mse"][1] < 40 and proposed["entropy"][1] < 40


def test_other_softmaxes_are_tuned_as_they_are() -> None:
    x = _samples(8, 9, 32)
    model = _loaded(seeded(encoder, 32, 4, 1, 48), x)
    ibert = partial(convert, softmax="ibert")
    tuned = tune(model, calibrate(model, x), x, convert=ibert, calibrate=calibrate)
    assert tuned.steps


def test_the_command_says_what_was_kept(tmp_path: Path) -> None:
    x = _samples(32, 9, 32)
    model = _loaded(_with_outliers(150.0), x)
    ir.save(model.model, tmp_path / "model.onnx")
    np.savez(tmp_path / "x.npz", x=x)
    arguments = ["compile", str(tmp_path / "model.onnx"), "--data", str(tmp_path / "x.npz")]
    options = ["-t", "host", "-o", str(tmp_path / "out"), "--dump-dir", str(tmp_path / "dump")]
    done = CliRunner().invoke(app, [*arguments, *options, "--json"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["effort"] == "normal"
    assert record["tuning"][0]["what"] == "equalisation 0.5"
    assert record["tuning"][0]["after_db"] > record["tuning"][0]["before_db"] + 10
    assert "kept: equalisation 0.5" in (tmp_path / "dump" / "2-tune.txt").read_text("utf-8")
    wrong = CliRunner().invoke(app, [*arguments, *options, "--effort", "utmost", "--force"])
    assert wrong.exit_code == 2
    compiled = open_folder(tmp_path / "out")
    report = microformer.run(compiled, x)
    assert report.bit_exact and report.sqnr_db is not None and report.sqnr_db > 25
