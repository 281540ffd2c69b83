"""Front ends: what turns a sensor's samples into the network's input, on the device."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from microformer.graph.int_graph import IntGraph
from microformer.graph.ops_audio import WEIGHT_BITS
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.project import CProject
from microformer.graph.tensor import Array


class SensorFrontEnd(Protocol):
    """What a front end says of itself; ``quantize.frontend`` makes its program.

    ``window`` is the shape of one window of int16 samples, ``map`` that of the part of the
    network's input which it becomes; ``bits`` is how large a sample may be. ``problem`` says what
    is wrong with its numbers. ``transforms`` counts the FFTs of a window, for figures a piece.
    ``hop``: samples from one window to the next, 0 where none is read twice.
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
    @property
    def hop(self) -> int: ...


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
    def hop(self) -> int:
        """Windows follow each other."""
        return 0

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


Reals = NDArray[np.float64]
_FFTS = (128, 256, 512, 1024)


@dataclass(frozen=True)
class LogMel:
    """Logarithms of sound's power in mel bands, or ``cepstra`` of them (MFCC), equation (18).

    A window is ``fft`` samples int16 at ``rate`` Hz, the next begins ``hop`` samples later; under a
    Hann window its spectrum's power is added up in ``mels`` triangular bands, as wide as each other
    on the mel scale, from ``low`` to ``high`` Hz. A feature is the logarithm to base 2 of a band's
    power (``features`` gives it in real numbers), no less than ``floor``; ``offset`` and ``unit``
    make the network's input of it, ``(feature - offset) / unit``. With ``cepstra`` it is one of so
    many coefficients of the cosine transform (DCT-II, orthonormal) of the bands' logarithms.
    """

    rate: int
    fft: int = 256
    hop: int = 160
    mels: int = 32
    cepstra: int = 0
    low: float = 60.0
    high: float = 0.0
    floor: float = 0.0
    offset: float = 16.0
    unit: float = 8.0
    bits: int = 16

    @property
    def window(self) -> tuple[int, ...]:
        """Samples of one window: [fft]."""
        return (self.fft,)

    @property
    def map(self) -> tuple[int, ...]:
        """What a window becomes: [mels or cepstra], a row of the network's input."""
        return (self.cepstra or self.mels,)

    @property
    def transforms(self) -> int:
        """FFTs of a window."""
        return 1

    @property
    def top(self) -> float:
        """Hz where the last band ends: ``high``, or half of the rate."""
        return self.high or self.rate / 2.0

    @property
    def problem(self) -> str:
        """What is wrong with its numbers, empty if nothing is."""
        if self.fft not in _FFTS:
            return f"fft is {self.fft}, none of {', '.join(map(str, _FFTS))}"
        if self.rate < 1 or not 1 <= self.hop <= self.fft or not 1 <= self.mels <= 128:
            return "rate must be 1 or more, hop 1 to fft, mels 1 to 128"
        if not 0 <= self.cepstra <= self.mels:
            return f"cepstra is {self.cepstra}, not between 0 and mels"
        if not 0.0 <= self.low < self.top <= self.rate / 2.0:
            return "low must be below high, and high at most half of the rate"
        if not (math.isfinite(self.offset) and 0.0 < self.unit < math.inf):
            return "offset must be finite and unit positive"
        if not -40.0 <= self.floor <= 40.0:
            return "floor must be between -40 and 40"
        if self.bits != 16:
            return f"bits is {self.bits}, not 16"
        if not all(count for _, count in self.bands):
            return f"{self.mels} bands are too narrow for bins of {self.rate / self.fft:.1f} Hz"
        return ""

    @property
    def gain(self) -> float:
        """What equation (18)'s logarithms are above those of the weights' and samples' units."""
        return WEIGHT_BITS - 2.0 * math.log2(self.fft / 2)

    def weights(self) -> Reals:
        """Triangular bands [mels, fft / 2] of each bin from 0 to fft / 2 - 1; that of 0 Hz is 0."""
        edges = _from_mel(np.linspace(_mel(self.low), _mel(self.top), self.mels + 2))
        hertz = np.arange(self.fft // 2) * self.rate / self.fft
        left, middle, right = (edges[i : i + self.mels, None] for i in range(3))
        rising, falling = (hertz - left) / (middle - left), (right - hertz) / (right - middle)
        made: Reals = np.maximum(np.minimum(rising, falling), 0.0)
        made[:, 0] = 0.0
        return made

    def counted(self) -> NDArray[np.int16]:
        """The same in units of 2^-7, as the program has them."""
        return _rounded(self.weights() * 2**WEIGHT_BITS)

    @property
    def bands(self) -> list[tuple[int, int]]:
        """(first bin, bins) of each band that have a weight."""
        found = []
        for row in self.counted():
            some = np.flatnonzero(row)
            found.append((int(some[0]), int(some[-1] - some[0] + 1)) if len(some) else (0, 0))
        return found

    def cosines(self) -> Reals:
        """The orthonormal DCT-II [cepstra, mels]."""
        turns = np.outer(np.arange(self.cepstra), np.arange(self.mels) + 0.5) / self.mels
        made: Reals = np.cos(np.pi * turns) * math.sqrt(2.0 / self.mels)
        made[:1] /= math.sqrt(2.0)
        return made

    def hann(self) -> NDArray[np.int16]:
        """The window [fft] in units of 2^-15."""
        turns = 2.0 * np.pi * np.arange(self.fft) / self.fft
        return _rounded(np.minimum((0.5 - 0.5 * np.cos(turns)) * 2**15, 32767))

    def windows(self, audio: Array) -> NDArray[np.int16]:
        """Windows [..., count, fft] of audio int16 [..., samples]; what fills none is left out."""
        count = (audio.shape[-1] - self.fft) // self.hop + 1
        starts = np.arange(max(count, 0))[:, None] * self.hop
        return np.asarray(audio[..., starts + np.arange(self.fft)], np.int16)

    def features(self, windows: Array) -> Reals:
        """The real feature of windows int16 [..., fft]: [..., mels or cepstra]."""
        spectrum = np.fft.rfft(windows * (self.hann() / 2.0**15), axis=-1)[..., : self.fft // 2]
        power = (np.abs(spectrum) ** 2) @ self.weights().T
        logs = np.log2(np.maximum(power, 1e-30)) + self.gain
        logs = np.maximum(logs, self.floor)
        made = logs @ self.cosines().T if self.cepstra else logs
        return np.asarray(made)

    def inputs(self, windows: Array) -> NDArray[np.float32]:
        """The network's real input of windows int16 [..., fft]: [..., mels or cepstra]."""
        return ((self.features(windows) - self.offset) / self.unit).astype(np.float32)


def _rounded(x: Reals) -> NDArray[np.int16]:
    whole: NDArray[np.int16] = np.floor(x + 0.5).astype(np.int16)
    return whole


def _mel(hertz: float) -> float:
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def _from_mel(mel: Reals) -> Reals:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """A front end of a compiled model: its program of one window, as ``graph`` and as C.

    ``project`` is an entry point of the network's own C project: they share all files.
    """

    spec: SensorFrontEnd
    graph: IntGraph
    project: CProject


FRONT_ENDS: dict[str, type[RangeDoppler] | type[LogMel]] = {
    "RangeDoppler": RangeDoppler,
    "LogMel": LogMel,
}
"""Every front end by the name under which a compiled folder keeps it."""
