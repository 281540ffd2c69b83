"""One recording: ``<i>_info.txt``, ``<i>_s0.dat`` and, with two sensors, ``<i>_s1.dat``.

The files are the public data set's own. ``info.txt`` has one number a line; of its lines (counted
from 0) 1 is the number of sweeps, 2 the sweeps a second, 14 and 15 the range points of sensors 0
and 1. A ``.dat`` file is little-endian complex64, [sweeps, range points]. All are untrusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyradar.errors import RecordingError

Sweeps = NDArray[np.complex64]

SWEEPS_LINE, RATE_LINE, POINTS_LINES = 1, 2, (14, 15)
MAX_INFO_BYTES = 1 << 16
MAX_SWEEPS, MAX_POINTS, MAX_RATE = 1 << 16, 1 << 13, 10_000
MIN_SWEEPS = 32
"""Shorter recordings hold not one window and are skipped."""


@dataclass(frozen=True)
class Info:
    """What a recording says of itself: sweeps, sweeps a second, range points a sensor."""

    sweeps: int
    rate_hz: int
    points: tuple[int, ...]


def read_info(path: Path, sensors: int) -> Info:
    """Read ``info.txt`` of a recording by ``sensors`` sensors. Raises RecordingError."""
    try:
        if path.stat().st_size > MAX_INFO_BYTES:
            raise RecordingError(f"'{path}' is too large for an info file.")
        lines = path.read_text("ascii").splitlines()
    except FileNotFoundError:
        raise RecordingError(f"'{path}' is missing.") from None
    except (OSError, UnicodeDecodeError):
        raise RecordingError(f"'{path}' cannot be read as text.") from None
    sweeps = _number(lines, SWEEPS_LINE, MAX_SWEEPS, path)
    rate = _number(lines, RATE_LINE, MAX_RATE, path)
    points = [_number(lines, line, MAX_POINTS, path) for line in POINTS_LINES[:sensors]]
    return Info(sweeps, rate, tuple(points))


def _number(lines: Sequence[str], index: int, largest: int, path: Path) -> int:
    try:
        value = int(lines[index].strip())
    except IndexError:
        raise RecordingError(f"'{path}' ends before line {index + 1}.") from None
    except ValueError:
        raise RecordingError(f"'{path}', line {index + 1}, is not a whole number.") from None
    if not 0 < value <= largest:
        raise RecordingError(f"'{path}', line {index + 1}: {value} is not in 1..{largest}.")
    return value


def read_sweeps(path: Path, sweeps: int, points: int) -> Sweeps:
    """The samples of one sensor [sweeps, points], mapped, not loaded. Raises RecordingError."""
    expected = sweeps * points * np.dtype("<c8").itemsize
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise RecordingError(f"'{path}' is missing.") from None
    except OSError as error:
        raise RecordingError(f"'{path}' cannot be read: {error.strerror}.") from None
    if found != expected:
        raise RecordingError(
            f"'{path}' has {found} bytes where {sweeps} sweeps of {points} points are {expected}."
        )
    try:
        return np.memmap(path, "<c8", "r", shape=(sweeps, points))
    except OSError as error:
        raise RecordingError(f"'{path}' cannot be read: {error.strerror}.") from None


def read_recording(base: Path, sensors: int) -> tuple[Info, Sweeps]:
    """A recording as (info, samples [sensors, sweeps, points]); ``base`` is ``.../sess_0/3``.

    Raises RecordingError where a file is missing or wrong, sensors disagree, values are not
    finite, or fewer than MIN_SWEEPS sweeps were made.
    """
    info = read_info(base.with_name(f"{base.name}_info.txt"), sensors)
    if info.sweeps < MIN_SWEEPS:
        raise RecordingError(f"'{base}' is short: {info.sweeps} sweeps, not {MIN_SWEEPS}.")
    if len(set(info.points)) != 1:
        raise RecordingError(f"'{base}' has sensors of unequal range points {info.points}.")
    parts = [
        read_sweeps(base.with_name(f"{base.name}_s{i}.dat"), info.sweeps, info.points[i])
        for i in range(sensors)
    ]
    samples = np.stack(parts)
    if not np.isfinite(samples).all():
        raise RecordingError(f"'{base}' holds samples that are not finite.")
    return info, samples


def write_recording(base: Path, samples: Sweeps, rate_hz: int) -> None:
    """Write ``samples`` [sensors, sweeps, points] as the real set's files."""
    sensors, sweeps, points = samples.shape
    lines = ["0"] * 16
    lines[SWEEPS_LINE], lines[RATE_LINE] = str(sweeps), str(rate_hz)
    for line in POINTS_LINES[:sensors]:
        lines[line] = str(points)
    base.parent.mkdir(parents=True, exist_ok=True)
    for i in range(sensors):
        samples[i].astype("<c8").tofile(base.with_name(f"{base.name}_s{i}.dat"))
    base.with_name(f"{base.name}_info.txt").write_text("\n".join(lines) + "\n", "ascii")
