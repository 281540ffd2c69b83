"""The front end of a radar: its arithmetic against real numbers, and its way through the stages."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import microformer
from microformer import MicroformerError, RangeDoppler, cli, pipeline
from microformer.build import build
from microformer.build.compiler import FLAGS, host_compiler
from microformer.graph.compiled import Compiled
from microformer.graph.tensor import Array
from microformer.pipeline.front import features
from microformer.reference import evaluate
from microformer.reference.range_doppler import (
    OFFSET,
    POWER_LIMIT,
    POWERS,
    middle_magnitudes,
    power_index,
    spectrum,
)
from microformer.run import run
from microformer.store import open_folder, save
from microformer.targets import TARGETS, with_cores
from tests.exporters import legacy_export

POINTS, SENSORS, STEP, WINDOWS, CLASSES = 11, 2, 2, 3, 4
COLUMNS = 6
SPEC = RangeDoppler(points=POINTS, sensors=SENSORS, count=600.0, unit=64.0, step=STEP)


class Maps(nn.Module):
    """Maps [1, 3, 32, 6, 2] to scores [1, 4]."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.Linear(COLUMNS * SENSORS, 8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """x [1, 3, 32, 6, 2]."""
        rows = self.norm(x.reshape(1, WINDOWS * 32, COLUMNS * SENSORS)).relu()
        scores: Tensor = self.head(rows.mean(1))
        return scores


def sweeps(count: int, seed: int = 0, loud: int = 6000) -> Array:
    """int16 [count, 3, 2, 32, 11, 2]: a tone a point, and noise."""
    rng = np.random.default_rng(seed)
    shape = (count, WINDOWS, SENSORS, 1, POINTS)
    turns = rng.uniform(0, 1, shape) + rng.uniform(-0.5, 0.5, shape) * np.arange(32)[:, None]
    tone = rng.uniform(0, loud, shape) * np.exp(2j * np.pi * turns)
    parts = np.stack([tone.real, tone.imag], axis=-1)
    return np.rint(parts + rng.normal(0, 300, parts.shape)).clip(-32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """A small network with a front end, for this machine."""
    return _compiled("host")


def _compiled(target: str, spec: RangeDoppler = SPEC) -> Compiled:
    example = torch.zeros(1, WINDOWS, 32, COLUMNS, SENSORS)
    model = microformer.load(Maps().eval(), example=example, name="maps")
    x = np.random.default_rng(1).uniform(0, 4, (16, *example.shape[1:])).astype(np.float32)
    return microformer.compile(model, x, target, front=spec)


@pytest.mark.parametrize("preshift", [0, 2])
def test_the_spectrum_is_that_of_real_numbers_within_its_bound(preshift: int) -> None:
    """Every bin, of noise and of the loudest tones: 6 units at most, 0.8 root mean square."""
    rng = np.random.default_rng(preshift)
    top = 2**15 if preshift else 2**13
    x = rng.integers(-top, top, (400, 32, 2))
    angle = 2 * np.pi * np.outer(np.arange(32) + rng.uniform(-0.5, 0.5, 32), np.arange(32)) / 32
    x[:32] = np.rint((top - 1) * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    x[32], x[33] = top - 1, -top
    made = spectrum(x.astype(np.int16), preshift)
    exact = np.fft.fft(x[..., 0] + 1j * x[..., 1], axis=-1) / (64 if preshift else 16)
    error = made - np.stack([exact.real, exact.imag], axis=-1)
    assert np.abs(error).max() < 6.0
    assert np.sqrt((error**2).mean()) < 0.8
    assert np.abs(error[50:].mean(axis=(0, 2))).max() < 1.6  # no bin leans far to one side
    assert (made**2).sum(axis=-1).max() + OFFSET < POWER_LIMIT


def test_samples_beyond_their_promise_wrap_as_16_bit_adders_do() -> None:
    x = np.full((1, 32, 2), 2**15 - 1, np.int16)
    assert np.abs(spectrum(x, 0)).max() < 2**15  # four of them leave 16 bits: modulo 2^16


def test_the_index_rises_with_the_power_and_stays_in_the_table() -> None:
    powers = np.unique(np.geomspace(1, POWER_LIMIT - OFFSET - 1, 200_000).astype(np.int64))
    powers = np.concatenate([np.arange(3000), powers[powers >= 3000]])
    index = power_index(powers)
    assert (np.diff(index) >= 0).all()
    assert np.diff(index[:128]).min() == 1
    assert index[0] == 128 and power_index(np.array([POWER_LIMIT - OFFSET - 1]))[0] == POWERS - 1
    error = np.abs(middle_magnitudes()[index] - np.sqrt(powers))
    assert (error <= np.maximum(np.sqrt(powers), 8.0) * 2.0**-9 + 0.5 * 2.0**-6).all()


@pytest.mark.parametrize("bits", [14, 16])
def test_the_map_is_the_real_feature_to_one_count(bits: int) -> None:
    """Bytes min(round(|X| / count), 255) of float, and those of the network's own input."""
    spec = replace(SPEC, bits=bits, count=SPEC.count if bits == 16 else SPEC.count / 4)
    made = _compiled("host", spec)
    iq = sweeps(4) if bits == 16 else sweeps(4) // 4
    assert made.front is not None
    levels = features(made.front, iq).reshape(4, WINDOWS, 32, COLUMNS, SENSORS)
    samples = iq[..., ::STEP, 0] + 1j * iq[..., ::STEP, 1]
    exact = np.abs(np.fft.fftshift(np.fft.fft(samples, axis=3), axes=3)).transpose(0, 1, 3, 4, 2)
    counts = np.minimum(np.floor(exact / spec.count + 0.5), 255)
    qparams = made.int_graph.tensors[made.int_graph.inputs[0]].qparams
    assert qparams is not None
    unit = 1 / spec.unit / qparams.scale  # levels a count
    difference = np.abs(levels - qparams.quantize(counts / spec.unit).astype(int))
    assert counts.max() == 255 and (counts == 0).sum() < counts.size / 2
    assert difference.max() <= np.ceil(unit)
    assert (difference == 0).mean() > 0.9


