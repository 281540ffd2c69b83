"""A study as a person reads it in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from microformer.errors import printable
from microformer.page.columns import Column, FittedTable
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


def _front(made: Found) -> FittedTable:
    front = made.on_front()
    return FittedTable(
        (
            Column("trial", [str(one.number) for one in front], True),
            Column("loss", [f"{one.loss:.4f}" for one in front], True),
            Column("cycles (est.)", [_count(one.cycles) for one in front], True),
            Column("RAM, B", [_count(one.ram_bytes) for one in front], True, 2),
            Column("flash, B", [_count(one.flash_bytes) for one in front], True, 3),
            Column("choices", [printable(one.choices) for one in front], rank=1),
        ),
        "front",
        "--json has them",
    )


def _finalists(finalists: Sequence[Finalist]) -> FittedTable:
    def numbers(values: Sequence[float]) -> str:
        return " ".join(f"{value:.4f}" for value in values) or "-"

    exact = {True: "yes", False: "NO", None: "-"}
    return FittedTable(
        (
            Column("trial", [str(one.number) for one in finalists], True),
            Column("losses", [numbers(one.losses) for one in finalists], True, 4),
            Column("unseen", [numbers(one.scores) for one in finalists], True, 1),
            Column("predicted", [_count(one.predicted_cycles) for one in finalists], True),
            Column("measured", [_measured(one) for one in finalists], True),
            Column("RAM, B", [_count(one.ram_bytes) for one in finalists], True, 3),
            Column("bit-exact", [exact[one.bit_exact] for one in finalists], True, 2),
        ),
        "finalists",
        "--json has them",
    )


def _measured(one: Finalist) -> str:
    return printable(one.reason) or f"{_count(one.cycles)} {one.cycles_kind or ''}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
