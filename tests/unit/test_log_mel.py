"""The front end of a microphone: its arithmetic against real numbers, and its way to a program."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import microformer
from microformer import LogMel, MicroformerError, cli
from microformer.build import build
from microformer.build.compiler import FLAGS, host_compiler
from microformer.graph.compiled import Compiled
from microformer.graph.tensor import Array
from microformer.pipeline.front import features
from microformer.reference import evaluate
from microformer.reference.log_mel import BIN_LIMIT, LOG_LIMIT, powers, transform, twiddles
from microformer.run import run
from microformer.store import open_folder, save
from microformer.targets import TARGETS
from tests.exporters import legacy_export

SPEC = LogMel(rate=8000, fft=256, hop=100, mels=24, floor=10.0, offset=18.0, unit=4.0)
FRAMES, CLASSES = 6, 4


class Rows(nn.Module):
    """Features [1, 6, mels] to scores [1, 4]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(width, 8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """x [1, 6, mels]."""
        scores: Tensor = self.head(self.first(x).relu().mean(1))
        return scores


def sounds(count: int, spec: LogMel = SPEC, seed: int = 0) -> Array:
    """int16 [count, 6, fft]: a tone that moves, with noise, loud and quiet."""
    rng = np.random.default_rng(seed)
    length = (FRAMES - 1) * spec.hop + spec.fft
    at = np.arange(length)
    loud = np.geomspace(200, 12_000, count)[:, None]
    hertz = rng.uniform(200, 0.4 * spec.rate, (count, 1)) * (1 + 0.3 * at / length)
    tone = np.sin(2 * np.pi * hertz * at / spec.rate)
    audio = loud * (tone + 0.05 * rng.normal(0, 1, (count, length)))
    return spec.windows(np.rint(audio).astype(np.int16))


def _compiled(target: str, spec: LogMel = SPEC) -> Compiled:
    x = spec.inputs(sounds(16, spec))
    model = microformer.load(Rows(x.shape[-1]).eval(), example=x[:1], name="sound")
    return microformer.compile(model, x, target, front=spec)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """A small network with a front end, for this machine."""
    return _compiled("host")


@pytest.mark.parametrize("fft", [128, 256, 512, 1024])
def test_the_power_is_that_of_real_numbers(fft: int) -> None:
    """Of noise and of loud tones: off by 5 units at most, 1.3 root mean square, where the loudest
    tone has 8,191; no power reaches its limit."""
    rng = np.random.default_rng(fft)
    u = rng.integers(-8192, 8192, (60, fft))
    turns = np.outer(rng.uniform(0, fft / 2, 20), np.arange(fft)) / fft
    u[:20] = np.rint(8191 * np.cos(2 * np.pi * (turns + rng.uniform(0, 1, (20, 1)))))
    u[20], u[21], u[22] = 8191, -8192, np.where(np.arange(fft) % 2, 8191, -8192)
    w = twiddles(fft)
    made = powers(transform(u, w), w)
    exact = np.abs(np.fft.rfft(u)[:, 1 : fft // 2]) / (fft / 2)
    error = np.sqrt(made[:, 1:]) - exact
    assert np.abs(error).max() < 5.0
    assert np.sqrt((error**2).mean()) < 1.3
    assert made.max() < BIN_LIMIT and (made[:, 0] == 0).all()


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, fft=512, mels=40, hop=256)])
def test_a_level_is_the_real_features_but_for_the_quiet_beside_the_loud(spec: LogMel) -> None:
    made = _compiled("host", spec)
    assert made.front is not None
    windows = sounds(12, spec, seed=1)
    levels = features(made.front, windows).reshape(*windows.shape[:2], -1).astype(int)
    qparams = made.int_graph.tensors[made.int_graph.inputs[0]].qparams
    assert qparams is not None
    difference = np.abs(levels - qparams.quantize(spec.inputs(windows)).astype(int))
    assert (difference <= 1).mean() > 0.96
    assert difference.max() <= 12  # bands some 60 dB below the loudest: the transform's own noise
    silence = features(made.front, np.zeros((1, spec.fft), np.int16))
    floor = np.float32((spec.floor - spec.offset) / spec.unit)
    assert (silence == qparams.quantize(np.full(1, floor))).all()


