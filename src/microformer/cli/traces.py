"""``microformer demo gestures``: traces of hands, by a network that learnt recorded ones."""

import json
from collections.abc import Callable

import numpy as np
import typer

from microformer import pipeline
from microformer.cli.bars import Bars
from microformer.cli.recognised import (
    Shown,
    console_of,
    kind_of_cycles,
    recognised,
    record,
    right_of,
)
from microformer.demo import gesture_paths
from microformer.demo.gestures import recogniser
from microformer.targets import Target

TARGET = "cortex-m4"
WHAT = "A trace is 28 frames of ten numbers, 1.54 s, as a radar's own software gives them."
WHENCE = (
    "These traces are of a small simulator (SIMULATED); the network was trained on recorded hands "
    "(M-Gesture), whose figures are in docs/tinyradar.md."
)


def gestures_demo(target: str | None, board_for: Callable[[str], Target], as_json: bool) -> None:
    """Run the shipped traces; exit code 1 if a byte was wrong."""
    board = board_for(target or TARGET)
    with gesture_paths() as paths:
        with np.load(paths.samples, allow_pickle=False) as file:
            shipped = dict(file)
        with Bars() as bars:
            with bars("load"):
                model = pipeline.load_model(paths.model)
            with bars("emit"):
                compiled = pipeline.compile_graph(model, paths.graph, paths.constants, board)
    shown = Shown(
        f"simulated gestures on {board.name}, from a trace to class",
        "gesture (simulated)",
        [str(gesture) for gesture in shipped["gestures"]],
        shipped["y"],
        shipped["x"],
    )
    console = console_of(as_json)
    with recogniser(compiled, board) as recognise:
        made = recognised(console, shown, recognise)
    if as_json:
        said = {"simulated": True, "trained_on": "recorded"}
        print(json.dumps(record(board, shown, made, "gestures", said), indent=2))
    else:
        kind = kind_of_cycles(made, board, "gesture")
        console.print(f"\n{right_of(shown, made)} {WHAT} {kind}\n{WHENCE}", highlight=False)
    if not all(one.bit_exact for one in made):
        raise typer.Exit(1)
