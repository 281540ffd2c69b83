"""Where marks fall on the axis of a drawing: round numbers, linear or by powers of ten."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A place on an axis in the drawing's units, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high`` drawn from ``begin`` to ``end`` (in the drawing's units)."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where ``value`` is drawn; what lies outside is drawn at the edge."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low) if high > low else 0.5
        return round(self.begin + min(max(share, 0.0), 1.0) * (self.end - self.begin), 1)

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value

    def marks(self, text: Callable[[float], str] = lambda v: f"{v:g}") -> tuple[Mark, ...]:
        """Powers of ten (with halves where there are few), or some five round numbers."""
        return tuple(Mark(self.at(value), text(value)) for value in self._values())

    def _values(self) -> list[float]:
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            heads = (1, 2, 5) if last - first <= 3 else (1,)
            found = [head * 10.0**power for power in range(first, last + 1) for head in heads]
        else:
            step = _round_step((self.high - self.low) / 5.0)
            first = math.ceil(self.low / step)
            found = [step * i for i in range(first, math.floor(self.high / step) + 1)]
        return [v for v in found if self.low <= v * (1 + 1e-9) and v <= self.high * (1 + 1e-9)]


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, ..."""
    if least <= 0.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(head * power for head in (1, 2, 5, 10) if head * power >= least * (1 - 1e-9))