def test_samples_to_class_on_this_machine(compiled: Compiled) -> None:
    iq = sweeps(6)
    report = microformer.run(compiled, iq, np.arange(6) % CLASSES)
    assert report.bit_exact and report.features is not None and report.features.bit_exact
    assert report.features.windows == report.features.windows_run == WINDOWS
    assert report.features.ffts == COLUMNS * SENSORS
    assert report.features.window == (32, COLUMNS, SENSORS)
    without = microformer.run(compiled, np.zeros((1, WINDOWS, 32, COLUMNS, SENSORS), np.float32))
    assert without.features is not None and without.features.windows_run == 2  # of noise


def test_a_wrong_front_end_is_noticed(compiled: Compiled) -> None:
    assert compiled.front is not None
    project = compiled.front.project
    name = "mf/mf_fft32.h"
    files = {**project.files, name: project.files[name].replace("8035, -1598", "8035, -1500")}
    spoilt = replace(compiled.front, project=replace(project, files=files))
    report = microformer.run(replace(compiled, front=spoilt), sweeps(1))
    assert report.features is not None and report.features.mismatches == WINDOWS
    assert not report.bit_exact


def test_a_target_reports_the_front_end_and_the_sum() -> None:
    report = microformer.run(_compiled("cortex-m4"), sweeps(2), count=1)
    made = report.features
    assert made is not None and report.bit_exact and report.cycles is not None
    assert made.kernel == "mf_range_doppler_s16_dsp"
    assert made.one_window.cycles is not None and made.sequence.cycles is not None
    assert made.sequence.cycles == WINDOWS * made.one_window.cycles
    assert made.total.cycles == made.sequence.cycles + report.cycles
    assert made.total.energy_mj is not None and made.total.latency_ms is not None
    assert made.core_cycles_per_fft is not None and 500 < made.core_cycles_per_fft < 1500


@pytest.mark.slow
def test_a_cluster_streams_from_l2_and_is_made_anew_for_other_cores() -> None:
    if pipeline.missing_rtl("ri5cy"):
        pytest.skip("no RTL here")
    made = _compiled("pulp-ri5cy")
    iq = sweeps(1)
    eight = microformer.run(made, iq)
    board = with_cores(TARGETS["pulp-ri5cy"], 3)
    three = microformer.run(pipeline.recompiled(made, board), iq)
    for report in (eight, three):
        assert report.bit_exact and report.features is not None
        assert report.features.kernel == "mf_range_doppler_s16_xpulp"
    assert eight.features and three.features
    assert (eight.features.one_window.cycles or 0) < (three.features.one_window.cycles or 0)


def test_a_folder_keeps_the_front_end(compiled: Compiled, tmp_path: Path) -> None:
    save(compiled, tmp_path / "out")
    again = open_folder(tmp_path / "out")
    assert compiled.front is not None and again.front is not None
    assert again.front.spec == SPEC
    assert again.front.project == compiled.front.project
    assert microformer.run(again, sweeps(1)).bit_exact
    manifest = tmp_path / "out" / "microformer" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"points": 11', '"points": 12'))
    with pytest.raises(MicroformerError, match=r"manifest\.json' was changed or damaged"):
        open_folder(tmp_path / "out")


