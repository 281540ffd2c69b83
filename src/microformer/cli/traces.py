"""``microformer demo gestures``: traces of hands, by a network that learnt recorded ones."""

from collections.abc import Callable

import numpy as np

from microformer import pipeline
from microformer.cli.bars import Bars
from microformer.cli.recognised import Shown, Words, recognise_all
from microformer.demo import gesture_paths
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
    words = Words("gesture", WHAT, WHENCE, {"simulated": True, "trained_on": "recorded"})
    recognise_all(compiled, board, shown, words, as_json)
