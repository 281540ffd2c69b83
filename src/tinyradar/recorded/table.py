"""The terminal's view of ``Recorded``."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from tinyradar.recorded import Recorded
from tinyradar.reproduce.table import cost_cells, cost_table


def view(result: Recorded) -> Iterator[RenderableType]:
    """The parts to print, in order."""
    data = result.data
    word = "simulated" if data["simulated"] else "recorded"
    yield (
        f"{data['traces']} {word} traces of {data['persons']} persons, set {data['digest']}, "
        f"{data['skipped']} files skipped; folds {data['folds']} by person, seeds {data['seeds']}"
    )
    for protocol in dict.fromkeys(s.protocol for s in result.scores):
        yield _scores(result, protocol)
    for gap in result.differences():
        yield (
            f"{gap['protocol']}, {gap['arithmetic']}: transformer - {gap['than']} "
            f"{gap['points']:+.2f} points, standard error {gap['standard_error_by_person']:.2f} "
            "by person"
        )
    yield _targets(result)
    for one in result.programs:
        if one.on.reason:
            yield f"{one.model}, {one.protocol} gestures, on {one.on.target}: {one.on.reason}"


def _scores(result: Recorded, protocol: str) -> Table:
    mine = [s for s in result.scores if s.protocol == protocol]
    table = Table(title=f"{protocol}: {mine[0].traces} traces of {len(mine[0].by_person)} persons")
    table.add_column("who")
    table.add_column("arithmetic")
    for column in ("accuracy, %", "macro", "worst person", "error by person", "seeds"):
        table.add_column(column, justify="right")
    for s in mine:
        table.add_row(
            s.who,
            s.arithmetic or "-",
            f"{100 * s.accuracy:.2f}",
            f"{100 * s.macro:.2f}",
            f"{100 * s.worst:.1f}",
            f"{100 * s.error:.2f}",
            " ".join(f"{100 * one:.2f}" for one in s.by_seed),
        )
    return table


def _targets(result: Recorded) -> Table:
    table = cost_table("one trace of 28 frames (1.54 s), end to end")
    for one in result.programs:
        cells = ("none, see below",) if one.on.reason else cost_cells(one.on, one.macs)
        table.add_row(f"{one.model}, {one.protocol}, {one.parameters:,}", one.on.target, *cells)
    return table
