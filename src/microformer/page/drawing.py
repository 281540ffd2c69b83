"""A drawing between two axes as plain shapes; the macro ``plane`` of charts.html.j2 shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from microformer.page.axes import Mark

WIDTH = 900
LEFT, RIGHT = 72, 12


@dataclass(frozen=True)
class Box:
    """A rectangle with its title; ``kind`` is its style."""

    x: float
    y: float
    width: float
    height: float
    title: str
    kind: str


@dataclass(frozen=True)
class Line:
    """A level across the drawing, and what is written at it."""

    y: float
    text: str
    kind: str


@dataclass(frozen=True)
class Drawing:
    """Boxes and dots between two axes. ``path`` joins the dots, where that means something."""

    height: int
    x: tuple[Mark, ...]
    y: tuple[Mark, ...]
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    path: str = ""
    width: int = WIDTH
    left: int = LEFT
    floor: int = 0


def dot(x: float, y: float, title: str, kind: str = "dot") -> Box:
    """A dot: a box of no size, of the kind "dot" or "faint"."""
    return Box(x, y, 0, 0, title, kind)


def joined(points: Sequence[tuple[float, float]]) -> str:
    """The path through points, as SVG has it."""
    return "M" + " L".join(f"{x} {y}" for x, y in points)
