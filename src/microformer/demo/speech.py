"""Spoken digits: recordings read, cut into windows of sound, and who was never heard in training.

The recordings are the user's own copy of the Free Spoken Digit Dataset (Z. Jackson and others, CC
BY-SA 4.0): ``<digit>_<speaker>_<number>.wav``, one channel, 16 bits, 8 kHz.
"""

import hashlib
import re
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from microformer.errors import DataError
from microformer.graph.frontend import LogMel

SOURCE = "the Free Spoken Digit Dataset (Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0)"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8000
SPEC = LogMel(rate=RATE, fft=256, hop=160, mels=32, floor=10.0, offset=18.0, unit=4.0)
"""32 ms under the window, 20 ms further each time."""
FRAMES = 48
SAMPLES = (FRAMES - 1) * SPEC.hop + SPEC.fft
"""0.97 s: what a word is cut to, or filled up with silence."""

_NAME = re.compile(r"([0-9])_([A-Za-z0-9]+)_([0-9]+)\.wav", re.ASCII)
_MAX_FILES, _MAX_SECONDS = 100_000, 60


@dataclass(frozen=True, eq=False)
class Words:
    """Recordings int16 of any length, their digits ``y`` [N] and speakers; what was skipped."""

    audio: tuple[NDArray[np.int16], ...]
    y: NDArray[np.int64]
    speakers: tuple[str, ...]
    skipped: tuple[str, ...]

    def windows(self) -> NDArray[np.int16]:
        """[N, FRAMES, fft]: each recording from its beginning."""
        return np.stack([SPEC.windows(word(audio)) for audio in self.audio])


def word(audio: NDArray[np.int16]) -> NDArray[np.int16]:
    """int16 [SAMPLES]: the recording's beginning, silence behind it."""
    made = np.zeros(SAMPLES, np.int16)
    made[: len(audio)] = audio[:SAMPLES]
    return made


def fingerprint(audio: NDArray[np.int16]) -> int:
    """A recording's name by its content, 64 bits: speakers are named otherwise in other copies."""
    return int.from_bytes(hashlib.sha256(audio.astype("<i2").tobytes()).digest()[:8], "little")


def read_words(folder: Path) -> Words:
    """All recordings below ``folder``. Raises DataError where there is none."""
    if not folder.is_dir():
        raise DataError(f"'{folder}' is not a folder; it must hold the recordings of {SOURCE}.")
    audio, digits, speakers, skipped = [], [], [], []
    for number, path in enumerate(sorted(folder.rglob("*.wav"))):
        if number == _MAX_FILES:
            raise DataError(f"'{folder}' holds more than {_MAX_FILES:,} recordings.")
        found = _NAME.fullmatch(path.name)
        samples = _samples(path) if found else f"'{path}': the name is of no digit"
        if found is None or isinstance(samples, str):
            skipped.append(str(samples))
            continue
        audio.append(samples)
        digits.append(int(found[1]))
        speakers.append(found[2])
    if not audio:
        why = f" The first of {len(skipped)} reasons: {skipped[0]}." if skipped else ""
        raise DataError(f"'{folder}' holds no recording of {SOURCE}.{why}")
    return Words(tuple(audio), np.array(digits, np.int64), tuple(speakers), tuple(skipped))


def _samples(path: Path) -> NDArray[np.int16] | str:
    """The samples of a recording, or why they are not read."""
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            if form != (1, 2, RATE):
                return f"'{path}' is not one channel of 16 bits at {RATE} Hz"
            data = file.readframes(min(file.getnframes(), RATE * _MAX_SECONDS))
    except (OSError, EOFError, wave.Error) as error:
        return f"'{path}' is no recording ({error or 'it ends too soon'})"
    if len(data) < 2:
        return f"'{path}' is empty"
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
