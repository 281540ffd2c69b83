"""Recorded hands: traces of M-Gesture's short range (Liu et al., IEEE IoT Journal 2021), read.

A trace is one gesture in front of a 77 GHz radar (IWR1443), a text file of integers that ends in
END: frames of 55 ms, each the number of values that follow and are used (11), then ten values, then
two zeros. The set's description speaks of ten values a frame (number, velocity, distance, angle of
arrival of the detected points) and names no column; ``COLUMNS`` is what the values look like.

Two forms of file name are known, folders of persons around them:
``short_{point,paperpoint,corrpoint}_<number>_<gesture>_<n>.txt`` and
``gesture_<initials>_hand_short_center_<gesture>_<n>.txt`` in ``gesture_<initials>[_new]``.
What is neither is skipped and said. The data are read where they lie and never kept.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.tree import MARK
from tinyradar.errors import DatasetError, RecordingError

Traces = NDArray[np.int16]
"""[N, FRAMES, VALUES], as recorded."""

FRAMES, VALUES, FRAME_MS = 28, 10, 55
_WIDTH = 13
"""Integers a frame in a file: the count, ten values, two zeros."""
_MAX_FRAMES, _MAX_BYTES, _MAX_FILES = 600, 1 << 16, 1 << 20
_LOUDEST = 4096
"""No value may be larger: thousands of points in a frame are no hand."""

COLUMNS = (
    "points",
    "mean Doppler",
    "mean range",
    "points of positive Doppler",
    "their mean Doppler",
    "their mean range",
    "points of negative Doppler",
    "their mean Doppler",
    "their mean range",
    "angle",
)
"""What the values seem to be; a guess, the set does not say.

In swipes negative Doppler comes first and positive after: a hand that comes over the radar and goes
away from it. So negative is what comes nearer.
"""

FIVE = ("knock", "lswipe", "rswipe", "clock", "counterclock")
"""Movements of the whole hand."""
TEN = (*FIVE, "finger_rub", "finger_slide", "hit_finger", "pinch_index", "pinch_pinky")
GESTURES = (*TEN, "yawn")
"""A yawn is a movement that nobody meant."""
_SPELT = {
    "countclock": "counterclock",
    "anticlock": "counterclock",
    "lswift": "lswipe",
    "rswift": "rswipe",
    "hitfinger": "hit_finger",
    "hit_fingure": "hit_finger",
    "fingure_rub": "finger_rub",
    "fingure_slide": "finger_slide",
}
OPEN, PAPER, CORRUGATED = "open", "paper", "corrugated"
SCENES = (OPEN, PAPER, CORRUGATED)
"""What is between hand and radar."""
_SCENES = {"point": OPEN, "paperpoint": PAPER, "corrpoint": CORRUGATED}
_NUMBERED = re.compile(r"short_([a-z]+)_(\d+)_([a-z_]+?)_?(\d+)\.txt", re.ASCII)
_INITIALS = re.compile(
    r"gesture_([A-Za-z]+)(?:_new)?_?hand_short_center_([a-z_]+?)_?(\d+)\.txt", re.ASCII
)
_FOLDER = re.compile(r"gesture_([A-Za-z]+?)(?:_new)?", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What a file's name says; ``folder`` is the person that the folder is named after."""

    path: Path
    person: str
    folder: str
    gesture: str
    scene: str


@dataclass(frozen=True, eq=False)
class TraceSet:
    """Traces ``x`` int16 [N, FRAMES, VALUES], labels ``y`` [N], ``persons`` and ``scenes`` a trace.

    ``persons`` are never split: numbers that share a folder are one person here. ``skipped`` says
    of each file that is not in the set why. ``simulated`` goes wherever a figure stands.
    """

    x: Traces
    y: NDArray[np.int64]
    persons: tuple[str, ...]
    scenes: tuple[str, ...]
    gestures: tuple[str, ...]
    skipped: tuple[str, ...]
    simulated: bool = False

    @cached_property
    def digest(self) -> str:
        """A short name of the set, by which weights know theirs: of all that is in it."""
        words = "\n".join((*self.persons, *self.scenes, *self.gestures))
        found = hashlib.sha256(words.encode())
        found.update(self.x.astype("<i2").tobytes() + self.y.astype("<i8").tobytes())
        return found.hexdigest()[:16]

    def only(self, gestures: tuple[str, ...], scenes: Iterable[str] | None = None) -> "TraceSet":
        """The traces of ``gestures`` (which number the labels) in ``scenes`` (None: in all)."""
        number = {self.gestures.index(name): n for n, name in enumerate(gestures)}
        wanted = set(self.scenes if scenes is None else scenes)
        chosen = [
            i
            for i, (label, scene) in enumerate(zip(self.y.tolist(), self.scenes, strict=True))
            if label in number and scene in wanted
        ]
        return TraceSet(
            self.x[chosen],
            np.array([number[int(self.y[i])] for i in chosen], np.int64),
            tuple(self.persons[i] for i in chosen),
            tuple(self.scenes[i] for i in chosen),
            gestures,
            self.skipped,
            self.simulated,
        )


