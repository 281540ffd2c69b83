"""A study as one HTML page that needs nothing else: every trial, the front, the finalists."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from microformer.page import render
from microformer.page.axes import Axis
from microformer.page.drawing import LEFT, RIGHT, WIDTH, Drawing, dot, joined
from microformer.page.numbers import count, fixed
from microformer.scratch import write_whole
from microformer.search.finalists import Finalist
from microformer.search.record import Found, Tried

PACKAGE = "microformer.search"
HEIGHT, FLOOR = 340, 300


def write_page(made: Found, finalists: Sequence[Finalist], path: Path) -> None:
    """Write the page. OutputError where it cannot be written."""
    page = render(
        PACKAGE,
        "search.html.j2",
        s=made.settings,
        limits={k: v for k, v in asdict(made.settings.limits).items() if v is not None},
        trials=made.trials,
        front=set(made.front),
        finalists=finalists,
        drawing=_drawing(made),
    )
    write_whole(path, page)


def _drawing(made: Found) -> Drawing | None:
    """Loss over cycles, both by powers of ten; None where nothing was trained."""
    shown = [t for t in made.trials if t.loss is not None and t.cycles]
    if not shown:
        return None
    losses = [max(t.loss or 0.0, 1e-9) for t in shown]
    cycles = [float(t.cycles or 1) for t in shown]
    along = Axis(min(cycles) / 1.3, max(cycles) * 1.3, LEFT, WIDTH - RIGHT, log=True)
    up = Axis(min(losses) / 1.2, max(losses) * 1.2, FLOOR, 16, log=True)

    def place(one: Tried) -> tuple[float, float]:
        return along.at(float(one.cycles or 1)), up.at(max(one.loss or 0.0, 1e-9))

    front = set(made.front)
    dots = []
    for one in sorted(shown, key=lambda t: t.number in front):
        kind = "dot" if one.number in front else "faint"
        title = f"trial {one.number}: loss {fixed(one.loss, 4)}, {count(one.cycles)} cycles"
        dots.append(dot(*place(one), f"{title}; {one.choices}", kind))
    line = [place(one) for one in made.on_front()]
    path = joined(line) if len(line) > 1 else ""
    axes = along.marks(count), up.marks()
    return Drawing(HEIGHT, *axes, tuple(dots), path=path, floor=FLOOR)
