"""Everything that the page shows: of a recording its maps and what the program says of them."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyradar.dataset.cache import SAMPLED, Bytes, as_bytes, step_of, top_of
from tinyradar.dataset.features import WINDOW, maps_of, windows_a_second
from tinyradar.errors import RecordingError
from tinyradar.simulate.radar import RANGE_START_M, RANGE_STEP_M, RATE_HZ, WAVELENGTH_M
from tinyradar.watch.basis import Basis
from tinyradar.watch.program import Program
from tinyradar.watch.recordings import Recording

SECOND = windows_a_second(RATE_HZ)
KEPT = 64
"""Recordings whose maps and scores stay in memory, some 1 MB each."""
"""Recordings whose maps are kept in memory."""


@dataclass(frozen=True, eq=False)
class Play:
    """A recording as it is played: ``maps`` bytes [windows, sensors, 32, points].

    ``scores`` a window: of the second that ends with it [classes], None before a second is over.
    ``decisions``: the windows at which a whole second of its own, not shared, has passed.
    """

    maps: Bytes
    scores: tuple[tuple[float, ...] | None, ...]
    decisions: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """All but the maps."""
        windows, sensors, bins, points = self.maps.shape
        shape = {"windows": windows, "sensors": sensors, "bins": bins, "points": points}
        return shape | {"scores": self.scores, "decisions": self.decisions}


class Show:
    """The recordings, the network, its program; ``play`` is safe to call from several threads."""

    def __init__(
        self, recordings: Sequence[Recording], found: Basis, program: Program, about: str
    ) -> None:
        """``about`` says whose recordings these are, for whoever reads the count of hits."""
        self._recordings, self._basis, self._program = recordings, found, program
        self._about = about
        self._own_step = not all(r.simulated for r in recordings) and found.data.simulated
        self._step = _step_of(recordings) if self._own_step else found.data.step
        self._lock = threading.Lock()  # of the two below; never held while something is computed
        self._busy: dict[int, threading.Lock] = {}
        self._kept: OrderedDict[int, Play] = OrderedDict()

    def session(self) -> dict[str, Any]:
        """What does not change while the page is open."""
        data = self._basis.data
        return {
            "model": self._program.model.name,
            "fold": self._basis.number,
            "trained_on": "simulated" if data.simulated else "recorded",
            "in_integers": self._basis.subject.integers is not None,
            "gestures": data.gestures,
            "window_s": WINDOW / RATE_HZ,
            "windows_a_decision": SECOND,
            "a_decision": "Second",
            "shown": "Range-Doppler maps",
            "scale": ["echo strength", "of full scale (root scale)"],
            "range_m": [RANGE_START_M, RANGE_STEP_M],
            "velocity_step": WAVELENGTH_M / 2 * RATE_HZ / WINDOW,
            "figures": self._program.figures(),
            "notes": self._notes(),
            "recordings": [
                {"name": r.name, "label": r.label, "simulated": r.simulated}
                for r in self._recordings
            ],
        }

    def _notes(self) -> list[str]:
        notes = [note for note in (self._about, self._program.note) if note]
        if self._own_step:
            notes.append(
                "The network was trained on simulated hands, and these recordings are not marked "
                "as simulated: the scale of their maps is taken from themselves, their axes are "
                "those of the simulated radar, and what the network says is no measure of it."
            )
        return notes

    def play(self, index: int) -> Play:
        """The recording of that index. Raises RecordingError.

        Whoever asks for the same waits for the first; others do not wait for them.
        """
        with self._lock:
            if (kept := self._kept.get(index)) is not None:
                self._kept.move_to_end(index)
                return kept
            busy = self._busy.setdefault(index, threading.Lock())
        with busy:
            with self._lock:
                if (kept := self._kept.get(index)) is not None:
                    return kept
            made = self._play(index)
            with self._lock:
                self._kept[index] = made
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return made

    def warm(self) -> None:
        """Compute all recordings that are kept, ahead of whoever asks; broken ones are left."""
        for index in range(min(len(self._recordings), KEPT)):
            with contextlib.suppress(RecordingError):
                self.play(index)

    def _play(self, index: int) -> Play:
        maps = as_bytes(maps_of(self._recordings[index].read()), self._step)
        scores, decisions = classify(maps, self._program)
        return Play(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)), scores, decisions)


def classify(
    maps: Bytes, program: Program
) -> tuple[tuple[tuple[float, ...] | None, ...], tuple[int, ...]]:
    """``maps`` [windows, 32, points, sensors] to scores a window, and where decisions fall.

    What is shorter than a second is filled up with zeros at its end, as in training.
    """
    count = len(maps)
    if count < SECOND:
        filled = np.concatenate([maps, np.zeros((SECOND - count, *maps.shape[1:]), np.uint8)])
        last = program.scores(filled[None])[0]
        return (*(None,) * (count - 1), _rounded(last)), (count - 1,)
    ends = range(SECOND, count + 1)
    running = program.scores(np.stack([maps[e - SECOND : e] for e in ends]))
    early: tuple[None, ...] = (None,) * (SECOND - 1)
    return (*early, *map(_rounded, running)), tuple(range(SECOND - 1, count, SECOND))


def _rounded(scores: Any) -> tuple[float, ...]:
    return tuple(round(float(s), 4) for s in scores)


def _step_of(recordings: Sequence[Recording]) -> float:
    """The count of recordings of another radar, by the rule of ``cache`` over those that play."""
    tops = []
    for recording in recordings[:: max(1, len(recordings) // SAMPLED)]:
        try:
            tops.append(top_of([maps_of(recording.read())]))
        except RecordingError:
            continue
        if len(tops) == SAMPLED:
            break
    if not tops:  # none of the sampled; one at least can be read
        readable = (r for r in recordings if _readable(r))
        tops.append(top_of([maps_of(next(readable).read())]))
    return step_of(tops)


def _readable(recording: Recording) -> bool:
    try:
        recording.read()
    except RecordingError:
        return False
    return True
