"""Small tables of HTML for notebooks: no style of their own, every word escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(
    rows: Iterable[Sequence[object]],
    heads: Sequence[str] = (),
    *,
    caption: str = "",
    fold: str = "",
) -> str:
    """A table; ``fold`` is the line behind which it is folded away."""
    parts = ["<table>"]
    if caption:
        parts.append(f"<caption>{escape(caption)}</caption>")
    if heads:
        cells = "".join(f"<th>{escape(head)}</th>" for head in heads)
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    for row in rows:
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row)
        parts.append(f"<tr>{cells}</tr>")
    table = "".join([*parts, "</table>"])
    if not fold:
        return table
    return f"<details><summary>{escape(fold)}</summary>{table}</details>"
