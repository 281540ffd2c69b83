"""The terminal's view of a ``Result``."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from tinyradar.dataset.folds import FOLDS
from tinyradar.reproduce import Result
from tinyradar.reproduce.front_table import front_table
from tinyradar.reproduce.measure import OnTarget


def view(result: Result) -> Iterator[RenderableType]:
    """The parts to print, in order."""
    word = "simulated" if result.data["simulated"] else "recorded"
    yield _networks(result, word)
    if len(result.data["folds"]) <= FOLDS:
        yield _folds(result)
    yield _targets(result)
    yield front_table(result.networks)
    refused = [(t, n) for n in result.networks for t in n.targets if t.reason]
    for target, network in refused:
        yield f"{network.model} on {target.target}: {target.reason}"
    for network in result.networks:
        for target in network.targets:
            if target.front is not None and target.front.reason:
                yield f"{network.model}'s features on {target.target}: {target.front.reason}"
    for name in result.claims:
        yield _claims(result, name, word)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _spread(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _networks(result: Result, word: str) -> Table:
    data = result.data
    title = (
        f"{data['sequences']} {word} sequences of {data['persons']} persons, "
        f"{len(data['folds'])} of {data['of']} folds by person"
    )
    table = Table(title=title)
    table.add_column("network")
    columns = (
        "accuracy, float",
        "spread",
        "int8",
        "spread",
        "parameters",
        "matrices, B",
        "constants, B",
    )
    for column in (*columns, "peak RAM, B", "matrices + RAM, B", "MAC"):
        table.add_column(column, justify="right")
    mean = sum(result.nearest) / len(result.nearest)
    table.add_row("nearest neighbour", _percent(mean))
    for n in result.networks:
        table.add_row(
            n.model,
            _percent(n.accuracy_float),
            _spread(n.spread_float),
            _percent(n.accuracy_int8),
            _spread(n.spread),
            f"{n.parameters:,}",
            f"{n.matrix_bytes:,}",
            f"{n.constant_bytes:,}",
            f"{n.peak_ram_bytes:,}",
            f"{n.matrix_bytes + n.peak_ram_bytes:,}",
            f"{n.macs:,}",
        )
    return table


def _folds(result: Result) -> Table:
    table = Table(title="by fold: float / int8, * trained in integers too")
    table.add_column("network")
    for number in result.data["folds"]:
        table.add_column(str(number), justify="right")
    for n in result.networks:
        cells = (
            f"{_percent(f.accuracy_float)} / {_percent(f.accuracy_int8)}"
            + "*" * f.trained_in_integers
            for f in n.folds
        )
        table.add_row(n.model, *cells)
    return table


def _targets(result: Result) -> Table:
    table = cost_table("one sequence, end to end, the network only")
    for network in result.networks:
        for target in network.targets:
            cells = ("not yet, see below",) if target.reason else cost_cells(target, network.macs)
            table.add_row(network.model, target.target, *cells)
    return table


def cost_table(title: str) -> Table:
    """An empty table of networks on targets, for ``cost_cells``."""
    table = Table(title=title)
    table.add_column("network")
    table.add_column("target")
    for column in ("cycles", "kind", "ms", "mJ", "MAC/cycle", "RAM, B", "flash, B", "bit-exact"):
        table.add_column(column, justify="right")
    return table


def cost_cells(on: OnTarget, macs: int) -> tuple[str, ...]:
    """Cycles, their kind, ms, mJ, MAC a cycle, RAM, flash, bit-exact."""

    def shown(value: float | None, form: str = ",") -> str:
        return "-" if value is None else format(value, form)

    return (
        shown(on.cycles),
        on.cycles_kind or "-",
        shown(on.latency_ms, ".2f"),
        shown(on.energy_mj, ".3f"),
        shown(macs / on.cycles if on.cycles else None, ".2f"),
        shown(on.ram_bytes),
        shown(on.flash_bytes),
        "yes" if on.bit_exact else "NO",
    )


def _claims(result: Result, name: str, word: str) -> Table:
    table = Table(title=f"{name}: published, and ours ({word})")
    table.add_column("claim")
    for column in ("published", "ours", "bar", "met"):
        table.add_column(column, justify="right")
    verdict = {True: "yes", False: "no", None: "-"}
    for claim in result.claims[name]:
        theirs = "-" if claim.theirs is None else f"{claim.theirs:,.2f}"
        ours = "not measured" if claim.ours is None else f"{claim.ours:,.2f}"
        table.add_row(claim.what, theirs, ours, claim.bar, verdict[claim.met])
    return table
