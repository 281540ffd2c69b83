"""Recordings of spoken digits: what is read, what is skipped and why."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from microformer.demo.speech import FRAMES, RATE, SAMPLES, SPEC, fingerprint, read_words, word
from microformer.errors import DataError


def put(
    folder: Path, name: str, audio: NDArray[np.int16], rate: int = RATE, channels: int = 1
) -> Path:
    """A recording ``name`` below ``folder``."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(audio.astype("<i2").tobytes())
    return path


def tone(samples: int = 3000) -> NDArray[np.int16]:
    return np.asarray(np.rint(5000 * np.sin(np.arange(samples) / 4)), np.int16)


def test_the_published_tree_is_read(tmp_path: Path) -> None:
    put(tmp_path, "recordings/7_jackson_32.wav", tone())
    put(tmp_path, "recordings/0_speaker3_1.wav", tone(20_000))
    words = read_words(tmp_path)
    assert words.y.tolist() == [0, 7]
    assert words.speakers == ("speaker3", "jackson")
    assert words.windows().shape == (2, FRAMES, SPEC.fft)
    assert (word(words.audio[1])[3000:] == 0).all() and len(word(words.audio[0])) == SAMPLES


def test_what_is_no_recording_is_skipped_and_said(tmp_path: Path) -> None:
    put(tmp_path, "1_a_1.wav", tone())
    put(tmp_path, "one_a_1.wav", tone())
    put(tmp_path, "2_a_1.wav", tone(), rate=16_000)
    put(tmp_path, "3_a_1.wav", tone(), channels=2)
    put(tmp_path, "4_a_1.wav", tone(0))
    (tmp_path / "5_a_1.wav").write_bytes(b"RIFF no")
    (tmp_path / "6_a_1.wav").write_bytes(b"")
    words = read_words(tmp_path)
    assert words.y.tolist() == [1]
    said = "\n".join(words.skipped)
    for name, why in [
        ("one_a_1", "the name is of no digit"),
        ("2_a_1", "not one channel of 16 bits at 8000 Hz"),
        ("3_a_1", "not one channel"),
        ("4_a_1", "is empty"),
        ("5_a_1", "is no recording"),
        ("6_a_1", "is no recording"),
    ]:
        assert any(name in line and why in line for line in words.skipped), said


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recording of the Free Spoken Digit Dataset"):
        read_words(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read_words(tmp_path / "none")


def test_a_recording_is_known_by_its_content(tmp_path: Path) -> None:
    first = read_words(put(tmp_path, "a/1_x_1.wav", tone()).parent).audio[0]
    second = read_words(put(tmp_path, "b/1_y_9.wav", tone()).parent).audio[0]
    assert fingerprint(first) == fingerprint(second) != fingerprint(first[1:])
