"""What is remembered of a tensor's values: extremes and a histogram."""

import numpy as np
from numpy.typing import NDArray

from microformer.graph.float_model import Range
from microformer.graph.tensor import Array

BINS = 2048
TAIL = 0.0005
"""Share of the values that the percentile observer leaves out at each end."""
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
            peak = np.float32(max(abs(self.low), abs(self.high)))
            if (self.high - self.low) / BINS < 4 * np.spacing(peak):  # float32 has no such bins
                value = value.astype(np.float64)
            self.counts += np.histogram(value, BINS, (self.low, self.high))[0]

    def range(self) -> Range:
        """The range [low, high], holding zero where it can, of least mean squared error."""
        if not self.high > self.low:
            return Range(self.low, self.high, self.low, self.high)
        width = (self.high - self.low) / BINS
        centres = np.asarray(self.low + width * (np.arange(BINS) + 0.5), np.float64)
        best = min(_SHRINKS, key=lambda shrink: self._error(centres, float(shrink)))
        nearest = min(_SHRINKS, key=lambda shrink: self._divergence(centres, float(shrink)))
        choices = (
            ("min-max", self.low, self.high),
            ("percentile", *self._percentile(width)),
            ("mse", self.low * best, self.high * best),
            ("entropy", self.low * nearest, self.high * nearest),
        )
        return Range(self.low * best, self.high * best, self.low, self.high, choices)

    def _percentile(self, width: float) -> tuple[float, float]:
        """Without the outermost 0.05 % of the values at each end, to whole bins."""
        cumulated = np.cumsum(self.counts)
        total = int(cumulated[-1])
        first = int(np.searchsorted(cumulated, TAIL * total, side="right"))
        last = int(np.searchsorted(cumulated, (1.0 - TAIL) * total, side="left"))
        return self.low + width * first, self.low + width * (min(last, BINS - 1) + 1)

    def _divergence(self, centres: NDArray[np.float64], shrink: float) -> float:
        """Kullback-Leibler divergence of the values from their int8 form over a shrunk range.

        As Migacz (8-bit inference with TensorRT, 2017): P holds the clipped values at its ends, Q
        spreads what falls on a level over the bins of P that are not empty there.
        """
        low, high = min(self.low * shrink, 0.0), max(self.high * shrink, 0.0)
        step = (high - low) / 255.0
        level = np.floor(np.clip((centres - low) / step, 0, 255) + 0.5).astype(np.int64)
        p = self.counts.astype(np.float64)
        q = np.where((centres >= low) & (centres <= high), p, 0.0)  # what is clipped is P's alone
        filled = (q > 0).astype(np.float64)
        share = np.bincount(level, q, 256) / np.maximum(np.bincount(level, filled, 256), 1.0)
        clipped = np.bincount(level, p - q, 256) / np.maximum(np.bincount(level, filled, 256), 1.0)
        p, q = (q + clipped[level]) * filled, share[level] * filled
        if not q.any():
            return np.inf  # the range holds none of the values
        p, q = p / p.sum(), q / q.sum()
        used = (p > 0) & (q > 0)
        return float((p[used] * np.log(p[used] / q[used])).sum())

    def _error(self, centres: NDArray[np.float64], shrink: float) -> float:
        """Mean squared error of int8 over the range shrunk by ``shrink``: rounding + clipping."""
        low, high = min(self.low * shrink, 0.0), max(self.high * shrink, 0.0)
        step = (high - low) / 255.0
        clipped = np.clip(centres, low, high) - centres
        return float((self.counts * clipped**2).sum() / self.counts.sum() + step**2 / 12.0)
