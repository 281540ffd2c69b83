"""What is remembered of a tensor's values: extremes and a histogram."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.float_model import Range
from microformer.graph.tensor import Array

BINS = 2048
_SHRINKS = np.linspace(1.0, 0.4, 25)


class Observer:
    """Streams one tensor's values (any shapes) in two passes and proposes an int8 range."""

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf
        self.counts: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def see_extremes(self, value: Array) -> None:
        """First pass: widen the extremes."""
        self.low = min(self.low, float(value.min()))
        self.high = max(self.high, float(value.max()))

    def see_values(self, value: Array) -> None:
        """Second pass: fill the histogram between the extremes."""
        if self.high > self.low:
            self.counts += np.histogram(value, BINS, (self.low, self.high))[0]

    def range(self) -> Range:
        """The range [low, high], holding zero where it can, of least mean squared error."""
        if not self.high > self.low:
            return Range(self.low, self.high, self.low, self.high)
        width = (self.high - self.low) / BINS
        centres = np.asarray(self.low + width * (np.arange(BINS) + 0.5), np.float64)
        best = min(_SHRINKS, key=lambda shrink: self._error(centres, float(shrink)))
        return Range(self.low * best, self.high * best, self.low, self.high)

    def _error(self, centres: NDArray[np.float64], shrink: float) -> float:
        """Mean squared error of int8 over the range shrunk by ``shrink``: rounding + clipping."""
        low, high = min(self.low * shrink, 0.0), max(self.high * shrink, 0.0)
        step = (high - low) / 255.0
        clipped = np.clip(centres, low, high) - centres
        return float((self.counts * clipped**2).sum() / self.counts.sum() + step**2 / 12.0)
