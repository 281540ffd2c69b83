"""Accuracy on held-out recordings, a short form of bench/accuracy.py and bench/qat.py.

The full runs (five seeds each) are in bench/results; docs/accuracy.md shows them.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import microformer
from accuracy import TASKS, score, table
from microformer.settings import SoftmaxKind
from qat import Recovery, recover
from qat import table as recovery_table
from train_keywords import RATE, KeywordTransformer, mfcc, seconds
from train_series import series

ROOT = Path(__file__).parents[2]


def test_the_recordings_are_those_of_the_package() -> None:
    """aeon ships both sets; they are read from its files without importing it."""
    vowels, motions = series("vowels"), series("motions")
    assert vowels.x.shape == (270, 12, 29) and vowels.held_x.shape == (370, 12, 29)
    assert motions.x.shape == (40, 6, 100) and motions.held_x.shape == (40, 6, 100)
    assert sorted(set(vowels.y)) == list(range(9)) and sorted(set(motions.y)) == list(range(4))
    assert (vowels.x[:, :, -1] == 0).mean() > 0.5  # most utterances are shorter than 29 frames


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epochs", "softmax", "changed"),
    [
        ("motions", 40, "lut", 1),
        ("motions", 40, "ibert", 1),
        ("vowels", 20, "lut", 2),
        # what a machine's BLAS trains differs: 5 and 7 of 450 were seen, with the same program
        ("digits", 30, "lut", 9),
    ],
)
def test_int8_answers_as_float_does(
    name: str, epochs: int, softmax: SoftmaxKind, changed: int
) -> None:
    """Held-out answers of one briefly trained model: at most ``changed`` of them differ."""
    found = score(name, 1, softmax, epochs=epochs, cycles=False)
    held_out = len(TASKS[name].data().held_x)
    assert found.samples == held_out
    assert found.float_right > 0.7 * held_out  # it has learnt something
    assert found.changed <= changed
    assert abs(found.int8_right - found.float_right) <= max(1, held_out // 100)
    assert found.sqnr_db > 25


@pytest.mark.slow
def test_training_in_integers_recovers_half_of_what_int8_loses() -> None:
    """Outlier channels: int8 loses several points; four epochs bring more than half back."""
    found = recover(seed=0, factor=160.0, epochs=4, cache=None, float_epochs=20)
    lost = (found.float_right - found.int8_right) / found.samples
    assert lost > 0.03
    assert found.recovered >= 0.5


def test_the_full_runs_meet_the_bars_and_are_what_the_docs_show() -> None:
    """What bench/accuracy.py and bench/qat.py printed, as it was stored."""
    results = ROOT / "bench" / "results"
    text = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    rows = json.loads((results / "accuracy.json").read_text("utf-8"))["rows"]
    assert {(r["model"], r["softmax"]) for r in rows} == {
        (model, softmax) for model in TASKS for softmax in ("lut", "ibert")
    }
    for row in rows:
        assert row["seeds"] >= 5
        if row["softmax"] == "lut":
            assert row["points"] >= (-0.3 if row["model"] == "digits" else -0.5)
        if row["model"] == "motions":
            assert row["samples"] == 200 and row["changed"] <= 1
    assert table(rows) in text
    stored = json.loads((results / "qat.json").read_text("utf-8"))
    assert len(stored["rows"]) >= 5 and stored["recovered"] >= 0.5
    for row in stored["rows"]:
        found = Recovery(**row)
        assert found.float_right - found.int8_right > 0.03 * found.samples  # hard indeed
    assert recovery_table(stored["rows"]) in text


def test_the_stored_table_of_others_transformers_holds_its_bars() -> None:
    """bench/others.py: both kinds of silence keep 26 dB in int16, and few answers change."""
    rows = json.loads((ROOT / "bench" / "results" / "others.json").read_text("utf-8"))
    keywords = [row for row in rows if row["model"] == "KWT-1"]
    assert {row["data"] for row in keywords} == {"silence of zeros", "silence of dither"}
    for row in keywords:
        assert row["sqnr_db"] > (26.0 if row["residual"] == "int16" else 24.0)
        assert row["changed"] <= 0.02 * row["held_out"]
        assert abs(row["int8_right"] - row["float_right"]) <= 0.01 * row["held_out"]


@pytest.mark.slow
def test_a_keyword_transformer_as_published() -> None:
    """KWT-1, untrained, on MFCC of chirps with silence of zeros behind: loads, compiles, exact."""
    rng = np.random.default_rng(0)
    time = np.arange(4000) / RATE
    chirps = [np.sin(2 * np.pi * (f + g * time) * time) for f, g in rng.uniform(80, 900, (24, 2))]
    audio = [(a * 6000 * rng.uniform(0.2, 1.0)).astype(np.int16) for a in chirps]
    x = mfcc(seconds(audio, "zeros"))
    assert x.shape == (24, 98, 40) and x[:, :, 0].min() < -170
    torch.manual_seed(0)
    module = KeywordTransformer().eval()
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    kinds = [node.op_type for node in model.model.graph]
    assert kinds.count("Attention") == 12 and kinds.count("LayerNormalization") == 24
    compiled = microformer.compile(model, x, "host", effort="low", residual="rows")
    report = microformer.run(compiled, x[:2])
    assert report.bit_exact and report.firmware_exact
