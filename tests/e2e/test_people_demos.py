"""``microformer demo gestures`` and ``demo speech``: traces and recordings to classes.

The recordings of digits are read where they lie beside the checkout (never committed); elsewhere
made sounds take their place.
"""

import json
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

from microformer import cli
from microformer.cli import speech as speech_command
from microformer.demo import gesture_paths
from microformer.demo.speech import RATE, WORDS, Words

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "fsdd.tar.xz"


def said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    code: int = 0,
) -> str:
    """What ``microformer demo`` prints; of an error what it says."""
    monkeypatch.setattr("sys.argv", ["microformer", "demo", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    made = capsys.readouterr()
    return made.out if code == 0 else made.err


def test_gestures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(said(monkeypatch, capsys, "gestures", "--json"))
    assert made["target"] == "cortex-m4" and made["bit_exact"]
    assert made["simulated"] is True and made["trained_on"] == "recorded"
    with gesture_paths() as paths, np.load(paths.samples) as shipped:
        names, y = [str(name) for name in shipped["gestures"]], shipped["y"]
        assert shipped["x"].shape[1:] == (28, 10)
    assert [one["true"] for one in made["gestures"]] == [names[label] for label in y]
    assert sum(one["found"] == one["true"] for one in made["gestures"]) >= 8
    for one in made["gestures"]:
        assert one["features"] is None and one["total"]["latency_ms"] < 8.0


def test_gestures_for_a_person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(monkeypatch, capsys, "gestures", "-t", "host")
    assert "gesture (simulated)" in text and "SIMULATED" in text
    assert text.count(" yes ") == 10 and "features ms" not in text


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded digits, or sounds under their names."""
    place = tmp_path_factory.mktemp("digits")
    if RECORDED.is_file():
        with tarfile.open(RECORDED) as archive:
            archive.extractall(place, filter="data")
        return place
    for digit in range(10):
        for number in range(2):
            samples = 4000 * np.sin(np.arange(4000) * (0.1 + 0.05 * digit + 0.01 * number))
            with wave.open(str(place / f"{digit}_somebody_{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(np.rint(samples).astype("<i2").tobytes())
    return place


def test_speech(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recordings: Path
) -> None:
    if not RECORDED.is_file():

        def all_of(words: Words, _unheard: object) -> object:
            return np.arange(len(words.y))

        monkeypatch.setattr(speech_command, "_unheard", all_of)
    made = json.loads(said(monkeypatch, capsys, "speech", "--data", str(recordings), "--json"))
    assert made["target"] == "cortex-m4" and made["bit_exact"] and made["recorded"] is True
    words = made["words"]
    assert [one["true"] for one in words] == [word for word in WORDS for _ in range(2)]
    for one in words:
        assert one["features"]["cycles"] > 0 and one["total"]["latency_ms"] < 60.0
    if RECORDED.is_file():
        assert made["heard"] == 500
        assert made["accuracy_int8"] > 0.7
        assert sum(one["found"] == one["true"] for one in words) >= 12


def test_speech_asks_for_recordings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = said(monkeypatch, capsys, "speech", code=2)
    assert "--data DIR" in text and "CC BY-SA 4.0" in text
    text = said(monkeypatch, capsys, "speech", "--data", str(tmp_path), code=2)
    assert "holds no recording of" in text
    path = tmp_path / "1_nobody_1.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(4000))
    text = said(monkeypatch, capsys, "speech", "--data", str(tmp_path), code=2)
    assert "no recording of the speaker who was held out" in " ".join(text.split())
    assert "goes with speech" in said(
        *(monkeypatch, capsys, "gestures", "--data", str(tmp_path)), code=2
    )
