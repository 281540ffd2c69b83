"""``microformer bench`` and ``audit``: measurements of layers, on a target and in accuracy."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import (
    CalibrationSamples,
    Clock,
    Cores,
    CsvFlag,
    EffortName,
    FixOption,
    FromOption,
    JsonFlag,
    Power,
    ResidualName,
    ShapeOption,
    SoftmaxName,
    StateOption,
    TargetName,
    ToOption,
    WaitFlag,
    Weights,
    board_of,
    fixed_inputs,
    settings_of,
    shapes,
    state_pairs,
)
from microformer.errors import OutputError
from microformer.settings import DEFAULTS
from microformer.targets import Target


def _fit(board: Target, path: Path, only: list[str] | None) -> None:
    """Prices of the core's kernels to a file that is not there yet."""
    from microformer.bench.fit import FIT_ROWS, fit
    from microformer.cli.bars import Bars

    if path.exists():
        raise OutputError(f"'{path}' is there already; give another name.")
    with Bars() as bars, bars("bench") as advance:
        made = fit(board, tuple(only) if only else FIT_ROWS, progress=advance)
    try:
        path.write_text(made.to_json(), "utf-8")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from None
    worst = max(made.worst, key=lambda name: made.worst[name])
    print(f"{len(made.prices)} kernels of {board.name} priced, in {path}")
    print(f"  furthest from what was measured: {worst}, {made.worst[worst]:.1%} in a row")


def _sweep(board: Target, *, as_json: bool) -> None:
    """Shapes side by side, then those that cost far more than their neighbour."""
    from microformer.bench import bench
    from microformer.bench.sweep import SWEEPS, cliffs
    from microformer.bench.view import bench_table, cliff_table
    from microformer.cli.bars import Bars, print_view
    from microformer.records import to_json

    names = tuple(dict.fromkeys(name for sweep in SWEEPS for name in sweep))
    with Bars() as bars, bars("bench") as advance:
        made = bench(names, board, progress=lambda done, total, _name: advance(done, total))
    found = cliffs(made.rows)
    if as_json:
        print(to_json({"bench": made, "cliffs": found}))
        return
    print_view(bench_table(made))
    print_view(cliff_table(found))


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
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Shapes side by side; name those that fall off.")
    ] = False,
    fit: Annotated[
        Path | None,
        typer.Option("--fit", help="Price the core's kernels and write them here, .json."),
    ] = None,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure attention layers, matrix products, norms and convolutions of known shapes."""
    from microformer.bench import DEFAULT_ROWS, bench
    from microformer.bench.view import bench_table
    from microformer.cli.bars import Bars, print_view
    from microformer.records import to_csv

    board = board_of(
        *(target, cores, weights), clock=clock, power_mw=power_mw, wait_states=wait_states
    )
    if fit is not None:
        _fit(board, fit, only)
        return
    if sweep:
        _sweep(board, as_json=as_json)
        return
    with Bars() as bars, bars("bench") as advance:
        names = tuple(only) if only else DEFAULT_ROWS
        made = bench(names, board, progress=lambda done, total, _name: advance(done, total))
    if as_json:
        print(made.to_json())
    elif as_csv:
        rows = [{k: v for k, v in asdict(row).items() if k != "published"} for row in made.rows]
        print(to_csv(rows), end="")
    else:
        print_view(bench_table(made))
    if not all(row.bit_exact for row in made.rows):
        raise typer.Exit(1)


def audit_command(
    model: Annotated[Path, typer.Argument(help="The model: .onnx, .tflite or .pt2.")],
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
    state: StateOption = None,
    plot: Annotated[Path | None, typer.Option(help="Write an HTML page with the figures.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the page if it is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Find the layers that cost accuracy: each is put back to float and measured."""
    from microformer import pipeline
    from microformer.audit.view import audit_table
    from microformer.cli.bars import Bars, print_view
    from microformer.cli.board import check_page
    from microformer.samples import read_samples

    settings = settings_of(softmax, effort, residual, calibration_samples)
    check_page(plot, force)
    with Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(
                model,
                shape=shapes(shape),
                fixed=fixed_inputs(fix),
                inputs=begin or (),
                outputs=end or (),
                state=state_pairs(state),
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
