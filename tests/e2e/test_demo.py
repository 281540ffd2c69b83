"""The whole pipeline on the shipped model."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import microformer
from microformer import reference
from microformer.demo import demo_paths
from microformer.graph.compiled import Compiled
from microformer.graph.ends import quantized
from microformer.graph.float_model import FloatModel
from microformer.settings import SoftmaxKind
from microformer.targets import QemuRunner

TARGETS = [
    *("host", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
]
TIMED = {"cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m55"}


def _compile(target: str, softmax: SoftmaxKind) -> tuple[Compiled, FloatModel]:
    with demo_paths() as paths, np.load(paths.calibration) as samples:
        model = microformer.load(paths.model)
        return microformer.compile(model, samples["x"], target, softmax=softmax), model


@pytest.mark.parametrize("softmax", ["lut", "ibert"])
@pytest.mark.parametrize("target", TARGETS)
def test_bit_exact_and_accurate_on_every_target(target: str, softmax: SoftmaxKind) -> None:
    runner = microformer.targets.find(target).runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")
    compiled, _ = _compile(target, softmax)
    with demo_paths() as paths, np.load(paths.held_out) as samples:
        count = 100 if target == "host" else 5
        report = microformer.run(compiled, samples["x"], samples["y"], count=count)
    assert report.bit_exact
    assert report.samples_run == count
    assert report.accuracy_float is not None and report.accuracy_int8 is not None
    assert abs(report.accuracy_float - report.accuracy_int8) <= 0.005
    assert report.sqnr_db is not None and report.sqnr_db >= (25 if softmax == "lut" else 20)
    assert (report.cycles is not None) == (target in TIMED)


def test_a_wrong_program_is_noticed() -> None:
    compiled, _ = _compile("host", "lut")
    name = next(n for n in compiled.project.files if n.endswith("_weights.c"))
    text = compiled.project.files[name]
    start = text.index("head_mult")
    spoilt = text[:start] + text[start:].replace("= {\n  ", "= {\n  2 * ", 1)
    files = {**compiled.project.files, name: spoilt}
    object.__setattr__(compiled.project, "files", files)
    with demo_paths() as paths, np.load(paths.held_out) as samples:
        report = microformer.run(compiled, samples["x"][:20])
    assert not report.bit_exact
    assert report.mismatches > 0


def test_predict_is_what_the_program_answers() -> None:
    compiled, _ = _compile("host", "lut")
    with demo_paths() as paths, np.load(paths.held_out) as samples:
        x, y = samples["x"][:70], samples["y"][:70]
    answers = microformer.predict(compiled, x)
    graph = compiled.int_graph
    qparams = graph.tensors[graph.outputs[0]].qparams
    assert qparams is not None and answers.shape == (70, *graph.tensors[graph.outputs[0]].shape)
    levels = np.rint(answers / qparams.scale) + qparams.zero_point
    meaning = reference.evaluate(graph, quantized(compiled.int_graph, x))[graph.outputs[0]]
    np.testing.assert_array_equal(levels, meaning)
    right = float((answers.reshape(70, -1).argmax(axis=1) == y).mean())
    assert right == microformer.run(compiled, x, y, count=1).accuracy_int8
    with pytest.raises(microformer.MicroformerError, match="reshape x"):
        microformer.predict(compiled, x[:, :-1])


def test_quantize_alone_gives_the_program_in_numpy() -> None:
    compiled, model = _compile("host", "lut")
    with demo_paths() as paths, np.load(paths.calibration) as samples:
        x = samples["x"]
        graph = microformer.quantize(model, x)
    inputs = quantized(compiled.int_graph, x[:4])
    first = reference.evaluate(graph, inputs)[graph.outputs[0]]
    second = reference.evaluate(compiled.int_graph, inputs)[compiled.int_graph.outputs[0]]
    np.testing.assert_array_equal(first, second)


def test_the_command_prints_json() -> None:
    command = [sys.executable, "-m", "microformer", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["bit_exact"] is True
    assert report["samples_run"] == report["samples"] == 450
    assert report["cycles_kind"] == "estimate"
    assert sum(layer["cycles"] for layer in report["layers"]) <= report["cycles"]
