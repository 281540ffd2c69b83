"""Accuracy on held-out recordings, a short form of bench/accuracy.py and bench/qat.py.

The full tables (five seeds each) are in docs/accuracy.md.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from accuracy import TASKS, score
from qat import recover
from train_series import series


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
        ("digits", 15, "lut", 4),
    ],
)
def test_int8_answers_as_float_does(name: str, epochs: int, softmax: str, changed: int) -> None:
    """Held-out answers of one briefly trained model: at most ``changed`` of them differ."""
    found = score(name, 1, softmax, epochs=epochs, cycles=False)
    held_out = len(TASKS[name].data().held_x)
    assert found.samples == held_out
    assert found.float_right > 0.7 * held_out  # it has learnt something
    assert found.changed <= changed
    assert found.sqnr_db > 25


@pytest.mark.slow
def test_training_in_integers_recovers_half_of_what_int8_loses() -> None:
    """Outlier channels: int8 loses several points; four epochs bring more than half back."""
    found = recover(seed=0, factor=160.0, epochs=4, cache=None, float_epochs=20)
    lost = (found.float_right - found.int8_right) / found.samples
    assert lost > 0.03
    assert found.recovered >= 0.5
