"""Tables in the style of ``microformer``'s: a rule below the heads, numbers to the right."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table


def print_counts(what: str, rows: Mapping[str, Mapping[str, int]]) -> None:
    """A row for each of ``rows``, whose counts are the columns; names give way, numbers do not."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(what, no_wrap=True, overflow="ellipsis", min_width=6)
    for heading in next(iter(rows.values()), {}):
        width = max(len(f"{row[heading]:,}") for row in rows.values())
        table.add_column(heading, justify="right", min_width=width)
    for name, row in rows.items():
        table.add_row(name, *(f"{count:,}" for count in row.values()))
    Console().print(table)
