"""``microformer demo tinyradar``: a simulated gesture, from radar samples to class."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from microformer import pipeline, targets
from microformer.cli.bars import PIPE_WIDTH, Bars
from microformer.demo import radar_paths
from microformer.demo.gestures import Recogniser, Recognition, recogniser
from microformer.graph.frontend import RangeDoppler
from microformer.graph.tensor import Array
from microformer.targets import RtlRunner, Target

CLUSTER, OTHERWISE = "pulp-ri5cy", "cortex-m7"


def choose_target() -> tuple[str, str]:
    """The demo's target, and why it is that one."""
    runner = targets.find(CLUSTER).runner
    assert isinstance(runner, RtlRunner)
    missing = pipeline.missing_rtl(runner.core)
    if not missing:
        return CLUSTER, "its RTL and Verilator are here, so cycles are exact"
    return OTHERWISE, f"{CLUSTER} would be exact, but cannot run here: {missing}"


def radar_demo(target: str | None, board_for: Callable[[str], Target], as_json: bool) -> None:
    """Run the shipped recordings; exit code 1 if a byte was wrong."""
    name, why = (target, "as asked for") if target else choose_target()
    board = board_for(name)
    with radar_paths() as paths:
        with np.load(paths.samples, allow_pickle=False) as file:
            shipped = dict(file)
        codes = shipped["codes"] << np.int16(shipped["left"])
        spec = RangeDoppler(
            points=codes.shape[4],
            sensors=codes.shape[2],
            count=float(shipped["count"]),
            unit=float(shipped["unit"]),
        )
        with Bars() as bars:
            with bars("load"):
                model = pipeline.load_model(paths.model)
            with bars("emit"):
                compiled = pipeline.compile_graph(
                    model, paths.graph, paths.constants, board, front=spec
                )
    console = Console(width=None if Console().is_terminal else PIPE_WIDTH, quiet=as_json)
    console.print(f"{board.name}: {why}", highlight=False)
    names = [str(gesture) for gesture in shipped["gestures"]]
    with recogniser(compiled, board) as recognise:
        made = _show(console, board, recognise, codes, shipped["y"], names)
    if as_json:
        print(json.dumps(_record(board, why, made, shipped["y"], names), indent=2))
    else:
        console.print(_summary(made, shipped["y"], board), highlight=False)
    if not all(one.bit_exact for one in made):
        raise typer.Exit(1)


def _show(
    console: Console,
    board: Target,
    recognise: Recogniser,
    codes: Array,
    y: Array,
    names: list[str],
) -> list[Recognition]:
    """A table that grows by a line as each gesture is recognised."""
    made: list[Recognition] = []
    with Live(_table(board, made, y, names), console=console, refresh_per_second=8) as live:
        for sequence in codes:
            made.append(recognise(sequence))
            live.update(_table(board, made, y, names), refresh=True)
    return made


def _table(board: Target, made: list[Recognition], y: Array, names: list[str]) -> Table:
    title = f"simulated gestures on {board.name}, from radar samples to class"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("gesture (simulated)", "found"):
        table.add_column(heading, no_wrap=True)
    parts = ("features ms", "network ms", "total ms", "features mJ", "network mJ", "total mJ")
    for heading in (*parts, "bit-exact"):
        table.add_column(heading, justify="right")
    for place, label in enumerate(y):
        if place >= len(made):
            table.add_row(names[label], "..." if place == len(made) else "")
            continue
        one = made[place]
        right = "green" if one.found == label else "red"
        costs = (one.features, one.network, one.total)
        table.add_row(
            names[label],
            f"[{right}]{names[one.found]}[/]",
            *(_figure(c.latency_ms, ".2f") for c in costs),
            *(_figure(c.energy_mj, ".3f") for c in costs),
            "yes" if one.bit_exact else "[red]NO[/]",
        )
    return table


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _summary(made: list[Recognition], y: Array, board: Target) -> str:
    """What the figures are."""
    right = sum(one.found == label for one, label in zip(made, y, strict=True))
    low, high = targets.BOARD_OVER_ESTIMATE
    kind = {
        "cycle-exact": "Cycles are those of the cores' own RTL; around them instruction fetch "
        "never stalls, and L2 is modelled (docs/cluster.md).",
        "estimate": f"Cycles are an estimate at {board.flash.wait_states or 'zero'} wait states; "
        f"two published models took {low:.2f} and {high:.2f} times zero wait states on a board.",
    }.get(made[0].cycles_kind or "", "There are no cycles of this target.")
    slow = made[0].on_board
    if slow is not None and slow.latency_ms is not None and board.board_flash is not None:
        energy = _figure(slow.energy_mj, ".3f")
        kind += (
            f" With the flash of {board.board} ({board.board_flash.wait_states} wait states) a "
            f"gesture takes {slow.latency_ms:.2f} ms, {energy} mJ."
        )
    return (
        f"\n{right} of {len(made)} right. "
        "A gesture is a second: five windows of 32 sweeps by two sensors, to range-Doppler maps, "
        f"then the network once. {kind}\nThe recordings are of a simulator; the network was "
        "trained on other simulated persons."
    )


def _record(
    board: Target, why: str, made: list[Recognition], y: Array, names: list[str]
) -> dict[str, Any]:
    return {
        "target": board.name,
        "board": board.board,
        "clock_hz": board.clock_hz,
        "wait_states": board.flash.wait_states,
        "cores": board.cores,
        "why": why,
        "simulated": True,
        "bit_exact": all(one.bit_exact for one in made),
        "gestures": [
            {"true": names[label]} | asdict(one) | {"found": names[one.found]}
            for label, one in zip(y, made, strict=True)
        ],
    }
