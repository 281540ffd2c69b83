"""``microformer compile``: a float model into a C project."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import (
    CalibrationSamples,
    Clock,
    Cores,
    EffortName,
    ExactOption,
    FixOption,
    FlashBytes,
    FromOption,
    FrontOption,
    JsonFlag,
    MelOption,
    OptimizeName,
    Power,
    RamBytes,
    ResidualName,
    ShapeOption,
    SoftmaxName,
    StateOption,
    TargetName,
    ToOption,
    Weights,
    board_of,
    fixed_inputs,
    front_end,
    settings_of,
    shapes,
    state_pairs,
)
from microformer.errors import DataError, OutputError, printable
from microformer.settings import DEFAULTS


def compile_command(
    model: Annotated[Path, typer.Argument(help="The model: .onnx, .tflite or .pt2.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    target: TargetName,
    data: Annotated[Path | None, typer.Option(help="Samples .npz (x) for the ranges.")] = None,
    random_data: Annotated[bool, typer.Option(help="Calibrate on noise.")] = False,
    softmax: SoftmaxName = "lut",
    optimize: OptimizeName = "speed",
    effort: EffortName = "normal",
    residual: ResidualName = "enough",
    calibration_samples: CalibrationSamples = DEFAULTS.samples,
    shape: ShapeOption = None,
    fix: FixOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    state: StateOption = None,
    exact_import: ExactOption = False,
    range_doppler: FrontOption = None,
    log_mel: MelOption = None,
    cores: Cores = None,
    weights: Weights = None,
    flash: FlashBytes = None,
    ram: RamBytes = None,
    clock: Clock = None,
    power_mw: Power = None,
    force: Annotated[bool, typer.Option(help="Replace a folder written before.")] = False,
    dump_dir: Annotated[Path | None, typer.Option(help="A text file a stage.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compile a float model into a C project of 8-bit integers."""
    from microformer import pipeline
    from microformer.cli.bars import Bars
    from microformer.noise import random_samples
    from microformer.pipeline.compile import CompileRecord, KeptScale
    from microformer.records import to_json
    from microformer.samples import read_samples
    from microformer.store import save
    from microformer.store.folder import check_free

    settings = settings_of(softmax, effort, residual, calibration_samples, optimize)
    front = front_end(range_doppler, log_mel)
    board = board_of(
        *(target, cores, weights), flash=flash, ram=ram, clock=clock, power_mw=power_mw
    )
    check_free(output, force=force)
    if dump_dir is not None and dump_dir.is_dir() and not force and any(dump_dir.iterdir()):
        raise OutputError(f"The dump folder '{dump_dir}' is not empty; choose another or --force.")
    if data is None and not random_data:
        raise DataError(
            "No samples to take the ranges from; give --data samples.npz, or --random-data to "
            "try the pipeline without caring for accuracy."
        )
    with Bars() as bars:
        with bars("load"):
            loaded = pipeline.load_model(
                model,
                shape=shapes(shape),
                fixed=fixed_inputs(fix),
                exact_import=exact_import,
                inputs=begin or (),
                outputs=end or (),
                state=state_pairs(state),
            )
        samples = read_samples(data, loaded) if data else random_samples(loaded, 8, seed=0)
        made = pipeline.compile_model(
            loaded,
            samples,
            board,
            settings,
            calibrated=data is not None,
            front=front,
            progress=bars,
        )
        if dump_dir is not None:
            made.dump(dump_dir)
        save(made.compiled, output, force=force)
    project = made.compiled.project
    figures = CompileRecord(
        model=project.name,
        target=board.name,
        softmax=softmax,
        output=str(output),
        calibrated=data is not None,
        calibration_samples=made.tuned.ranges.samples,
        effort=effort,
        residual=residual,
        int16_tensors=made.tuned.int16_tensors,
        tuning=tuple(step for step in made.tuned.steps if step.kept),
        layers=len(project.layers),
        macs=sum(layer.macs for layer in project.layers),
        weight_bytes=project.weight_bytes,
        arena_bytes=project.arena_bytes,
        flash_bytes=made.image.flash_bytes,
        ram_bytes=made.image.ram_bytes,
        notes=made.compiled.int_graph.notes,
        imported_scales=tuple(KeptScale(**asdict(s), kept=s.kept) for s in made.imported),
    )
    if data is None:
        print("The ranges come from random data: they are meaningless.", file=sys.stderr)
    if as_json:
        print(to_json(figures))
        return
    print(f"{project.name} for {board}")
    print(f"  {len(project.layers)} layers, {figures.macs:,} MAC, softmax {softmax}")
    flash = "" if made.image.flash_bytes is None else f"flash {made.image.flash_bytes:,} B, "
    ram = "" if made.image.ram_bytes is None else f"RAM {made.image.ram_bytes:,} B, "
    print(f"  {flash}weights {project.weight_bytes:,} B")
    print(f"  {ram}arena {project.arena_bytes:,} B")
    print(f"  ranges from {made.tuned.ranges.samples} samples, {len(made.tuned.steps)} trials")
    if made.tuned.int16_tensors or residual in ("int16", "auto"):
        gained = "" if made.tuned.int16_tensors else ": more gained nothing beyond chance"
        print(f"  {len(made.tuned.int16_tensors)} tensors of the residual stream in int16{gained}")
    if made.imported:
        kept = sum(scale.kept for scale in made.imported)
        print(
            f"  {kept} of the file's {len(made.imported)} scales kept, the others merged (--json)"
        )
    for note in made.compiled.int_graph.notes:
        print(f"  note: {printable(note)}")
    for step in made.tuned.steps:
        if step.kept:
            print(f"  {printable(str(step))}")
    print(f"written to {output}; next: microformer run {output} --data TEST.npz")
