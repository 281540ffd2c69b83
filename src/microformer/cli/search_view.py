"""A study as a person reads it in a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.errors import printable
from microformer.search import Finalist, Found


def search_view(made: Found, finalists: Sequence[Finalist]) -> RenderableType:
    """A summary, the front from few cycles to many, the finalists."""
    states = [t.state for t in made.trials]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    parts: list[RenderableType] = [
        Text(f"{len(states)} trials for {made.settings.target}: {counts}"),
        _front(made),
    ]
    if finalists:
        parts.append(_finalists(finalists))
    failed = [t for t in made.trials if t.why and t.state != "complete"]
    if failed and not made.front:
        parts.append(Text(f"trial {failed[-1].number}: {printable(failed[-1].why)}"))
    return Group(*parts)


def _front(made: Found) -> Table:
    table = Table(title="front", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("trial", "loss", "cycles (estimate)", "RAM, B", "flash, B"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("choices", overflow="fold")
    for one in made.on_front():
        choices = ", ".join(f"{name} {value}" for name, value in one.params.items())
        table.add_row(
            str(one.number),
            f"{one.loss:.4f}",
            _count(one.cycles),
            _count(one.ram_bytes),
            _count(one.flash_bytes),
            printable(choices),
        )
    return table


def _finalists(finalists: Sequence[Finalist]) -> Table:
    table = Table(title="finalists", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("trial", "losses", "unseen", "predicted", "measured", "RAM, B", "bit-exact"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in finalists:
        table.add_row(
            str(one.number),
            " ".join(f"{loss:.4f}" for loss in one.losses),
            " ".join(f"{score:.4f}" for score in one.scores) or "-",
            _count(one.predicted_cycles),
            printable(one.reason) or f"{_count(one.cycles)} {one.cycles_kind or ''}",
            _count(one.ram_bytes),
            {True: "yes", False: "NO", None: "-"}[one.bit_exact],
        )
    return table


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
