"""Features on disk: a byte a value, read by mapping, so that no set is ever whole in memory.

A folder with ``features.u8`` (raw, [sequences, windows, Doppler, range, sensors]) and
``index.json`` (shape, labels, persons, the recording of each sequence, what was skipped and why).
A value is ``min(round(magnitude / step), 255)``; ``step`` is one number for the whole set, chosen
so that 255 is the 99.95th percentile of a sample of recordings. It is what an 8-bit program reads.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.items import Item, Maps, same_shape
from tinyradar.errors import DatasetError

Bytes = NDArray[np.uint8]
Progress = Callable[[int, int], None]

VERSION = 1
MAX_INDEX_BYTES = 1 << 28
SAMPLED, PERCENTILE = 48, 99.95


@dataclass(frozen=True, eq=False)
class Dataset:
    """Cached sequences: ``x`` uint8 [N, windows, Doppler, range, sensors] (mapped), ``y`` [N],
    ``persons`` and ``recordings`` a sequence. ``simulated`` goes wherever a figure stands."""

    x: Bytes
    y: NDArray[np.int64]
    persons: tuple[str, ...]
    recordings: tuple[str, ...]
    gestures: tuple[str, ...]
    step: float
    simulated: bool
    skipped: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A short name of the set, by which weights know theirs.

        Of its recordings, labels and ``step`` to four digits: not of each byte, so that a set
        simulated on another machine, whose last bits may differ, is the same set.
        """
        key = f"{self.x.shape} {self.step:.4g} {self.recordings} {self.y.tolist()}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def build_cache(
    items: Callable[[], Iterator[Item]],
    folder: Path,
    gestures: tuple[str, ...],
    *,
    simulated: bool,
    progress: Progress = lambda _done, _total: None,
    total: int = 0,
    step: float | None = None,
) -> Dataset:
    """Write the cache of a set in one pass over ``items()`` and a short one for ``step``.

    The step may be given: that of the set whose networks read this one.

    The folder appears whole or not at all. Raises DatasetError.
    """
    if folder.exists():
        raise DatasetError(f"'{folder}' exists already; choose another folder or remove it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        step = step or _step(items(), max(1, total // SAMPLED))
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cache-") as name:
            place = Path(name) / "cache"
            place.mkdir()
            with (place / "features.u8").open("wb") as file:
                index = _write(items(), file, step, progress, total)
            index |= {"gestures": list(gestures), "simulated": simulated}
            (place / "index.json").write_text(json.dumps(index), "utf-8")
            place.replace(folder)
    except OSError as error:
        raise DatasetError(f"'{folder}' cannot be written: {error.strerror}.") from None
    return open_cache(folder)


def _step(items: Iterator[Item], every: int) -> float:
    """The value of one count: from every ``every``-th recording, SAMPLED of them at most."""
    tops = []
    for number, item in enumerate(same_shape(items)):
        if number % every == 0 and item.sequences:
            tops.append(top_of(item.sequences))
        if len(tops) == SAMPLED:
            break
    return step_of(tops)


def top_of(maps: Sequence[Maps]) -> np.float32:
    """The magnitude of a recording's maps that is to become the largest byte."""
    return np.float32(np.percentile(np.stack(maps), PERCENTILE))


def step_of(tops: Sequence[np.float32]) -> float:
    """The value of one count, from what ``top_of`` says of some recordings."""
    top = float(np.mean(tops)) if tops else 0.0
    if top <= 0.0:
        raise DatasetError("The recordings hold nothing but zeros.")
    return top / 255.0


def as_bytes(maps: Maps, step: float) -> Bytes:
    """Magnitudes as the bytes that the networks read: min(round(magnitude / step), 255)."""
    counts: Bytes = np.minimum(np.rint(maps / step), 255).astype(np.uint8)
    return counts


def _write(
    items: Iterator[Item], file: BinaryIO, step: float, progress: Progress, total: int
) -> dict[str, Any]:
    labels: list[int] = []
    persons: list[str] = []
    recordings: list[str] = []
    skipped: list[str] = []
    shape: tuple[int, ...] = ()
    for done, item in enumerate(same_shape(items), 1):
        if item.skipped:
            skipped.append(item.skipped)
        for maps in item.sequences:
            shape = maps.shape
            file.write(as_bytes(maps, step).tobytes())
            labels.append(item.label)
            persons.append(item.person)
            recordings.append(item.name)
        progress(done, max(done, total))
    return {
        "version": VERSION,
        "shape": [len(labels), *shape],
        "step": step,
        "labels": labels,
        "persons": persons,
        "recordings": recordings,
        "skipped": skipped,
    }


def open_cache(folder: Path) -> Dataset:
    """The cached set in ``folder``; everything in it is checked. Raises DatasetError."""
    place, data = folder / "index.json", folder / "features.u8"
    try:
        if place.stat().st_size > MAX_INDEX_BYTES:
            raise DatasetError(f"'{place}' is too large.")
        index = json.loads(place.read_text("utf-8"))
        size = data.stat().st_size
    except (OSError, ValueError):
        raise DatasetError(f"'{folder}' is not a cache of features.") from None
    if not isinstance(index, dict) or index.get("version") != VERSION:
        raise DatasetError(f"'{folder}' is a cache of another version; build it again.")
    try:
        shape = tuple(int(s) for s in index["shape"])
        y = np.array(index["labels"], np.int64)
        persons, recordings = tuple(index["persons"]), tuple(index["recordings"])
        gestures, skipped = tuple(index["gestures"]), tuple(index["skipped"])
        step, simulated = float(index["step"]), bool(index["simulated"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DatasetError(f"'{place}' is damaged; build the cache again.") from None
    names = (*persons, *recordings, *gestures, *skipped)
    counts = {len(y), len(persons), len(recordings), *shape[:1]}
    sound = len(shape) == 5 and min(shape) > 0 and len(counts) == 1 and y.ndim == 1 and step > 0
    if not sound or not all(isinstance(n, str) for n in names) or size != int(np.prod(shape)):
        raise DatasetError(f"'{folder}' contradicts itself; build the cache again.")
    if y.min() < 0 or y.max() >= len(gestures):
        raise DatasetError(f"'{place}' holds labels of no gesture; build the cache again.")
    x = np.memmap(data, np.uint8, "r", shape=shape)
    return Dataset(x, y, persons, recordings, gestures, step, simulated, skipped)
