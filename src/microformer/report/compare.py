"""Several reports side by side: figures, what changed against the first, and limits on that."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from microformer.errors import DataError
from microformer.page.numbers import count, fixed, percent, span
from microformer.records import to_json
from microformer.report.record import Report

Value = float | None


@dataclass(frozen=True)
class Metric:
    """A figure of a report: its name in the record, heading, unit, and whether less is better."""

    key: str
    heading: str
    unit: str
    less: bool = True

    def text(self, value: Value) -> str:
        """The figure as a person reads it."""
        match self.unit:
            case "%":
                return percent(value, 2)
            case "dB":
                return fixed(value)
            case "ms" | "mJ":
                return span(value, self.unit)
            case "MAC/cycle":
                return fixed(value, 3)
        return count(value)


METRICS = (
    Metric("latency_ms", "latency", "ms"),
    Metric("board_latency_ms", "latency with the board's flash", "ms"),
    Metric("cycles", "cycles", ""),
    Metric("board_cycles", "cycles with the board's flash", ""),
    Metric("instructions", "instructions", ""),
    Metric("macs_per_cycle", "MAC a cycle", "MAC/cycle", less=False),
    Metric("energy_mj", "energy", "mJ"),
    Metric("flash_bytes", "flash (L2), B", ""),
    Metric("ram_bytes", "RAM (L1), B", ""),
    Metric("arena_bytes", "arena, B", ""),
    Metric("weight_bytes", "constants, B", ""),
    Metric("stack_bytes", "stack seen, B", ""),
    Metric("accuracy_float", "accuracy, float", "%", less=False),
    Metric("accuracy_int8", "accuracy, int8", "%", less=False),
    Metric("sqnr_db", "SQNR, dB", "dB", less=False),
)
BY_KEY = {metric.key: metric for metric in METRICS}


@dataclass(frozen=True)
class Figure:
    """One metric of all reports; ``changes`` are relative to the first, None where unknown."""

    key: str
    heading: str
    values: tuple[Value, ...]
    changes: tuple[Value, ...]


@dataclass(frozen=True)
class LayerCosts:
    """A layer of one name and operation: cycles in each report, None where it has no such layer."""

    name: str
    op: str
    cycles: tuple[Value, ...]


@dataclass(frozen=True)
class Comparison:
    """What ``microformer compare`` says. ``broken`` are limits that a report exceeds."""

    names: tuple[str, ...]
    targets: tuple[str, ...]
    exact: tuple[bool, ...]
    cycles_kinds: tuple[str | None, ...]
    figures: tuple[Figure, ...]
    layers: tuple[LayerCosts, ...]
    broken: tuple[str, ...] = ()

    def to_json(self) -> str:
        """JSON text; what is not finite becomes null."""
        return to_json(self)


def compare(
    names: Sequence[str], reports: Sequence[Report], limits: Sequence[str] = ()
) -> Comparison:
    """Reports side by side, the first the one that the others are held against.

    ``limits``: as ``cycles>+2%`` (relative to the first), ``ram_bytes>+512`` (so much more than
    the first) or ``accuracy_int8<0.97`` (of each). Raises DataError for a limit that says nothing.
    """
    figures = []
    for metric in METRICS:
        values = tuple(getattr(report, metric.key) for report in reports)
        if any(value is not None for value in values):
            changes = tuple(_change(values[0], value) for value in values)
            figures.append(Figure(metric.key, metric.heading, values, changes))
    parsed = [_Limit.of(text) for text in limits]
    return Comparison(
        names=tuple(names),
        targets=tuple(_target(report) for report in reports),
        exact=tuple(report.exact for report in reports),
        cycles_kinds=tuple(report.cycles_kind for report in reports),
        figures=tuple(figures),
        layers=_layers(reports),
        broken=tuple(line for limit in parsed for line in limit.broken(names, reports)),
    )


def _target(report: Report) -> str:
    cores = f" x{len(report.cluster.cores)}" if report.cluster else ""
    return f"{report.target}{cores}"


def _change(first: Value, value: Value) -> Value:
    return None if not first or value is None else value / first - 1.0


def _layers(reports: Sequence[Report]) -> tuple[LayerCosts, ...]:
    """Layers by name and operation, in the order in which they come up."""
    keys = dict.fromkeys((layer.name, layer.op) for report in reports for layer in report.layers)
    by_key = [{(layer.name, layer.op): layer.cycles for layer in r.layers} for r in reports]
    return tuple(LayerCosts(*key, tuple(costs.get(key) for costs in by_key)) for key in keys)


_FORM = re.compile(r"\s*(\w+)\s*([<>])\s*([+-]?)(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class _Limit:
    """``metric`` may not be beyond ``bound``; ``relative`` to the first, in "%" or its own unit."""

    text: str
    metric: str
    above: bool
    bound: float
    relative: str

    @staticmethod
    def of(text: str) -> "_Limit":
        found = _FORM.fullmatch(text)
        if found is None or found[1] not in BY_KEY:
            raise DataError(
                f"'{text[:60]}' is no limit: write METRIC>+2%, METRIC<0.97 or METRIC>+512; metrics "
                f"are {', '.join(BY_KEY)}."
            )
        bound = float(found[4]) * (-1.0 if found[3] == "-" else 1.0)
        relative = found[5] or ("own" if found[3] else "")
        return _Limit(text.strip(), found[1], found[2] == ">", bound, relative)

    def broken(self, names: Sequence[str], reports: Sequence[Report]) -> list[str]:
        """A sentence for each report that is beyond the bound."""
        values = [getattr(report, self.metric) for report in reports]
        lines = []
        others = range(1, len(reports)) if self.relative else range(len(reports))
        for i in others:
            value, first = values[i], values[0]
            if value is None or (self.relative and first is None):
                lines.append(f"{names[i]}: {self.metric} is not known: '{self.text}'")
                continue
            got = self._measured(first, value)
            if got > self.bound if self.above else got < self.bound:
                text = BY_KEY[self.metric].text
                before = f" (first: {text(first)})" if self.relative else ""
                lines.append(f"{names[i]}: {self.metric} {text(value)}{before}: '{self.text}'")
        return lines

    def _measured(self, first: Value, value: float) -> float:
        match self.relative:
            case "%":
                change = _change(first, value)
                same = 0.0 if value == first else float("inf")  # the first is zero
                return same if change is None else 100.0 * change
            case "own":
                return value - (first or 0.0)
        return value
