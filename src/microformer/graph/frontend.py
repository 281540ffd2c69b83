"""Front ends: what turns a sensor's samples into the network's input, on the device."""

import math
from dataclasses import dataclass
from typing import Protocol

from microformer.graph.int_graph import IntGraph
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.project import CProject


class SensorFrontEnd(Protocol):
    """What a front end says of itself; ``quantize.frontend`` makes its program.

    ``window`` is the shape of one window of int16 samples, ``map`` that of the part of the
    network's input which it becomes; ``bits`` is how large a sample may be. ``problem`` says what
    is wrong with its numbers. ``transforms`` counts the FFTs of a window, for figures a piece.
    """

    @property
    def window(self) -> tuple[int, ...]: ...
    @property
    def map(self) -> tuple[int, ...]: ...
    @property
    def bits(self) -> int: ...
    @property
    def problem(self) -> str: ...
    @property
    def transforms(self) -> int: ...


@dataclass(frozen=True)
class RangeDoppler:
    """Range-Doppler maps of a radar with complex samples, equation (13).

    A window is 32 sweeps of ``points`` range points by ``sensors`` sensors, int16 in phase and in
    quadrature; every ``step``-th point is read. ``bits`` is 16 for any int16, 14 where no sample
    leaves +-8,191. A magnitude of the FFT that is ``count`` in units of the samples is one count
    of the feature, ``min(round(magnitude / count), 255)``, and ``unit`` counts are 1.0 of the
    network's input [windows, 32, ceil(points / step), sensors].
    """

    points: int
    sensors: int
    count: float
    unit: float
    step: int = 1
    bits: int = 16

    @property
    def window(self) -> tuple[int, ...]:
        """Samples of one window: [sensors, 32, points, 2]."""
        return self.sensors, DOPPLER, self.points, 2

    @property
    def map(self) -> tuple[int, ...]:
        """What a window becomes: [32, ceil(points / step), sensors]."""
        return DOPPLER, -(-self.points // self.step), self.sensors

    @property
    def transforms(self) -> int:
        """FFTs of a window."""
        return self.map[1] * self.map[2]

    @property
    def problem(self) -> str:
        """What is wrong with its numbers, empty if nothing is."""
        sizes = (self.points, self.sensors, self.step)
        if min(sizes) < 1 or math.prod(self.window) > 2**24:
            return "points, sensors and step must be 1 or more, and a window below 32 MiB"
        if self.bits not in (14, 16):
            return f"bits is {self.bits}, neither 14 nor 16"
        if not (0.0 < self.count < math.inf and 0.0 < self.unit < math.inf):
            return "count and unit must be positive"
        return ""


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """A front end of a compiled model: its program of one window, as ``graph`` and as C.

    ``project`` is an entry point of the network's own C project: they share all files.
    """

    spec: SensorFrontEnd
    graph: IntGraph
    project: CProject


FRONT_ENDS: dict[str, type[RangeDoppler]] = {"RangeDoppler": RangeDoppler}
"""Every front end by the name under which a compiled folder keeps it."""
