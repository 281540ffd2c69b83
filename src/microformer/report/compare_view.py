"""A comparison as a person reads it: in a terminal, and as a page."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.errors import printable
from microformer.page import render
from microformer.report.compare import BY_KEY, Comparison, Figure, Value
from microformer.report.html import PACKAGE

ENOUGH = 0.0005
"""A change below half a tenth of a percent is not shown."""


def change_text(change: Value) -> str:
    """+2.1 %, or nothing where nothing changed."""
    return "" if change is None or abs(change) < ENOUGH else f"{100 * change:+.1f} %"


def is_worse(figure: Figure, change: Value) -> bool | None:
    """Whether a change is for the worse; None where there is none to speak of."""
    if not change_text(change) or change is None:
        return None
    return (change > 0) == BY_KEY[figure.key].less


def compare_view(made: Comparison, width: int) -> RenderableType:
    """A column a report, or, where the terminal is narrow, a block a report; numbers survive."""
    if width < 30 + 14 * len(made.names):
        return Group(*_blocks(made), *_ends(made))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in made.names:
        table.add_column(printable(name), justify="right", overflow="fold")
    table.add_row("target", *made.targets)
    table.add_row("bit-exact", *("yes" if exact else "NO" for exact in made.exact))
    for figure in made.figures:
        table.add_row(figure.heading, *_cells(figure))
    return Group(table, *_ends(made))


def _cells(figure: Figure) -> list[Text]:
    text = BY_KEY[figure.key].text
    cells = []
    for value, change in zip(figure.values, figure.changes, strict=True):
        cell = Text(text(value))
        if said := change_text(change):
            style = "red" if is_worse(figure, change) else "green"
            cell.append(f"\n{said}", style=style)
        cells.append(cell)
    return cells


def _blocks(made: Comparison) -> list[RenderableType]:
    blocks: list[RenderableType] = []
    for i, name in enumerate(made.names):
        exact = "bit-exact" if made.exact[i] else "NOT bit-exact"
        blocks.append(Text(f"{printable(name)}: {made.targets[i]}, {exact}", style="bold"))
        table = Table.grid(padding=(0, 1))
        for figure in made.figures:
            table.add_row(f"  {figure.heading}", _cells(figure)[i])
        blocks.append(table)
    return blocks


def _ends(made: Comparison) -> list[Text]:
    kinds = sorted({kind or "instructions only" for kind in made.cycles_kinds})
    lines = [Text(f"cycles: {', '.join(kinds)}; changes are against {printable(made.names[0])}")]
    return lines + [Text(f"beyond its limit: {line}", style="bold red") for line in made.broken]


def compare_page(made: Comparison) -> str:
    """The whole page as text."""
    return render(PACKAGE, "compare.html.j2", c=made, figures=_rows(made), layers=_layers(made))


def _rows(made: Comparison) -> list[tuple[str, list[tuple[str, str, str, float | None]]]]:
    """(heading, a (text, change, its kind, share of the largest) a report)."""
    rows = []
    for figure in made.figures:
        most = max((v for v in figure.values if v is not None), default=0.0)
        text = BY_KEY[figure.key].text
        cells = []
        for value, change in zip(figure.values, figure.changes, strict=True):
            kind = {None: "", True: "bad", False: "good"}[is_worse(figure, change)]
            share = None if value is None or most <= 0 else max(value, 0.0) / most
            cells.append((text(value), change_text(change), kind, share))
        rows.append((figure.heading, cells))
    return rows


def _layers(made: Comparison) -> list[tuple[str, str, Sequence[Value], Sequence[float]]]:
    """(name, operation, cycles, each over the most of its report)."""
    columns = zip(*(row.cycles for row in made.layers), strict=True)
    most = [max(cycles or 0 for cycles in column) for column in columns]
    return [
        (
            *(row.name, row.op, row.cycles),
            [(c or 0) / m if m else 0.0 for c, m in zip(row.cycles, most, strict=True)],
        )
        for row in made.layers
    ]
