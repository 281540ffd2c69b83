"""Tables for a terminal of any width: numbers survive, names are shortened, columns give way."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from microformer.page.numbers import middle

NARROW = 60
"""Below so many columns of the terminal, columns of a table stand closer."""
EDGES = 2
"""What the frame of a table takes beside its columns."""
LEAST = 6
"""Columns that a shortened name keeps at least."""


@dataclass(frozen=True)
class Column:
    """A heading and its cells. ``number``: to the right, and never shortened.

    Where there is no room for all, the column of the highest ``rank`` goes first; 0 stays always.
    """

    heading: str
    cells: Sequence[str | Text]
    number: bool = False
    rank: int = 0

    @property
    def natural(self) -> int:
        """Columns of the terminal that it would take."""
        return max((len(_plain(cell)) for cell in (self.heading, *self.cells)), default=0)

    @property
    def least(self) -> int:
        """Columns of the terminal that it takes where there is little room."""
        return self.natural if self.number else min(self.natural, LEAST)


@dataclass(frozen=True)
class FittedTable:
    """A table that fits the width at hand, whatever that is; what was left out is said below."""

    columns: tuple[Column, ...]
    title: str = ""
    elsewhere: str = "--csv and --json have them"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        kept = fitting(self.columns, options.max_width)
        padding = gap_of(options.max_width) - 1  # the frame has a space between columns
        table = Table(box=box.SIMPLE_HEAD, padding=(0, padding, 0, 0), pad_edge=False)
        if self.title:
            yield Text(self.title, style="italic")
        widths = _widths(kept, options.max_width)
        for column, width in zip(kept, widths, strict=True):
            heading = _short(column.heading, width)
            justify: JustifyMethod = "right" if column.number else "left"
            table.add_column(heading, justify=justify, no_wrap=True, min_width=width, width=width)
        for cells in zip(*(column.cells for column in kept), strict=True):
            table.add_row(*(_short(c, w) for c, w in zip(cells, widths, strict=True)))
        yield table
        left = [column.heading for column in self.columns if column not in kept]
        if left:
            yield Text(f"no room for {', '.join(left)}: {self.elsewhere}", style="dim")


def gap_of(width: int) -> int:
    """Spaces between columns."""
    return 1 if width < NARROW else 2


def fitting(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """The columns for which there is room, the most important ones at any rate."""
    kept = list(columns)
    while sum(column.least + gap_of(width) for column in kept) > width - EDGES:
        last = max(kept, key=lambda column: column.rank)
        if last.rank == 0:
            break
        kept.remove(last)
    return tuple(kept)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """The natural widths, the widest texts cut down until all fit."""
    widths = [column.natural for column in columns]
    over = sum(widths) + gap_of(width) * len(widths) - (width - EDGES)
    while over > 0:
        texts = [i for i, c in enumerate(columns) if not c.number and widths[i] > c.least]
        if not texts:
            break
        widest = max(texts, key=lambda i: widths[i])
        widths[widest] -= 1
        over -= 1
    return widths


def _plain(cell: str | Text) -> str:
    return cell.plain if isinstance(cell, Text) else cell


def _short(cell: str | Text, width: int) -> Text:
    """The cell in so many columns, without its middle where it is longer."""
    if isinstance(cell, Text) and len(cell.plain) <= width:
        return cell
    style = cell.style if isinstance(cell, Text) else ""
    return Text(middle(_plain(cell), max(width, 3)), style=style)
