"""``microformer run`` and ``demo``: a program on its target, every byte checked."""

import sys
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from microformer.cli.options import (
    Clock,
    Cores,
    CsvFlag,
    FlashBytes,
    ForceFlag,
    HtmlPath,
    JsonFlag,
    Power,
    RamBytes,
    SoftmaxName,
    WaitFlag,
    Weights,
    board_of,
    settings_of,
)

if TYPE_CHECKING:
    from microformer.graph.compiled import Compiled
    from microformer.targets import Target


def run_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    data: Annotated[Path, typer.Option(help="Samples .npz: x and, for accuracy, y.")],
    samples: Annotated[
        int | None, typer.Option(min=1, help="Run only so many on the target (all are checked).")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Run all on the target, however long it takes.")
    ] = False,
    cores: Cores = None,
    weights: Weights = None,
    wait_states: WaitFlag = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="Take C files that were changed since as they are.")
    ] = False,
    html: HtmlPath = None,
    force: ForceFlag = False,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Build and run a compiled model on its target, check every byte, and report.

    With --cores or --weights other than it was compiled for, its C project is made anew.
    """
    from microformer import pipeline, targets
    from microformer.cli.bars import Bars
    from microformer.cli.board import check_page, show
    from microformer.errors import OutputError
    from microformer.samples import read_samples
    from microformer.store import keep_report, open_folder

    check_page(html, force)
    with Bars() as bars:
        compiled = open_folder(folder, edited=edited)
        front = None if compiled.front is None else compiled.front.spec
        loaded = read_samples(data, compiled.float_model, front)
        board = targets.resolve(compiled.target, cores, weights)
        compiled = pipeline.recompiled(compiled, board)
        board = targets.with_board_flash(board) if wait_states else board
        if samples is None and not every:
            samples = _within_patience(compiled, board, len(loaded))
        result = pipeline.run_model(compiled, loaded, board, count=samples, progress=bars)
    with suppress(OutputError):  # a folder that is not ours to write is run all the same
        keep_report(folder, result.to_json())
    show(result, as_json, as_csv=as_csv, html=html)


_PATIENCE_SECONDS = 60
_LEAST = 4


def _within_patience(compiled: "Compiled", target: "Target", count: int) -> int | None:
    """How many of ``count`` samples a target runs in a minute or so; None for all, and says so."""
    macs = max(sum(layer.macs for layer in compiled.project.layers), 1)
    if target.is_host:
        return None
    rate = 0.5e6 if target.is_cluster else 30e6  # MAC a second: of RTL, of an emulated core
    most = max(int(_PATIENCE_SECONDS * rate / macs), _LEAST)
    if most >= count:
        return None
    seconds = count * macs / rate
    print(
        f"{most} of {count} samples run on {target.name}, which takes a minute or so; all would "
        f"take some {seconds / 60:.0f} (--all, or --samples N). Accuracy is over all all the same.",
        file=sys.stderr,
    )
    return most


_DEMO_ON_RTL = 30
"""Samples of the demo that a cluster runs: its simulation takes half a second for each."""


class Demo(StrEnum):
    """What there is to be tried."""

    DIGITS = "digits"
    TINYRADAR = "tinyradar"
    GESTURES = "gestures"
    SPEECH = "speech"


def demo_command(
    what: Annotated[
        Demo,
        typer.Argument(
            help="digits (handwritten), tinyradar (gestures from a radar's samples), gestures (of "
            "a radar's traces), speech (spoken digits, of your recordings)."
        ),
    ] = Demo.DIGITS,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", help="Default: cortex-m4; of tinyradar pulp-ri5cy, else cortex-m7."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Of speech: your copy of the Free Spoken Digit Dataset.")
    ] = None,
    softmax: SoftmaxName = "lut",
    cores: Cores = None,
    weights: Weights = None,
    flash: FlashBytes = None,
    ram: RamBytes = None,
    clock: Clock = None,
    power_mw: Power = None,
    wait_states: WaitFlag = False,
    html: HtmlPath = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """The whole pipeline on a shipped transformer: digits, gestures, or speech."""
    from microformer import pipeline
    from microformer.cli.bars import Bars
    from microformer.cli.board import check_page, show
    from microformer.cli.radar import radar_demo
    from microformer.cli.speech import speech_demo
    from microformer.cli.traces import gestures_demo
    from microformer.demo import demo_paths
    from microformer.samples import read_samples

    settings = settings_of(softmax)
    board_for = partial(
        board_of,
        cores=cores,
        weights=weights,
        flash=flash,
        ram=ram,
        clock=clock,
        power_mw=power_mw,
        wait_states=wait_states,
    )
    if what is not Demo.DIGITS and html is not None:
        raise typer.BadParameter("it goes with digits", param_hint="--html")
    check_page(html, force)
    if what is not Demo.SPEECH and data is not None:
        raise typer.BadParameter("it goes with speech", param_hint="--data")
    if what is not Demo.DIGITS and softmax != "lut":
        raise typer.BadParameter("the shipped graph has lut", param_hint="--softmax")
    if what is Demo.TINYRADAR:
        radar_demo(target, board_for, as_json)
    elif what is Demo.GESTURES:
        gestures_demo(target, board_for, as_json)
    elif what is Demo.SPEECH:
        speech_demo(data, target, board_for, as_json)
    if what is not Demo.DIGITS:
        return
    board = board_for(target or "cortex-m4")
    with demo_paths() as paths, Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
        made = pipeline.compile_model(loaded, calibration, board, settings, progress=bars)
        count = _DEMO_ON_RTL if board.is_cluster else None
        result = pipeline.run_model(made.compiled, held_out, board, count=count, progress=bars)
    show(result, as_json, html=html)