def test_cepstra_are_those_of_real_numbers() -> None:
    spec = replace(SPEC, cepstra=10, offset=0.0, unit=30.0)
    made = _compiled("host", spec)
    assert made.front is not None
    windows = sounds(8, spec, seed=2)
    levels = features(made.front, windows).reshape(8, FRAMES, 10).astype(int)
    qparams = made.int_graph.tensors[made.int_graph.inputs[0]].qparams
    assert qparams is not None
    difference = levels - qparams.quantize(spec.inputs(windows)).astype(int)
    assert np.abs(difference).max() <= 2 and (np.abs(difference) <= 1).mean() > 0.98


def test_louder_by_two_is_higher_by_two_octaves_of_power() -> None:
    """The block's shift is given back: from a whisper to the top of the range."""
    spec = replace(SPEC, floor=-20.0)
    tone = np.sin(2 * np.pi * 700 * np.arange(spec.fft) / spec.rate)
    made = _compiled("host", spec)
    assert made.front is not None
    loud = 2.0 ** np.arange(5, 14)
    windows = np.rint(loud[:, None] * tone).astype(np.int16)
    qparams = made.int_graph.tensors[made.int_graph.inputs[0]].qparams
    assert qparams is not None
    best = features(made.front, windows).max(axis=-1).astype(float)
    steps = np.diff(best) * qparams.scale * spec.unit
    assert np.abs(steps - 2.0).max() < 1.5 * qparams.scale * spec.unit + 0.05


def test_samples_to_class_on_this_machine(compiled: Compiled) -> None:
    windows = sounds(6)
    report = microformer.run(compiled, windows, np.arange(6) % CLASSES)
    assert report.bit_exact and report.features is not None and report.features.bit_exact
    assert report.features.windows == report.features.windows_run == FRAMES
    assert report.features.window == (SPEC.mels,)
    answers = microformer.predict(compiled, windows)
    assert answers.shape == (6, CLASSES)
    assert np.abs(answers - microformer.predict(compiled, SPEC.inputs(windows))).max() < 0.2


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_on_a_target(target: str) -> None:
    report = microformer.run(_compiled(target), sounds(1), count=1)
    made = report.features
    assert made is not None and report.bit_exact and made.bit_exact
    assert made.one_window.cycles is not None and made.total.cycles is not None
    kernel = "mf_log_mel_s16_ref" if target == "cortex-m0plus" else "mf_log_mel_s16_dsp"
    assert made.kernel == kernel


def test_a_folder_keeps_the_front_end(compiled: Compiled, tmp_path: Path) -> None:
    save(compiled, tmp_path / "out")
    again = open_folder(tmp_path / "out")
    assert again.front is not None and again.front.spec == SPEC
    assert microformer.run(again, sounds(1)).bit_exact


