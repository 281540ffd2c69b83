"""Numbers as a page shows them: separated thousands, units, a dash for what is not known."""

from collections.abc import Callable
from typing import Any

UNKNOWN = "–"


def count(value: float | None) -> str:
    """1234567 -> 1,234,567."""
    return UNKNOWN if value is None else f"{round(value):,}"


def fixed(value: float | None, digits: int = 1) -> str:
    """A number with so many digits behind the point."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """0.123 -> 12.3 %."""
    return UNKNOWN if value is None else f"{100 * value:.{digits}f} %"


def kib(value: int | None) -> str:
    """Bytes below 1 KiB as they are, else in KiB."""
    if value is None:
        return UNKNOWN
    return f"{value:,} B" if value < 1024 else f"{value / 1024:,.1f} KiB"


def span(value: float | None, unit: str) -> str:
    """Three significant digits and the unit: 7.58 ms."""
    if value is None:
        return UNKNOWN
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f} {unit}"
    digits = max(0, 2 - len(str(int(abs(value)))) + 1) if abs(value) >= 1 else 3
    text = f"{value:.{digits}f}" if abs(value) >= 1 else f"{value:.3g}"
    return f"{text} {unit}"


def middle(name: str, width: int = 30) -> str:
    """A long name without its middle: its ends tell most."""
    if len(name) <= width:
        return name
    head = width // 3
    return f"{name[:head]}…{name[len(name) - (width - head - 1) :]}"


FILTERS: dict[str, Callable[..., Any]] = {
    "count": count,
    "fixed": fixed,
    "percent": percent,
    "kib": kib,
    "span": span,
    "middle": middle,
}
