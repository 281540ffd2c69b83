"""``microformer estimate``: what a model would cost, before anything is built."""

from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import (
    Clock,
    Cores,
    CsvFlag,
    FixOption,
    FlashBytes,
    FromOption,
    JsonFlag,
    Power,
    RamBytes,
    ShapeOption,
    StateOption,
    TargetName,
    ToOption,
    Weights,
    board_of,
    fixed_inputs,
    shapes,
    state_pairs,
)


def estimate_command(
    model: Annotated[Path, typer.Argument(help="The model: .onnx, .tflite or .pt2.")],
    target: TargetName = "cortex-m4",
    data: Annotated[
        Path | None, typer.Option("--data", help="Samples for the scales; else random ones.")
    ] = None,
    shape: ShapeOption = None,
    fix: FixOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    state: StateOption = None,
    cores: Cores = None,
    weights: Weights = None,
    flash: FlashBytes = None,
    ram: RamBytes = None,
    clock: Clock = None,
    power_mw: Power = None,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Predict cycles, RAM and flash of a model, by layer, without build or emulator."""
    from microformer import pipeline
    from microformer.cli.bars import Bars, print_view
    from microformer.records import to_csv
    from microformer.report.estimate_view import estimate_view
    from microformer.samples import read_samples

    board = board_of(
        *(target, cores, weights), flash=flash, ram=ram, clock=clock, power_mw=power_mw
    )
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
        samples = None if data is None else read_samples(data, loaded)
        made = pipeline.estimate_model(loaded, board, samples, progress=bars)
    if as_json:
        print(made.to_json())
    elif as_csv:
        print(to_csv(made.table()), end="")
    else:
        print_view(estimate_view(made))
    if not made.fits:
        raise typer.Exit(1)
