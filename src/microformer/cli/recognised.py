"""What the demos that recognise one thing after another share: a table that grows, a record."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from microformer import targets
from microformer.cli.bars import PIPE_WIDTH
from microformer.demo.gestures import Recogniser, Recognition, recogniser
from microformer.graph.compiled import Compiled
from microformer.graph.tensor import Array
from microformer.targets import Target


@dataclass(frozen=True, eq=False)
class Shown:
    """What is recognised: the table's ``title``, the ``heading`` of what is true, the classes'
    ``names``, the true classes ``y`` [N] and one input of the recogniser for each."""

    title: str
    heading: str
    names: list[str]
    y: Array
    inputs: Array


@dataclass(frozen=True)
class Words:
    """What is said of a demo: ``what`` is one of its things, ``about`` what that is, ``whence`` the
    inputs come from, ``first`` a line above the table; ``record`` goes into the JSON."""

    what: str
    about: str
    whence: str
    record: dict[str, Any]
    first: str = ""


def recognise_all(
    compiled: Compiled, board: Target, shown: Shown, words: Words, as_json: bool
) -> None:
    """Recognise all on ``board`` and print table and summary, or JSON; exit code 1 if a byte was
    wrong."""
    console = Console(width=None if Console().is_terminal else PIPE_WIDTH, quiet=as_json)
    if words.first:
        console.print(words.first, highlight=False)
    with recogniser(compiled, board) as recognise:
        made = _recognised(console, shown, recognise)
    if as_json:
        print(json.dumps(_record(board, shown, made, words), indent=2))
    else:
        right = sum(one.found == label for one, label in zip(made, shown.y, strict=True))
        kind = _kind_of_cycles(made, board, words.what)
        text = f"\n{right} of {len(made)} right. {words.about} {kind}\n{words.whence}"
        console.print(text, highlight=False)
    if not all(one.bit_exact for one in made):
        raise typer.Exit(1)


def _recognised(console: Console, shown: Shown, recognise: Recogniser) -> list[Recognition]:
    """Recognise all; a table that grows by a line with each."""
    made: list[Recognition] = []
    with Live(_table(shown, made), console=console, refresh_per_second=8) as live:
        for one in shown.inputs:
            made.append(recognise(one))
            live.update(_table(shown, made), refresh=True)
    return made


def _table(shown: Shown, made: list[Recognition]) -> Table:
    table = Table(
        title=shown.title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in (shown.heading, "found"):
        table.add_column(heading, no_wrap=True)
    alone = bool(made) and made[0].features is None
    parts = ("total",) if alone else ("features", "network", "total")
    for heading in (*(f"{p} ms" for p in parts), *(f"{p} mJ" for p in parts), "bit-exact"):
        table.add_column(heading, justify="right")
    for place, label in enumerate(shown.y):
        if place >= len(made):
            table.add_row(shown.names[label], "..." if place == len(made) else "")
            continue
        one = made[place]
        right = "green" if one.found == label else "red"
        costs = (one.total,) if one.features is None else (one.features, one.network, one.total)
        table.add_row(
            shown.names[label],
            f"[{right}]{shown.names[one.found]}[/]",
            *(_figure(c.latency_ms, ".2f") for c in costs),
            *(_figure(c.energy_mj, ".3f") for c in costs),
            "yes" if one.bit_exact else "[red]NO[/]",
        )
    return table


def _figure(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else format(value, form)


def _kind_of_cycles(made: list[Recognition], board: Target, what: str) -> str:
    """What the cycles are, and what the board's own flash makes of them."""
    low, high = targets.BOARD_OVER_ESTIMATE
    kind = {
        "cycle-exact": "Cycles are those of the cores' own RTL; around them instruction fetch "
        "never stalls, and L2 is modelled (docs/cluster.md).",
        "estimate": f"Cycles are an estimate at {board.flash.wait_states or 'zero'} wait states; "
        f"two published models took {low:.2f} and {high:.2f} times zero wait states on a board.",
    }.get(made[0].cycles_kind or "", "There are no cycles of this target.")
    slow = made[0].on_board
    if slow is not None and slow.latency_ms is not None and board.board_flash is not None:
        kind += (
            f" With the flash of {board.board} ({board.board_flash.wait_states} wait states) a "
            f"{what} takes {slow.latency_ms:.2f} ms, {_figure(slow.energy_mj, '.3f')} mJ."
        )
    return kind


def _record(board: Target, shown: Shown, made: list[Recognition], words: Words) -> dict[str, Any]:
    """All of it as plain data."""
    return {
        "target": board.name,
        "board": board.board,
        "clock_hz": board.clock_hz,
        "wait_states": board.flash.wait_states,
        "cores": board.cores,
        **words.record,
        "bit_exact": all(one.bit_exact for one in made),
        f"{words.what}s": [
            {"true": shown.names[label]} | asdict(one) | {"found": shown.names[one.found]}
            for label, one in zip(shown.y, made, strict=True)
        ],
    }
