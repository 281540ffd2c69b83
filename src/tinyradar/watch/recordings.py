"""What is played: recordings of files, read when they are asked for, or simulated ones."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinyradar.dataset.recording import Sweeps, read_info, read_recording
from tinyradar.dataset.soli import CHANNELS, read_soli
from tinyradar.dataset.tree import G11
from tinyradar.errors import RadarError, RecordingError
from tinyradar.reproduce.fixed import POPULATION
from tinyradar.simulate import MARK, simulate_one
from tinyradar.simulate.radar import POINTS

MAX_RECORDINGS = 5000
MAX_SECONDS = 60
_NAME = re.compile(r"(.{1,200})_(?:info\.txt|s\d\.dat)")
_PERSON = re.compile(r"p\d{1,4}(?:_\d{1,4})?")


@dataclass(frozen=True)
class Recording:
    """One recording; ``read`` gives its samples [2 sensors, sweeps, 492] or raises RecordingError.

    ``label`` is the gesture that was made, None where the path does not say.
    """

    name: str
    label: int | None
    simulated: bool
    read: Callable[[], Sweeps]


def open_recordings(path: Path) -> list[Recording]:
    """The recordings of a file, or of all files in a folder and below. Raises RecordingError.

    One recording at least can be read; others may turn out to be broken when they are played.
    """
    if path.is_dir():
        bases = _bases(path)
    elif path.suffix == ".h5":
        raise _soli(path)
    elif not path.exists():
        raise RecordingError(f"There is no file or folder '{path}'.")
    elif match := _NAME.fullmatch(path.name):
        bases = [path.with_name(match[1])]
    else:
        raise RecordingError(
            f"'{path}' is no recording: give a file named '..._info.txt' or '..._s0.dat', or a "
            "folder of them."
        )
    found = [_of_file(base, path) for base in bases]
    _need_one(found)
    return found


def _bases(folder: Path) -> list[Path]:
    infos = [p for p in folder.rglob("*_info.txt") if _NAME.fullmatch(p.name)]
    if not infos:
        soli = next(folder.glob("*.h5"), None)
        if soli is not None:
            raise _soli(soli)
        raise RecordingError(f"'{folder}' holds no recording: no file in it ends in '_info.txt'.")
    if len(infos) > MAX_RECORDINGS:
        raise RecordingError(
            f"'{folder}' holds {len(infos)} recordings, and at most {MAX_RECORDINGS} are played; "
            "give the folder of one person or gesture."
        )
    infos.sort(key=_natural)
    return [p.with_name(p.name.removesuffix("_info.txt")) for p in infos]


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key by which p2 comes before p10."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(int(p[:9]) if p.isdecimal() else -1, p) for p in parts]


def _soli(path: Path) -> RecordingError:
    """Why Soli's file cannot be played, once it is known to be one."""
    frames, height, width, receivers = read_soli(path).shape
    assert receivers == len(CHANNELS)
    return RecordingError(
        f"'{path}' holds {frames} maps of {height} x {width} by {receivers} receivers, and the "
        f"networks here read maps of 32 x {POINTS} by {G11.sensors} sensors; it cannot be played."
    )


def _need_one(found: Sequence[Recording]) -> None:
    """Raises the first recording's error where none can be read."""
    first: RecordingError | None = None
    for recording in found:
        try:
            recording.read()
        except RecordingError as error:
            first = first or error
        else:
            return
    assert first is not None
    raise first


def _of_file(base: Path, shown: Path) -> Recording:
    """The recording ``.../p3/Push/sess_0/2``; its gesture is that of the folder, if it says one."""
    folders = base.absolute().parents
    gesture = folders[1].name if len(folders) > 1 else ""
    label = G11.gestures.index(gesture) if gesture in G11.gestures else None
    person = folders[2].name if len(folders) > 2 else ""
    known = label is not None and _PERSON.fullmatch(person)
    name = f"{person}/{gesture}/{folders[0].name}/{base.name}" if known else base.name
    if not known and shown.is_dir():
        name = str(base.relative_to(shown))
    marked = any((folder / MARK).is_file() for folder in folders[:5])
    return Recording(name, label, marked, partial(_read, base))


def _read(base: Path) -> Sweeps:
    for sensor in range(G11.sensors):
        path = base.with_name(f"{base.name}_s{sensor}.dat")
        if not path.is_file():
            raise RecordingError(f"'{path}' is missing; the networks read {G11.sensors} sensors.")
    info = read_info(base.with_name(f"{base.name}_info.txt"), G11.sensors)
    if info.rate_hz != G11.rate_hz:
        raise RecordingError(
            f"'{base}' was made at {info.rate_hz} sweeps a second, and the networks read "
            f"{G11.rate_hz}."
        )
    if info.points != (POINTS,) * G11.sensors:
        raise RecordingError(
            f"'{base}' has {' and '.join(map(str, info.points))} range points a sweep, and the "
            f"networks read {POINTS}."
        )
    if info.sweeps > MAX_SECONDS * info.rate_hz:
        raise RecordingError(
            f"'{base}' lasts {info.sweeps / info.rate_hz:.0f} s; at most {MAX_SECONDS} s are "
            "played."
        )
    return read_recording(base, G11.sensors)[1]


def labels_of(gestures: Sequence[str]) -> list[int]:
    """The labels of gestures by name; all, if none is named. Raises RadarError."""
    unknown = [g for g in gestures if g not in G11.gestures]
    if unknown:
        raise RadarError(
            f"There is no gesture '{unknown[0]}'; there are {', '.join(G11.gestures)}."
        )
    return [G11.gestures.index(g) for g in gestures or G11.gestures]


def simulated_recordings(
    labels: Sequence[int], held_out: Sequence[str], seed: int
) -> list[Recording]:
    """New recordings of ``labels`` by a person of ``held_out``, which one depends on ``seed``.

    Their session is one that the fixed set does not hold.
    """
    person = held_out[seed % len(held_out)]
    number = int(person.removeprefix("p"))
    day = 1 if number == 0 else 0
    session = POPULATION.sessions + seed
    return [
        Recording(
            f"{person}/{G11.gestures[label]}, seed {seed}",
            label,
            True,
            partial(simulate_one, POPULATION.seed, number, day, label, session, take),
        )
        for take, label in enumerate(labels)
    ]
