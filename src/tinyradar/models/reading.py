"""What a network reads of a set's sequences, and how they are varied while it trains."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.traces import FRAMES, Traces

Floats = NDArray[np.float32]

UNIT = 64.0
"""Counts of a cached feature that make 1.0 for a network."""


class Reader(Protocol):
    """From a set's own values to a network's input; ``step``: one range point in so many."""

    @property
    def step(self) -> int: ...

    def inputs(self, x: NDArray[Any]) -> Floats:
        """Sequences [N, ...] as the network reads them."""
        ...

    def varied(self, x: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
        """Sequences [N, ...] as the same hand might have made them another time."""
        ...


@dataclass(frozen=True)
class MapReader:
    """Range-Doppler maps uint8 [N, windows, 32, points, sensors], every ``step``-th range point.

    ``shift``: each sequence is moved by up to so many range points either way (a hand held nearer
    or farther; what comes in is 0); ``gain``: and multiplied by exp of a normal number of that
    deviation.
    """

    step: int
    shift: int = 0
    gain: float = 0.0

    def inputs(self, x: NDArray[Any]) -> Floats:
        """float32 [N, windows, 32, points / step, sensors]."""
        return x[:, :, :, :: self.step].astype(np.float32) / np.float32(UNIT)

    def varied(self, x: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
        """The same, moved along the range and amplified."""
        if not self.shift and not self.gain:
            return x
        made = np.zeros_like(x)
        points = x.shape[3]
        for sequence, result in zip(x, made, strict=True):
            by = int(random.integers(-self.shift, self.shift + 1))
            into, source = (
                slice(max(0, by), points + min(0, by)),
                slice(max(0, -by), points - max(0, by)),
            )
            level = np.float32(np.exp(random.normal(0.0, self.gain)))
            moved = np.rint(sequence[:, :, source].astype(np.float32) * level)
            result[:, :, into] = np.minimum(moved, 255.0).astype(np.uint8)
        return made


CODE = 32.0
"""Codes of a trace that make 1.0 for a network."""
_COUNTS, _DOPPLERS, _RANGES, _ANGLE = [0, 3, 6], [1, 4, 7], [2, 5, 8], 9


def codes(x: NDArray[Any]) -> NDArray[np.int8]:
    """Frames [..., 10] as the int8 that a device hands to the network: a table and a shift each.

    Counts of points go by their logarithm, 14 codes an octave, so that one point more is seen
    among three and not among three hundred; Doppler bins are doubled, ranges (0 to 11) spread by
    10, angles (-32 to 31) by 3. All ends are saturated.
    """
    x = x.astype(np.float32)
    made = np.empty_like(x)
    made[..., _COUNTS] = 14.0 * np.log2(1.0 + np.maximum(x[..., _COUNTS], 0.0)) - 64.0
    made[..., _DOPPLERS] = 2.0 * x[..., _DOPPLERS]
    made[..., _RANGES] = 10.0 * x[..., _RANGES] - 60.0
    made[..., _ANGLE] = 3.0 * x[..., _ANGLE]
    whole: NDArray[np.int8] = np.clip(np.rint(made), -128, 127).astype(np.int8)
    return whole


@dataclass(frozen=True)
class TraceReader:
    """Traces int16 [N, 28, 10] of the recorded set.

    While training a gesture begins up to ``shift`` frames earlier or later, is ``pace`` slower or
    faster (exp of a normal number of that deviation; Doppler as well), returns ``gain`` more or
    fewer points, is held ``place`` ranges farther or nearer and ``turn`` angles aside, and ``lost``
    of the frames see nothing.
    """

    step: int = 1
    shift: int = 3
    gain: float = 0.3
    pace: float = 0.1
    place: float = 0.7
    turn: float = 2.0
    lost: float = 0.05

    def inputs(self, x: NDArray[Any]) -> Floats:
        """float32 [N, 28, 10]: codes / CODE, so an int8 input of that step holds them exactly."""
        return codes(x).astype(np.float32) / np.float32(CODE)

    def varied(self, x: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
        """float32 [N, 28, 10], in the units of the set."""
        made = self._in_time(x, random)
        count = len(made)

        def each(deviation: float) -> Floats:
            return random.normal(0.0, deviation, (count, 1, 1)).astype(np.float32)

        made[..., _COUNTS] *= np.exp(each(self.gain))
        made[..., _DOPPLERS] *= np.exp(each(self.pace))
        made[random.random((count, FRAMES)) < self.lost] = 0.0
        seen = made[..., _RANGES] > 0.0
        moved = np.clip(made[..., _RANGES] + each(self.place), 0.0, 12.0)
        made[..., _RANGES] = np.where(seen, moved, 0.0)
        made[..., _ANGLE] += each(self.turn)[:, 0]
        return made

    def _in_time(self, x: Traces, random: np.random.Generator) -> Floats:
        middle = (FRAMES - 1) / 2.0
        moved = random.integers(-self.shift, self.shift + 1, (len(x), 1))
        pace = np.exp(random.normal(0.0, self.pace, (len(x), 1)))
        when = np.rint((np.arange(FRAMES) - middle) * pace + middle + moved)
        frames = np.clip(when, 0, FRAMES - 1).astype(np.int64)[:, :, None]
        return np.take_along_axis(x.astype(np.float32), frames, axis=1)