def test_sanitizers_find_nothing(compiled: Compiled, tmp_path: Path) -> None:
    assert compiled.front is not None
    project, windows = compiled.front.project, sweeps(2).reshape(2 * WINDOWS, -1)
    windows[0], windows[1] = -32768, 32767
    image = build(project, TARGETS["host"], tmp_path, sanitize=True)
    made = run(project, image, windows, TARGETS["host"]).outputs
    shaped = windows.reshape(-1, *SPEC.window)
    expected = evaluate(compiled.front.graph, shaped)["window"]
    assert np.array_equal(made, expected.reshape(made.shape))


MAIN = """
#include <stdio.h>
#include <stdlib.h>
void capture(int16_t *to) {
  if (fread(to, 2, MAPS_FEATURES_INPUT_SIZE, stdin) != MAPS_FEATURES_INPUT_SIZE) {
    exit(2);
  }
}
int main(void) {
  for (int i = 0; i < 5; i++) {
    printf("%d\\n", classify());
  }
  return 0;
}
"""


def test_the_flow_of_the_readme_is_a_program(compiled: Compiled, tmp_path: Path) -> None:
    """Its C, word for word, around a reader of samples: the classes of the NumPy reference."""
    save(compiled, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    (tmp_path / "main.c").write_text(readme.split("```c\n")[1].split("```")[0] + MAIN, "utf-8")
    iq = sweeps(5, seed=3)
    sources = [str(tmp_path / "out" / source) for source in compiled.project.sources]
    command = [*host_compiler(sanitize=False), *FLAGS, f"-I{tmp_path / 'out'}", *sources]
    command += ["-Wno-missing-prototypes", str(tmp_path / "main.c"), "-o", str(tmp_path / "main")]
    subprocess.run(command, check=True)
    done = subprocess.run([tmp_path / "main"], input=iq.tobytes(), capture_output=True, check=True)
    assert compiled.front is not None
    maps = features(compiled.front, iq).reshape(5, WINDOWS, 32, COLUMNS, SENSORS)
    scores = evaluate(compiled.int_graph, maps)[compiled.int_graph.outputs[0]]
    assert [int(v) for v in done.stdout.split()] == scores.reshape(5, -1).argmax(axis=1).tolist()


def test_what_a_user_can_get_wrong() -> None:
    for spec, words in (
        (replace(SPEC, points=13), "front end makes maps of"),
        (replace(SPEC, bits=12), "bits is 12"),
        (replace(SPEC, count=0.0), "count and unit must be positive"),
        (replace(SPEC, step=0), "points, sensors and step"),
    ):
        with pytest.raises(MicroformerError, match=words):
            _compiled("host", spec)


def test_samples_of_another_shape_are_refused(compiled: Compiled) -> None:
    with pytest.raises(MicroformerError, match=r"reshape x to \[N, 3, 2, 32, 11, 2\]"):
        microformer.run(compiled, sweeps(2)[:, :, :, :30])


def test_a_target_without_the_memory_says_so() -> None:
    far = replace(SPEC, points=1201, step=240)
    with pytest.raises(MicroformerError, match=r"samples of a window take 307,456 bytes"):
        _compiled("cortex-m4", far)
    with pytest.raises(MicroformerError, match="beside its network"):
        _compiled("cortex-m4", replace(SPEC, points=366, step=66))


def test_gcc_is_content_too(compiled: Compiled, tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    save(compiled, tmp_path / "out")
    for source in compiled.project.sources:
        command = [gcc, "-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-c"]
        command += [f"-I{tmp_path / 'out'}", str(tmp_path / "out" / source), "-o", "/dev/null"]
        subprocess.run(command, check=True)


def test_the_command_compiles_and_runs_a_front_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    example = torch.zeros(1, WINDOWS, 32, COLUMNS, SENSORS)
    (tmp_path / "maps.onnx").write_bytes(legacy_export(Maps().eval(), example))
    np.savez(tmp_path / "iq.npz", x=sweeps(2), y=np.arange(2))
    folder = tmp_path / "out"
    front = ["--range-doppler", "points=11,sensors=2,count=600,unit=64,step=2"]
    compiling = ["compile", str(tmp_path / "maps.onnx"), "-o", str(folder), "-t", "cortex-m4"]
    _command(monkeypatch, [*compiling, "--random-data", *front], 0)
    assert "compile" not in capsys.readouterr().err.splitlines()[-1]
    _command(monkeypatch, ["run", str(folder), "--data", str(tmp_path / "iq.npz")], 0)
    text = " ".join(capsys.readouterr().out.split())
    assert "front end 12 FFTs to 32 x 6 x 2, mf_range_doppler_s16_dsp; bit-exact: every" in text
    assert "3 windows" in text and "with network" in text
    front[1] = "points=11,sensors=two"
    _command(monkeypatch, [*compiling, "--random-data", "--force", *front], 2)


def _command(monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
