"""The command ``microformer``: a thin view of the pipeline."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from microformer import __version__, pipeline, targets
from microformer.audit.view import audit_table
from microformer.bars import Bars, print_view
from microformer.bench import DEFAULT_ROWS, bench
from microformer.bench.view import bench_table
from microformer.demo import demo_paths
from microformer.errors import DataError, MicroformerError, OutputError
from microformer.graph.serialize import finite
from microformer.options import (
    Cores,
    EffortName,
    ExactOption,
    FixOption,
    FlashFlag,
    JsonFlag,
    ShapeOption,
    SoftmaxName,
    TargetName,
    Weights,
    check_choices,
    fixed_inputs,
    shapes,
)
from microformer.report import Report
from microformer.report.terminal import view
from microformer.samples import random_samples, read_samples
from microformer.store import open_folder, save
from microformer.store.folder import check_free
from microformer.targets import TARGETS, Target

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Transformers on microcontrollers: a float model in, a bit-exact int8 C program out.",
)


def _show(result: Report, as_json: bool) -> None:
    """Print the report; exit code 1 if the program was not bit-exact."""
    if as_json:
        print(result.to_json())
    else:
        print_view(view(result))
    if not result.bit_exact:
        raise typer.Exit(1)


def _board(board: Target, cores: int | None, weights: str | None) -> Target:
    """``board`` with the cores and the memory for weights that were asked for."""
    if cores is not None:
        board = targets.with_cores(board, cores)
    return board if weights is None else targets.with_weights(board, weights)


@app.command("targets")
def list_targets(as_json: JsonFlag = False) -> None:
    """List the targets."""
    if as_json:
        fields = ("name", "board", "flash_bytes", "ram_bytes", "clock_hz", "power_mw", "timing")
        print(json.dumps([{f: getattr(t, f) for f in fields} for t in TARGETS.values()], indent=2))
        return
    for target in TARGETS.values():
        print(target)


@app.command("compile")
def compile_command(
    model: Annotated[Path, typer.Argument(help="The float model, .onnx.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    target: TargetName,
    data: Annotated[Path | None, typer.Option(help="Samples .npz (x) for the ranges.")] = None,
    random_data: Annotated[bool, typer.Option(help="Calibrate on noise.")] = False,
    softmax: SoftmaxName = "lut",
    effort: EffortName = "normal",
    shape: ShapeOption = None,
    fix: FixOption = None,
    exact_import: ExactOption = False,
    cores: Cores = None,
    weights: Weights = None,
    force: Annotated[bool, typer.Option(help="Replace a folder written before.")] = False,
    dump_dir: Annotated[Path | None, typer.Option(help="A text file a stage.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compile a float model into a C project of 8-bit integers."""
    check_choices(softmax, effort)
    board = _board(targets.find(target), cores, weights)
    check_free(output, force=force)
    if dump_dir is not None and dump_dir.is_dir() and not force and any(dump_dir.iterdir()):
        raise OutputError(f"The dump folder '{dump_dir}' is not empty; choose another or --force.")
    if data is None and not random_data:
        raise DataError(
            "No samples to take the ranges from; give --data samples.npz, or --random-data to "
            "try the road without caring for accuracy."
        )
    with Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(
                model, shape=shapes(shape), fixed=fixed_inputs(fix), exact_import=exact_import
            )
        samples = read_samples(data, loaded) if data else random_samples(loaded, 8, seed=0)
        made = pipeline.compile_model(
            loaded,
            samples,
            board,
            softmax=softmax,
            meaningful=data is not None,
            effort=effort,
            progress=bars,
        )
        if dump_dir is not None:
            made.dump(dump_dir)
        save(made.compiled, output, force=force)
    project = made.compiled.project
    figures = {
        "model": project.name,
        "target": board.name,
        "softmax": softmax,
        "output": str(output),
        "meaningful_ranges": data is not None,
        "calibration_samples": made.tuned.ranges.samples,
        "effort": effort,
        "tuning": [asdict(step) for step in made.tuned.steps if step.kept],
        "layers": len(project.layers),
        "macs": sum(layer.macs for layer in project.layers),
        "weight_bytes": project.weight_bytes,
        "arena_bytes": project.arena_bytes,
        "flash_bytes": made.image.flash_bytes,
        "ram_bytes": made.image.ram_bytes,
    }
    if data is None:
        print("The ranges come from random data: they are meaningless.", file=sys.stderr)
    if as_json:
        print(json.dumps(finite(figures), indent=2))
        return
    print(f"{project.name} for {board}")
    print(f"  {len(project.layers)} layers, {figures['macs']:,} MAC, softmax {softmax}")
    flash = "" if made.image.flash_bytes is None else f"flash {made.image.flash_bytes:,} B, "
    ram = "" if made.image.ram_bytes is None else f"RAM {made.image.ram_bytes:,} B, "
    print(f"  {flash}weights {project.weight_bytes:,} B")
    print(f"  {ram}arena {project.arena_bytes:,} B")
    print(f"  ranges from {made.tuned.ranges.samples} samples, {len(made.tuned.steps)} trials")
    for step in made.tuned.steps:
        if step.kept:
            print(f"  {step}")
    print(f"written to {output}; next: microformer run {output} --data TEST.npz")


