"""``microformer run`` and ``demo``: a program on its target, every byte checked."""

from pathlib import Path
from typing import Annotated

import typer

from microformer import pipeline, targets
from microformer.cli.bars import Bars
from microformer.cli.board import board_with, show
from microformer.cli.options import (
    Cores,
    JsonFlag,
    SoftmaxName,
    TargetName,
    Weights,
    check_choices,
)
from microformer.demo import demo_paths
from microformer.samples import read_samples
from microformer.store import open_folder


def run_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    data: Annotated[Path, typer.Option(help="Samples .npz: x and, for accuracy, y.")],
    samples: Annotated[
        int | None, typer.Option(min=1, help="Run only so many on the target (all are checked).")
    ] = None,
    cores: Cores = None,
    weights: Weights = None,
    as_json: JsonFlag = False,
) -> None:
    """Build and run a compiled model on its target, check every byte, and report.

    With --cores or --weights other than it was compiled for, its C project is made anew.
    """
    with Bars() as bars:
        compiled = open_folder(folder)
        front = None if compiled.front is None else compiled.front.spec
        loaded = read_samples(data, compiled.float_model, front)
        board = board_with(pipeline.board_of(compiled), cores, weights)
        compiled = pipeline.recompiled(compiled, board)
        result = pipeline.run_model(compiled, loaded, board, count=samples, progress=bars)
    show(result, as_json)


_DEMO_ON_RTL = 30
"""Samples of the demo that a cluster runs: its simulation takes half a second for each."""


def demo_command(
    target: TargetName = "cortex-m4",
    softmax: SoftmaxName = "lut",
    cores: Cores = None,
    weights: Weights = None,
    as_json: JsonFlag = False,
) -> None:
    """The whole road on a vision transformer for handwritten digits that ships with microformer."""
    check_choices(softmax)
    board = board_with(targets.find(target), cores, weights)
    with demo_paths() as paths, Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
        made = pipeline.compile_model(loaded, calibration, board, softmax=softmax, progress=bars)
        count = _DEMO_ON_RTL if board.rtl else None
        result = pipeline.run_model(made.compiled, held_out, board, count=count, progress=bars)
    show(result, as_json)
