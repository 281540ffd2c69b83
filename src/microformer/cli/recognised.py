"""What the demos that recognise one thing after another share: a table that grows, a record."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from microformer import targets
from microformer.cli.bars import PIPE_WIDTH
from microformer.demo.gestures import Recogniser, Recognition, recogniser
from microformer.graph.compiled import Compiled
from microformer.graph.tensor import Array
from microformer.page.columns import Column, FittedTable
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


def _table(shown: Shown, made: list[Recognition]) -> FittedTable:
    """What was made, what was found and what it cost; those that are to come are empty."""
    empty = [""] * (len(shown.y) - len(made))
    found = [
        Text(shown.names[one.found], style="green" if one.found == label else "red")
        for one, label in zip(made, shown.y, strict=False)
    ]
    columns = [
        Column(shown.heading, [shown.names[label] for label in shown.y]),
        Column("found", [*found, *["..."][: len(empty)], *empty[1:]]),
    ]
    parts = {"total": [one.total for one in made]}
    if all(one.features is not None for one in made):
        parts = {
            "features": [one.features for one in made if one.features is not None],
            "network": [one.network for one in made],
        } | parts
    for unit, form, rank in (("ms", ".2f", 1), ("mJ", ".3f", 2)):
        for name, costs in parts.items():
            values = [cost.latency_ms if unit == "ms" else cost.energy_mj for cost in costs]
            cells = [*(_figure(value, form) for value in values), *empty]
            more = rank - 1 if name == "total" else rank + 2
            columns.append(Column(f"{name} {unit}", cells, True, more))
    exact = ["yes" if one.bit_exact else "NO" for one in made]
    columns.append(Column("bit-exact", [*exact, *empty], True))
    return FittedTable(tuple(columns), shown.title, "--json has them")


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