@app.command("run")
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
        loaded = read_samples(data, compiled.float_model)
        board = _board(pipeline.board_of(compiled), cores, weights)
        compiled = pipeline.recompiled(compiled, board)
        result = pipeline.run_model(compiled, loaded, board, count=samples, progress=bars)
    _show(result, as_json)


_DEMO_ON_RTL = 30
"""Samples of the demo that a cluster runs: its simulation takes half a second for each."""


@app.command("demo")
def demo(
    target: TargetName = "cortex-m4",
    softmax: SoftmaxName = "lut",
    cores: Cores = None,
    weights: Weights = None,
    as_json: JsonFlag = False,
) -> None:
    """The whole road on a vision transformer for handwritten digits that ships with microformer."""
    check_choices(softmax)
    board = _board(targets.find(target), cores, weights)
    with demo_paths() as paths, Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
        made = pipeline.compile_model(loaded, calibration, board, softmax=softmax, progress=bars)
        count = _DEMO_ON_RTL if board.rtl else None
        result = pipeline.run_model(made.compiled, held_out, board, count=count, progress=bars)
    _show(result, as_json)


@app.command("bench")
def bench_command(
    target: TargetName = "cortex-m4",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Measure this row (repeatable), any shape.")
    ] = None,
    flash: FlashFlag = False,
    cores: Cores = None,
    weights: Weights = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure attention layers, matrix products, norms and convolutions of known shapes."""
    board = _board(targets.find(target), cores, weights)
    if flash:
        board = targets.with_board_flash(board)
    with Bars() as bars, bars("bench") as advance:
        names = tuple(only) if only else DEFAULT_ROWS
        made = bench(names, board, progress=lambda done, total, _name: advance(done, total))
    if as_json:
        print(made.to_json())
    else:
        print_view(bench_table(made))
    if not all(row.bit_exact for row in made.rows):
        raise typer.Exit(1)


@app.command("audit")
def audit_command(
    model: Annotated[Path, typer.Argument(help="The float model, .onnx.")],
    data: Annotated[Path, typer.Option(help="Samples .npz: x and, for accuracy, y.")],
    calibration: Annotated[
        Path | None, typer.Option(help="Other samples for the ranges (default: the same).")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Measure on so many.")] = 64,
    softmax: SoftmaxName = "lut",
    effort: EffortName = "normal",
    shape: ShapeOption = None,
    fix: FixOption = None,
    plot: Annotated[Path | None, typer.Option(help="Write an HTML page with the figures.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find the layers that cost accuracy: each is put back to float and measured."""
    check_choices(softmax, effort)
    with Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(model, shape=shapes(shape), fixed=fixed_inputs(fix))
        given = read_samples(data, loaded)
        made = pipeline.audit_model(
            loaded,
            read_samples(calibration, loaded) if calibration is not None else given,
            given.first(samples),
            softmax=softmax,
            effort=effort,
            progress=bars,
        )
    if plot is not None:
        pipeline.plot(made, plot)
    print(made.to_json()) if as_json else print_view(audit_table(made))


@app.command("setup-pulp")
def setup_pulp() -> None:
    """Have pip bring the RTL of both PULP cores into the user's cache; once."""
    for folder in pipeline.fetch_rtl(lambda what: print(f"fetching {what}")):
        print(f"RTL with its licence: {folder}")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: one sentence and exit code 2 for whatever is the user's to mend."""
    try:
        app()
    except MicroformerError as error:
        print(f"microformer: {error}", file=sys.stderr)
        sys.exit(2)
