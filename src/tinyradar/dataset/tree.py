"""The trees of the data set: ``<kind>/data/p<P>/<Gesture>/sess_<s>/<i>_info.txt``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinyradar.errors import DatasetError

MARK = "SIMULATED.txt"
"""A file beside the persons' folders by which a simulated set is known as such."""


@dataclass(frozen=True)
class Kind:
    """A set: its gestures in the order of their labels, sensors, sweeps a second."""

    name: str
    gestures: tuple[str, ...]
    sensors: int
    rate_hz: int


G11 = Kind(
    "11G",
    (
        *("PinchIndex", "PinchPinky", "FingerSlider", "FingerRub", "SlowSwipeRL", "FastSwipeRL"),
        *("Push", "Pull", "PalmTilt", "Circle", "PalmHold", "NoHand"),
    ),
    sensors=2,
    rate_hz=160,
)
G5 = Kind(
    "5G", ("FingerSlider", "SwipeRL", "PushDown", "PullUp", "PalmTilt"), sensors=1, rate_hz=256
)
KINDS = {kind.name: kind for kind in (G11, G5)}

_PERSON = re.compile(r"p(\d{1,4})(?:_(\d{1,4}))?")
_SESSION = re.compile(r"sess_(\d{1,4})")
_INFO = re.compile(r"(\d{1,6})_info\.txt")


@dataclass(frozen=True)
class Source:
    """Where a recording lies and whose it is.

    ``person`` is "p0" for p0_1 .. p0_20 too: they are one person, whom no split may part.
    """

    base: Path
    person: str
    gesture: str
    label: int
    session: str
    kind: Kind


def find_tree(folder: Path) -> tuple[Path, Kind]:
    """The ``data`` folder in or below ``folder``, and which set it is. Raises DatasetError."""
    places = [(folder / name / "data", kind) for name, kind in KINDS.items()] + [
        (folder / "data", kind) for name, kind in KINDS.items() if folder.name == name
    ]
    if folder.name == "data" and folder.parent.name in KINDS:
        places.append((folder, KINDS[folder.parent.name]))
    found = [place for place in places if place[0].is_dir()]
    if not found:
        raise DatasetError(
            f"'{folder}' holds neither 11G/data nor 5G/data; give the folder that the data set "
            "was unpacked into."
        )
    if len(found) > 1:
        raise DatasetError(f"'{folder}' holds both sets; give the folder 11G or 5G in it.")
    return found[0]


def walk(folder: Path) -> Iterator[Source]:
    """All recordings below ``folder`` in a fixed order; gestures that are not used are left out."""
    data, kind = find_tree(folder)
    people = sorted(
        (int(match[1]), int(match[2] or 0), path)
        for path in data.iterdir()
        if (match := _PERSON.fullmatch(path.name)) and path.is_dir()
    )
    for number, _, path in people:
        for label, gesture in enumerate(kind.gestures):
            for session in _numbered(path / gesture, _SESSION):
                for info in _numbered(session, _INFO):
                    base = info.with_name(info.name.removesuffix("_info.txt"))
                    name = f"{path.name}/{session.name}"
                    yield Source(base, f"p{number}", gesture, label, name, kind)


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    named = [(p, pattern.fullmatch(p.name)) for p in folder.iterdir()]
    return [p for _, p in sorted((int(m[1]), p) for p, m in named if m)]
