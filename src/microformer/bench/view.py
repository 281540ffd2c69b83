"""The bench as a table in a terminal."""

from rich import box
from rich.table import Table

from microformer.bench import Bench, Row
from microformer.bench.sweep import Cliff


def bench_table(made: Bench) -> Table:
    """One row a layer; the last column is what others reached on silicon."""
    title = f"{made.target}, cycles: {made.cycles_kind or 'no timing model'}, {_waits(made)}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("row", no_wrap=True)
    for heading in ("cycles", "MAC", "cyc/MAC", "instr/MAC", "of limit", "RAM", "code", "exact"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("published (silicon)")
    for row in made.rows:
        table.add_row(*_cells(row))
    low, high = made.board_over_estimate
    if made.cycles_kind == "estimate":
        table.caption = (
            f"A board takes {low} to {high} times what is estimated at zero wait states "
            "(two models on a NUCLEO-L4R5ZI)."
        )
        table.caption_justify = "left"
    if made.left_out:
        names = ", ".join(row.name for row in made.left_out)
        table.caption = f"Left out, as the weights do not fit into L1: {names}."
        table.caption_justify = "left"
    return table


def _waits(made: Bench) -> str:
    return f"{made.wait_states or 'zero'} wait states"


def _cells(row: Row) -> tuple[str, ...]:
    per_mac = "-" if row.cycles_per_mac is None else f"{row.cycles_per_mac:.3f}"
    if row.cycles_per_output is not None:
        per_mac = f"{row.cycles_per_output:.1f}/out"
    return (
        row.name,
        "-" if row.cycles is None else f"{row.cycles:,}",
        f"{row.macs:,}" if row.macs else "-",
        per_mac,
        "-" if row.instructions_per_mac is None else f"{row.instructions_per_mac:.3f}",
        "-" if row.limit_ratio is None else f"{row.limit_ratio:.0%}",
        f"{row.ram_bytes:,}",
        "-" if row.code_bytes is None else f"{row.code_bytes:,}",
        "yes" if row.bit_exact else "NO",
        "; ".join(f"{p.system} {p.cycles:,}" for p in row.published),
    )


def cliff_table(found: tuple[Cliff, ...]) -> Table:
    """Shapes that take far more cycles a MAC than their neighbour."""
    title = "More than 1.6 times their neighbour, cycles a MAC" if found else "No cliffs"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("row", "neighbour"):
        table.add_column(heading, no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    for cliff in found:
        table.add_row(cliff.name, cliff.neighbour, f"{cliff.ratio:.2f}")
    return table