@settings(max_examples=12, deadline=None)
@given(
    fft=st.sampled_from([128, 256, 512, 1024]),
    mels=st.integers(1, 12),
    cepstra=st.integers(0, 12),
    seed=st.integers(0, 2**31),
)
def test_c_equals_the_reference_under_sanitizers(
    fft: int, mels: int, cepstra: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    unit = 40.0 if cepstra else 4.0
    spec = LogMel(
        *(16_000, fft, fft // 2, mels, min(cepstra, mels)),
        offset=18.0 if not cepstra else 0.0,
        unit=unit,
    )
    made = _compiled("host", spec)
    assert made.front is not None
    rng = np.random.default_rng(seed)
    loud = 2.0 ** rng.uniform(0, 15, (6, 1))
    windows = np.rint(rng.uniform(-1, 1, (6, fft)) * loud).clip(-32768, 32767).astype(np.int16)
    windows[0], windows[1] = -32768, 0
    project = made.front.project
    image = build(project, TARGETS["host"], tmp_path_factory.mktemp("sound"), sanitize=True)
    outputs = run(project, image, windows, TARGETS["host"]).outputs
    expected = evaluate(made.front.graph, windows)["window"]
    assert np.array_equal(outputs, expected.reshape(outputs.shape))


MAIN = """
#include <stdio.h>
#include <stdlib.h>
void capture(int16_t *to, int32_t count) {
  if (fread(to, 2, (size_t)count, stdin) != (size_t)count) {
    exit(2);
  }
}
int main(void) {
  printf("%d\\n", classify());
  return 0;
}
"""


def test_the_flow_of_the_readme_streams_by_hop(compiled: Compiled, tmp_path: Path) -> None:
    """Its C, word for word, around a reader of a recording: the class of the NumPy reference."""
    save(compiled, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    (tmp_path / "main.c").write_text(readme.split("```c\n")[1].split("```")[0] + MAIN, "utf-8")
    assert f"#define SOUND_FEATURES_HOP {SPEC.hop} " in (
        tmp_path / "out" / "sound_features.h"
    ).read_text("utf-8")
    rng = np.random.default_rng(3)
    length = (FRAMES - 1) * SPEC.hop + SPEC.fft
    audio = np.rint(3000 * np.sin(np.arange(length) / 3) + rng.normal(0, 300, length))
    sources = [str(tmp_path / "out" / source) for source in compiled.project.sources]
    command = [*host_compiler(sanitize=False), *FLAGS, f"-I{tmp_path / 'out'}", *sources]
    command += ["-Wno-missing-prototypes", str(tmp_path / "main.c"), "-o", str(tmp_path / "main")]
    subprocess.run(command, check=True)
    samples = audio.astype(np.int16)
    done = subprocess.run(
        [tmp_path / "main"], input=samples.tobytes(), capture_output=True, check=True
    )
    answer = microformer.predict(compiled, SPEC.windows(samples)[None]).argmax()
    assert int(done.stdout) == answer


def test_what_a_user_can_get_wrong() -> None:
    for spec, words in (
        (replace(SPEC, fft=300), "fft is 300, none of 128"),
        (replace(SPEC, hop=0), "hop 1 to fft"),
        (replace(SPEC, hop=257), "hop 1 to fft"),
        (replace(SPEC, mels=0), "mels 1 to 128"),
        (replace(SPEC, cepstra=25), "cepstra is 25"),
        (replace(SPEC, low=5000.0), "low must be below high"),
        (replace(SPEC, high=5000.0), "high at most half of the rate"),
        (replace(SPEC, unit=0.0), "unit positive"),
        (replace(SPEC, floor=99.0), "floor must be"),
        (replace(SPEC, bits=12), "bits is 12"),
        (replace(SPEC, mels=120), "120 bands are too narrow"),
        (replace(SPEC, mels=20), "front end makes maps of"),
    ):
        with pytest.raises(MicroformerError, match=words):
            x = SPEC.inputs(sounds(16))
            model = microformer.load(Rows(24).eval(), example=x[:1], name="sound")
            microformer.compile(model, x, "host", front=spec)


def test_the_limits_hold_for_the_loudest_and_the_longest() -> None:
    spec = LogMel(rate=16_000, fft=1024, mels=1, floor=-40.0)
    most = np.log2(float(BIN_LIMIT)) + 7 + np.log2(spec.fft / 2)
    assert 256 * (most + 2 * 2) < LOG_LIMIT
    assert LOG_LIMIT > 256 * 2 * 13


def test_the_command_compiles_a_front_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    example = torch.zeros(1, FRAMES, SPEC.mels)
    (tmp_path / "sound.onnx").write_bytes(legacy_export(Rows(SPEC.mels).eval(), example))
    np.savez(tmp_path / "windows.npz", x=sounds(2), y=np.arange(2))
    folder = str(tmp_path / "out")
    front = ["--log-mel", "rate=8000,fft=256,hop=100,mels=24,floor=10,offset=18,unit=4"]
    compiling = ["compile", str(tmp_path / "sound.onnx"), "-o", folder, "-t", "cortex-m4"]
    _command(monkeypatch, [*compiling, "--random-data", *front], 0)
    capsys.readouterr()
    _command(monkeypatch, ["run", folder, "--data", str(tmp_path / "windows.npz")], 0)
    text = " ".join(capsys.readouterr().out.split())
    assert "mf_log_mel_s16_dsp; bit-exact: every" in text and "6 windows" in text
    for wrong in ("rate=8000,fog=3", "rate=x", "fft=256"):
        _command(monkeypatch, [*compiling, "--random-data", "--log-mel", wrong], 2)
    both = [*front, "--range-doppler", "points=11,sensors=2,count=600,unit=64"]
    _command(monkeypatch, [*compiling, "--random-data", *both], 2)


def _command(monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