def parse(text: bytes, where: str) -> Traces:
    """The frames [FRAMES, VALUES] of one file's ``text``.

    Of a longer trace (60 frames are known) the FRAMES around its busiest moment. Raises
    RecordingError where the text is no trace; ``where`` names it in the sentence.
    """
    words = text.split()
    if not words or words[-1] != b"END":
        raise RecordingError(f"'{where}' does not end in END.")
    try:
        values = [int(word) for word in words[:-1] if len(word) < 8]
    except ValueError:
        raise RecordingError(f"'{where}' holds something that is no integer.") from None
    frames = len(values) // _WIDTH
    if len(values) != len(words) - 1 or len(values) != frames * _WIDTH:
        raise RecordingError(f"'{where}' is no whole number of frames of {_WIDTH} integers.")
    if not FRAMES <= frames <= _MAX_FRAMES:
        raise RecordingError(
            f"'{where}' has {frames} frames, not between {FRAMES} and {_MAX_FRAMES}."
        )
    table = np.array(values, np.int64).reshape(frames, _WIDTH)
    if (table[:, 0] != 11).any() or table[:, 11:].any() or (abs(table) > _LOUDEST).any():
        raise RecordingError(f"'{where}' has frames that are not 11, ten values and two zeros.")
    return table[_busiest(table[:, 1]), 1 : 1 + VALUES].astype(np.int16)


def _busiest(points: NDArray[np.int64]) -> slice:
    """The FRAMES frames with most points."""
    total = np.concatenate([[0], np.cumsum(points)])
    begin = int(np.argmax(total[FRAMES:] - total[:-FRAMES]))
    return slice(begin, begin + FRAMES)


def find_traces(folder: Path) -> Iterator[Named | str]:
    """All text files below ``folder`` in order: what their names say, or why they are skipped."""
    files = (path for path in sorted(folder.rglob("*.txt")) if path.name != MARK)
    for count, path in enumerate(files):
        if count == _MAX_FILES:
            raise DatasetError(f"'{folder}' holds more than {_MAX_FILES:,} files.")
        yield _named(path)


def _named(path: Path) -> Named | str:
    if found := _NUMBERED.fullmatch(path.name):
        kind, person, gesture = found[1], found[2], found[3]
        folder = path.parent.name if path.parent.name.isdecimal() else person
    elif found := _INITIALS.fullmatch(path.name):
        kind, person, gesture = "point", found[1].removesuffix("_new").upper(), found[2]
        of = _FOLDER.fullmatch(path.parent.name)
        folder = of[1].upper() if of else person
    else:
        return f"'{path}': the name is of no trace."
    gesture = _SPELT.get(gesture, gesture)
    if gesture not in GESTURES:
        return f"'{path}': there is no gesture '{gesture}'."
    if kind not in _SCENES:
        return f"'{path}': '{kind}' is none of {', '.join(_SCENES)}."
    return Named(path, person, folder, gesture, _SCENES[kind])


def holds_traces(folder: Path) -> bool:
    """Whether any file below ``folder`` has the name of a trace."""
    return any(isinstance(_named(path), Named) for path in folder.rglob("*.txt"))


def read_traces(
    folder: Path, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> TraceSet:
    """All traces below ``folder``. Raises DatasetError where there is none."""
    if not folder.is_dir():
        raise DatasetError(f"'{folder}' is not a folder.")
    found = list(find_traces(folder))
    named: list[Named] = []
    skipped: list[str] = []
    frames: list[Traces] = []
    for done, one in enumerate(found, 1):
        if isinstance(one, str):
            skipped.append(one)
            continue
        try:
            frames.append(parse(_text(one.path), str(one.path)))
            named.append(one)
        except RecordingError as error:
            skipped.append(str(error))
        progress(done, len(found))
    if not named:
        reason = f" The first of {len(skipped)} reasons: {skipped[0]}" if skipped else ""
        raise DatasetError(f"'{folder}' holds no trace of M-Gesture's short range.{reason}")
    same = _same_persons(named)
    return TraceSet(
        np.stack(frames),
        np.array([GESTURES.index(one.gesture) for one in named], np.int64),
        tuple(same[one.person] for one in named),
        tuple(one.scene for one in named),
        GESTURES,
        tuple(skipped),
        simulated=(folder / MARK).is_file(),
    )


def _text(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RecordingError(f"'{path}' is too large for a trace.")
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"'{path}' cannot be read: {error.strerror}.") from None


def _same_persons(named: Iterable[Named]) -> dict[str, str]:
    """Of each person's name the one that stands for all names which share a folder with it.

    A folder of one person that holds files of another's number is a slip of the pen in one of the
    two; which, nobody knows, so they are kept on one side of every split.
    """
    root: dict[str, str] = {}

    def top(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    for one in named:
        first, second = sorted((top(one.person), top(one.folder)))
        root[second] = first
    return {name: top(name) for name in root}
