"""Soli's data set: one HDF5 file a recording, ``<gesture>_<session>_<instance>.h5``.

``ch0`` .. ``ch3`` are [frames, 1024] float, each row a 32 x 32 range-Doppler map of a receiver;
``label`` is one a frame. The files are untrusted. A session is one person's; the cross-user
protocol uses the ten sessions ``CROSS_USER``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from tinyradar.dataset.features import SEQUENCES, starts
from tinyradar.dataset.items import Item, Maps
from tinyradar.errors import DatasetError, RecordingError

CHANNELS = ("ch0", "ch1", "ch2", "ch3")
SIDE = 32
FRAMES_A_SECOND = 40
MAX_FRAMES = 1 << 14
CROSS_USER = (2, 3, 5, 6, 8, 9, 10, 11, 12, 13)
GESTURES = 12
"""Gestures 0 to 10; 11 is background."""

_NAME = re.compile(r"(\d{1,2})_(\d{1,3})_(\d{1,4})\.h5")


def read_soli(path: Path) -> Maps:
    """All frames of a file: [frames, 32, 32, 4 receivers]. Raises RecordingError."""
    try:
        with h5py.File(path, "r") as file:
            parts = [_channel(file, name, path) for name in CHANNELS]
    except OSError:
        raise RecordingError(f"'{path}' is not an HDF5 file.") from None
    if len({len(part) for part in parts}) != 1:
        raise RecordingError(f"'{path}' has receivers of unequal length.")
    maps = np.stack(parts, axis=-1).reshape(-1, SIDE, SIDE, len(CHANNELS))
    if not np.isfinite(maps).all():
        raise RecordingError(f"'{path}' holds values that are not finite.")
    return maps


def _channel(file: h5py.File, name: str, path: Path) -> Maps:
    data = file.get(name)
    if not isinstance(data, h5py.Dataset):
        raise RecordingError(f"'{path}' has no data set '{name}'.")
    if data.ndim != 2 or data.shape[1] != SIDE * SIDE or data.dtype.kind != "f":
        raise RecordingError(
            f"'{path}': '{name}' is {data.dtype} {data.shape}, not float [frames, {SIDE * SIDE}]."
        )
    if not 0 < data.shape[0] <= MAX_FRAMES:
        raise RecordingError(f"'{path}': '{name}' has {data.shape[0]} frames.")
    return np.asarray(data[:], np.float32)


def soli_items(folder: Path, sessions: tuple[int, ...] = CROSS_USER) -> Iterator[Item]:
    """The recordings of ``sessions``, in a fixed order: three seconds each, as of the radar sets.

    A recording under a second is filled up with zeros.
    """
    found = [(p, _NAME.fullmatch(p.name)) for p in folder.glob("*.h5")]
    keyed = sorted((int(m[2]), int(m[1]), int(m[3]), p) for p, m in found if m)
    chosen = [key for key in keyed if key[0] in sessions]
    if not chosen:
        raise DatasetError(
            f"'{folder}' holds no file <gesture>_<session>_<instance>.h5 of sessions {sessions}."
        )
    for session, gesture, _, path in chosen:
        person = f"p{session}"
        try:
            if gesture >= GESTURES:
                raise RecordingError(f"'{path}' is of gesture {gesture}; there are 0 to 11.")
            maps = read_soli(path)
        except RecordingError as error:
            yield Item(path.name, person, gesture, skipped=str(error))
            continue
        yield Item(path.name, person, gesture, tuple(_seconds(maps)))


def _seconds(maps: Maps) -> Iterator[Maps]:
    if len(maps) < FRAMES_A_SECOND:
        empty = np.zeros((FRAMES_A_SECOND - len(maps), *maps.shape[1:]), np.float32)
        maps = np.concatenate([maps, empty])
    first = starts(len(maps), FRAMES_A_SECOND)
    assert len(first) == SEQUENCES
    for start in first:
        yield maps[start : start + FRAMES_A_SECOND]
