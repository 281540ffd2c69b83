"""``microformer run`` and ``demo``: a program on its target, every byte checked."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import (
    Cores,
    FlashFlag,
    JsonFlag,
    SoftmaxName,
    Weights,
    settings_of,
)


def run_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    data: Annotated[Path, typer.Option(help="Samples .npz: x and, for accuracy, y.")],
    samples: Annotated[
        int | None, typer.Option(min=1, help="Run only so many on the target (all are checked).")
    ] = None,
    cores: Cores = None,
    weights: Weights = None,
    flash: FlashFlag = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="Take C files that were changed since as they are.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Build and run a compiled model on its target, check every byte, and report.

    With --cores or --weights other than it was compiled for, its C project is made anew.
    """
    from microformer import pipeline, targets
    from microformer.cli.bars import Bars
    from microformer.cli.board import show
    from microformer.samples import read_samples
    from microformer.store import open_folder

    with Bars() as bars:
        compiled = open_folder(folder, edited=edited)
        front = None if compiled.front is None else compiled.front.spec
        loaded = read_samples(data, compiled.float_model, front)
        board = targets.resolve(compiled.target, cores, weights)
        compiled = pipeline.recompiled(compiled, board)
        board = targets.with_board_flash(board) if flash else board
        result = pipeline.run_model(compiled, loaded, board, count=samples, progress=bars)
    show(result, as_json)


_DEMO_ON_RTL = 30
"""Samples of the demo that a cluster runs: its simulation takes half a second for each."""


class Demo(StrEnum):
    """What there is to be tried."""

    DIGITS = "digits"
    TINYRADAR = "tinyradar"


def demo_command(
    what: Annotated[Demo, typer.Argument(help="Handwritten digits, or gestures by radar.")] = (
        Demo.DIGITS
    ),
    target: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", help="Default: cortex-m4; of tinyradar pulp-ri5cy, else cortex-m7."
        ),
    ] = None,
    softmax: SoftmaxName = "lut",
    cores: Cores = None,
    weights: Weights = None,
    flash: FlashFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """The whole pipeline on a shipped transformer: digits, or radar gestures."""
    from microformer import pipeline, targets
    from microformer.cli.bars import Bars
    from microformer.cli.board import show
    from microformer.cli.radar import radar_demo
    from microformer.demo import demo_paths
    from microformer.samples import read_samples

    settings = settings_of(softmax)
    if what is Demo.TINYRADAR:
        if softmax != "lut":
            raise typer.BadParameter("the shipped graph has lut", param_hint="--softmax")
        radar_demo(target, cores, weights, flash, as_json)
        return
    board = targets.resolve(target or "cortex-m4", cores, weights)
    board = targets.with_board_flash(board) if flash else board
    with demo_paths() as paths, Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
        made = pipeline.compile_model(loaded, calibration, board, settings, progress=bars)
        count = _DEMO_ON_RTL if board.is_cluster else None
        result = pipeline.run_model(made.compiled, held_out, board, count=count, progress=bars)
    show(result, as_json)
