"""The bench as a table in a terminal."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.text import Text

from microformer.bench import Bench, Row
from microformer.bench.sweep import Cliff
from microformer.page.columns import Column, FittedTable


def bench_table(made: Bench) -> RenderableType:
    """One row a layer; the last column is what others reached on silicon."""
    title = f"{made.target}, cycles: {made.cycles_kind or 'no timing model'}, {_waits(made)}"

    def column(heading: str, text: Callable[[Row], str], rank: int) -> Column:
        return Column(heading, [text(row) for row in made.rows], True, rank)

    table = FittedTable(
        (
            Column("row", [row.name for row in made.rows]),
            column("cycles", lambda row: _count(row.cycles), 0),
            column("MAC", lambda row: _count(row.macs or None), 5),
            column("cyc/MAC", _cycles_per_mac, 0),
            column("instr/MAC", lambda row: _ratio(row.instructions_per_mac), 6),
            column("of limit", _of_limit, 2),
            column("RAM", lambda row: _count(row.ram_bytes), 4),
            column("code", lambda row: _count(row.code_bytes), 7),
            column("exact", lambda row: "yes" if row.bit_exact else "NO", 1),
            Column("published (silicon)", [_published(row) for row in made.rows], rank=8),
        ),
        title,
        "--json has them",
    )
    parts: list[RenderableType] = [table]
    low, high = made.board_over_estimate
    if made.cycles_kind == "estimate":
        sentence = (
            f"A board takes {low} to {high} times what is estimated at zero wait states "
            "(two models on a NUCLEO-L4R5ZI)."
        )
        parts.append(Text(sentence, style="dim"))
    if made.left_out:
        names = ", ".join(row.name for row in made.left_out)
        parts.append(Text(f"Left out, as the weights do not fit into L1: {names}.", style="dim"))
    return Group(*parts)


def _waits(made: Bench) -> str:
    return f"{made.wait_states or 'zero'} wait states"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _of_limit(row: Row) -> str:
    return "-" if row.limit_ratio is None else f"{row.limit_ratio:.0%}"


def _cycles_per_mac(row: Row) -> str:
    if row.cycles_per_output is not None:
        return f"{row.cycles_per_output:.1f}/out"
    return _ratio(row.cycles_per_mac)


def _published(row: Row) -> str:
    return "; ".join(f"{p.system} {p.cycles:,}" for p in row.published)


def cliff_table(found: tuple[Cliff, ...]) -> RenderableType:
    """Shapes that take far more cycles a MAC than their neighbour."""
    if not found:
        return Text("No cliffs")
    return FittedTable(
        (
            Column("row", [cliff.name for cliff in found]),
            Column("neighbour", [cliff.neighbour for cliff in found]),
            Column("times", [f"{cliff.ratio:.2f}" for cliff in found], True),
        ),
        "More than 1.6 times their neighbour, cycles a MAC",
    )
