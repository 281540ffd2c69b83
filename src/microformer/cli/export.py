"""``microformer export``: a compiled folder as a package of an ecosystem."""

import json
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import JsonFlag


def export_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    form: Annotated[
        str,
        typer.Option(
            "--as",
            help="cmake, zephyr, arduino, platformio, cmsis-pack, esp-idf, pico-sdk or stm32cube.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
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
    from microformer import pipeline
    from microformer.store import open_folder
    from microformer.store.folder import write_folder

    compiled = open_folder(folder, edited=edited)
    files = pipeline.export_model(compiled, form, version=version, url=url)
    write_folder(files, output, force=force, marker=pipeline.EXPORT_MARKER)
    if as_json:
        record = {"form": form, "output": str(output), "files": sorted(files)}
        print(json.dumps(record, indent=2))
        return
    print(f"{compiled.project.name} for {form}: {len(files)} files in {output}; see its README.md")
