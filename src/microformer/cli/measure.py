"""``microformer bench`` and ``audit``: measurements of layers, on a target and in accuracy."""

from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import (
    CalibrationSamples,
    Clock,
    Cores,
    EffortName,
    FixOption,
    FromOption,
    JsonFlag,
    Power,
    ResidualName,
    ShapeOption,
    SoftmaxName,
    TargetName,
    ToOption,
    WaitFlag,
    Weights,
    board_of,
    fixed_inputs,
    settings_of,
    shapes,
)
from microformer.errors import OutputError
from microformer.settings import DEFAULTS


def bench_command(
    target: TargetName = "cortex-m4",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Measure this row (repeatable), any shape.")
    ] = None,
    wait_states: WaitFlag = False,
    cores: Cores = None,
    weights: Weights = None,
    clock: Clock = None,
    power_mw: Power = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure attention layers, matrix products, norms and convolutions of known shapes."""
    from microformer.bench import DEFAULT_ROWS, bench
    from microformer.bench.view import bench_table
    from microformer.cli.bars import Bars, print_view

    board = board_of(
        *(target, cores, weights), clock=clock, power_mw=power_mw, wait_states=wait_states
    )
    with Bars() as bars, bars("bench") as advance:
        names = tuple(only) if only else DEFAULT_ROWS
        made = bench(names, board, progress=lambda done, total, _name: advance(done, total))
    if as_json:
        print(made.to_json())
    else:
        print_view(bench_table(made))
    if not all(row.bit_exact for row in made.rows):
        raise typer.Exit(1)


def audit_command(
    model: Annotated[Path, typer.Argument(help="The float model, .onnx.")],
    data: Annotated[Path, typer.Option(help="Samples .npz: x and, for accuracy, y.")],
    calibration: Annotated[
        Path | None, typer.Option(help="Other samples for the ranges (default: the same).")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Measure on so many.")] = 64,
    softmax: SoftmaxName = "lut",
    effort: EffortName = "normal",
    residual: ResidualName = "enough",
    calibration_samples: CalibrationSamples = DEFAULTS.samples,
    shape: ShapeOption = None,
    fix: FixOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    plot: Annotated[Path | None, typer.Option(help="Write an HTML page with the figures.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the page if it is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Find the layers that cost accuracy: each is put back to float and measured."""
    from microformer import pipeline
    from microformer.audit.view import audit_table
    from microformer.cli.bars import Bars, print_view
    from microformer.samples import read_samples

    settings = settings_of(softmax, effort, residual, calibration_samples)
    if plot is not None and plot.exists() and not force:
        raise OutputError(f"The page '{plot}' exists already; choose another or pass --force.")
    with Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(
                model,
                shape=shapes(shape),
                fixed=fixed_inputs(fix),
                inputs=begin or (),
                outputs=end or (),
            )
        given = read_samples(data, loaded)
        made = pipeline.audit_model(
            loaded,
            read_samples(calibration, loaded) if calibration is not None else given,
            given.first(samples),
            settings,
            progress=bars,
        )
    if plot is not None:
        pipeline.plot(made, plot)
    print(made.to_json()) if as_json else print_view(audit_table(made))
