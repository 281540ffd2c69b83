"""``microformer export``: a compiled folder as a package of an ecosystem."""

import json
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import JsonFlag


def export_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="cmake, zephyr, arduino, platformio, cmsis-pack, esp-idf, pico-sdk or stm32cube.",
        ),
    ] = None,
    firmware: Annotated[
        str | None,
        typer.Option(help="Or a whole firmware that measures itself, for this board."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Samples .npz that the firmware measures with.")
    ] = None,
    energyrunner: Annotated[
        bool,
        typer.Option("--energyrunner", help="The firmware obeys MLPerf Tiny's EnergyRunner."),
    ] = False,
    version: Annotated[str, typer.Option(help="The package's own version.")] = "1.0.0",
    url: Annotated[
        str | None, typer.Option(help="The package's page, which some ecosystems ask for.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a folder exported before.")] = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="Take C files that were changed since as they are.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a compiled model as a package: sources, metadata, README and an example."""
    from microformer import pipeline, targets
    from microformer.cli.bars import Bars
    from microformer.samples import read_samples
    from microformer.store import open_folder
    from microformer.store.folder import check_free, write_folder

    if (form is None) == (firmware is None):
        raise typer.BadParameter("give one of --as and --firmware", param_hint="--as")
    if firmware is None and (data is not None or energyrunner):
        raise typer.BadParameter("--data and --energyrunner are for --firmware", param_hint="--as")
    if data is not None and energyrunner:
        raise typer.BadParameter("EnergyRunner sends the samples", param_hint="--data")
    check_free(output, force=force, marker=pipeline.EXPORT_MARKER)
    compiled = open_folder(folder, edited=edited)
    if form is not None:
        files = pipeline.export_model(compiled, form, version=version, url=url)
    else:
        board = targets.resolve(str(firmware))
        x = None if data is None else read_samples(data, compiled.float_model).x
        with Bars() as bars:
            files = pipeline.export_firmware(
                compiled, board, x, energyrunner=energyrunner, progress=bars
            )
        form = f"a firmware on {board.name}"
    write_folder(files, output, force=force, marker=pipeline.EXPORT_MARKER)
    note = "" if firmware is None else board.boot
    if as_json:
        record = {"form": form, "output": str(output), "files": sorted(files)}
        print(json.dumps(record, indent=2))
        return
    print(f"{compiled.project.name} for {form}: {len(files)} files in {output}; see its README.md")
    if note:
        print(f"  note: {note}")
