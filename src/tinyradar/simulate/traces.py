"""A small simulator of the recorded set's form, so that its loader and networks run without it.

A hand of some scatterers moves over a 77 GHz radar; in each frame of 55 ms a scatterer that moves
gives some detected points, by how near it is. A frame holds what the recorded ones hold
(``dataset/traces.py``): number, mean Doppler bin and mean range bin of all points, of those with
positive and with negative Doppler, and an angle. Only the five movements of the whole hand are
made. Whatever comes from here is called simulated.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.traces import FIVE, FRAME_MS, FRAMES, OPEN, VALUES, Traces, TraceSet
from tinyradar.dataset.tree import MARK
from tinyradar.errors import DatasetError
from tinyradar.simulate.people import generator

Floats = NDArray[np.float64]
Path2 = tuple[Floats, Floats]
"""Position of a hand's middle in metres at each moment: to the side, and above the radar."""

DOPPLER_M_S, RANGE_M, ANGLE_RAD = 0.06, 0.04, 0.045
"""Sizes of a bin. The recorded set's are not published; these give its usual values."""
SCATTERERS, SPREAD_M = 14, 0.035
STEPS = 5
"""Moments of a frame that are looked at."""


def _swipe(t: Floats, way: float, hand: "Hand") -> Path2:
    middle = 0.5 + hand.moment
    x = way * 0.30 * np.tanh((t - middle) / (0.20 / hand.pace))
    return x * hand.extent, np.full_like(t, hand.height)


def _circle(t: Floats, way: float, hand: "Hand") -> Path2:
    turn = 2 * np.pi * (1.3 * hand.pace * t + hand.phase)
    radius = 0.06 * hand.extent
    return way * radius * np.sin(turn), hand.height + radius * np.cos(turn)


def _knock(t: Floats, _way: float, hand: "Hand") -> Path2:
    """Two strokes away and back."""
    z = np.full_like(t, hand.height)
    for number in range(2):
        at = 0.42 + hand.moment + number * 0.34 / hand.pace
        z = z + 0.05 * hand.extent * np.exp(-(((t - at) / (0.10 / hand.pace)) ** 2))
    return np.full_like(t, hand.aside), z


_MOVES: dict[str, tuple[Callable[[Floats, float, "Hand"], Path2], float]] = {
    "knock": (_knock, 0.0),
    "lswipe": (_swipe, 1.0),
    "rswipe": (_swipe, -1.0),
    "clock": (_circle, 1.0),
    "counterclock": (_circle, -1.0),
}


class Hand:
    """One gesture of one person: all that varies, drawn from ``random``."""

    def __init__(self, random: np.random.Generator, person: np.random.Generator) -> None:
        self.pace = float(np.exp(person.normal(0, 0.12) + random.normal(0, 0.08)))
        self.extent = float(np.exp(person.normal(0, 0.15) + random.normal(0, 0.08)))
        self.height = float(0.29 + person.normal(0, 0.02) + random.normal(0, 0.01))
        self.aside = float(random.normal(0, 0.02))
        self.phase = float(random.random())
        self.moment = float(random.normal(0, 0.06))
        self.strength = float(np.exp(person.normal(0, 0.3) + random.normal(0, 0.15)))
        self.offsets = random.normal(0, SPREAD_M, (2, SCATTERERS))


def simulate_trace(gesture: str, person: int, number: int, seed: int) -> Traces:
    """int16 [FRAMES, VALUES]: the ``number``-th time that ``person`` makes ``gesture``."""
    label = FIVE.index(gesture)
    random = generator(seed, person, label, number)
    hand = Hand(random, generator(seed, person))
    step = FRAME_MS / 1000 / STEPS
    t: Floats = np.arange(FRAMES * STEPS + 1, dtype=np.float64) * step
    move, way = _MOVES[gesture]
    aside, above = move(t, way, hand)
    x = aside[:, None] + hand.offsets[0]  # [moments, SCATTERERS]
    z = above[:, None] + hand.offsets[1]
    away = np.hypot(x, z)
    speed = np.diff(away, axis=0) / step / DOPPLER_M_S
    shape = (FRAMES, STEPS * SCATTERERS)
    doppler = (speed + random.normal(0, 0.7, speed.shape)).reshape(shape)
    distance, angle = away[1:].reshape(shape), np.arctan2(x, z)[1:].reshape(shape)
    seen = np.minimum(np.abs(doppler) / 4.0, 1.0) * (np.abs(doppler) > 1.5)
    rate = 0.5 * hand.strength * (0.3 / distance) ** 4 * seen
    return _frames(doppler, distance, angle, random.poisson(rate), random)


def _frames(
    doppler: Floats,
    distance: Floats,
    angle: Floats,
    points: NDArray[np.int64],
    random: np.random.Generator,
) -> Traces:
    """Means over the detected ``points`` [FRAMES, looks] of all, of each sign of Doppler."""
    made = np.zeros((FRAMES, VALUES))
    for column, mine in ((0, points), (3, points * (doppler > 0)), (6, points * (doppler < 0))):
        count = mine.sum(axis=1)
        some = np.maximum(count, 1)
        made[:, column] = count
        made[:, column + 1] = (mine * doppler).sum(axis=1) / some
        made[:, column + 2] = (mine * distance).sum(axis=1) / some / RANGE_M
    count = points.sum(axis=1)
    last = random.normal(0, 8.0)
    for frame in range(FRAMES):  # where nothing is seen the angle stays as it was
        if count[frame]:
            last = float((points[frame] * angle[frame]).sum() / count[frame] / ANGLE_RAD)
            last += random.normal(0, 2.0)
        made[frame, 9] = last
    ends = np.array([1e9, 50, 11, 1e9, 50, 11, 1e9, 50, 11, 31])
    return np.trunc(np.clip(made, -ends - 1, ends)).astype(np.int16)


def simulate_traces(people: int, each: int, seed: int = 0) -> TraceSet:
    """``each`` traces of every one of the FIVE by each of ``people``."""
    who = [(p, g, n) for p in range(people) for g in FIVE for n in range(each)]
    return TraceSet(
        np.stack([simulate_trace(g, p, n, seed) for p, g, n in who]),
        np.array([FIVE.index(g) for _, g, _ in who], np.int64),
        tuple(f"{p + 1:03d}" for p, _, _ in who),
        (OPEN,) * len(who),
        FIVE,
        (),
        simulated=True,
    )


def write_traces(data: TraceSet, folder: Path) -> None:
    """Write files of the recorded set's names and form, marked as simulated."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text("Simulated by tinyradar.\n", "utf-8")
        counts: dict[tuple[str, str], int] = {}
        for frames, label, person in zip(data.x, data.y, data.persons, strict=True):
            gesture = data.gestures[label]
            number = counts.setdefault((person, gesture), 0)
            counts[person, gesture] += 1
            text = " ".join(f"11 {' '.join(str(v) for v in frame)} 0 0" for frame in frames)
            place = folder / person
            place.mkdir(exist_ok=True)
            (place / f"short_point_{person}_{gesture}_{number:03d}.txt").write_text(f"{text} END")
    except OSError as error:
        raise DatasetError(f"'{folder}' cannot be written: {error.strerror}.") from None
