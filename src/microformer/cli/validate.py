"""``microformer validate``: what a board said, against what was compiled."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from microformer.cli.options import JsonFlag

if TYPE_CHECKING:
    from rich.table import Table

    from microformer.validate import Validation


def validate_command(
    folder: Annotated[Path, typer.Argument(help="What 'microformer compile' wrote.")],
    serial: Annotated[
        str | None, typer.Option(help="The port that the board speaks by: /dev/ttyACM0, COM5.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Or a file with what it said.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Samples .npz, where the firmware was given them.")
    ] = None,
    baud: Annotated[int, typer.Option(min=300, help="The port's speed.")] = 115_200,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a round.")] = 60.0,
    store: Annotated[bool, typer.Option(help="Keep the board's factor for later reports.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Check every output byte of a board, and put its cycles beside the estimate."""
    from microformer import pipeline
    from microformer.cli.bars import Bars, print_view
    from microformer.errors import DataError
    from microformer.records import to_json
    from microformer.samples import read_samples
    from microformer.store import open_folder

    if (serial is None) == (log is None):
        raise typer.BadParameter("give one of --serial and --log", param_hint="--serial")
    with Bars() as bars:
        compiled = open_folder(folder)
        x = None if data is None else read_samples(data, compiled.float_model).x
        expected = pipeline.expected_of(compiled, x, progress=bars)
        if log is not None:
            try:
                lines = log.read_bytes().split(b"\n")
            except OSError as error:
                raise DataError(f"'{log}' cannot be read: {error.strerror}.") from None
            found = pipeline.validate_lines(expected, lines)
        else:
            found = pipeline.from_port(expected, str(serial), baud, timeout)
    if as_json:
        print(to_json(found))
    else:
        print_view(_table(found))
        for line in _said(found):
            print(line)
    if found.exact and found.factor is not None and store:
        path = pipeline.keep(found)
        if not as_json:
            print(f"kept in {path}: later reports of {found.target} use it")
    if not found.exact:
        raise typer.Exit(1)


def _table(found: "Validation") -> "Table":
    from rich.table import Table

    table = Table(title=f"{found.model} on {found.board}, cycles a layer ({found.counter})")
    for name in ("layer", "operation", "measured", "estimate", "measured / estimate"):
        table.add_column(name, justify="left" if name in ("layer", "operation") else "right")
    for layer in found.layers:
        estimate = "" if layer.estimate is None else f"{layer.estimate:,}"
        ratio = "" if layer.ratio is None else f"{layer.ratio:.2f}"
        table.add_row(layer.name, layer.op, f"{layer.cycles:,}", estimate, ratio)
    return table


def _said(found: "Validation") -> list[str]:
    """The figures of the whole in a few lines."""
    if found.exact:
        lines = [f"Every output byte of {found.samples} samples is right."]
    else:
        lines = [f"NOT validated: {found.wrong_bytes} output bytes are wrong."]
        lines += [f"  not believed: {text}" for text in found.broken[:5]]
        lines += [f"  missing: {text}" for text in found.missing[:5]]
    if found.cycles is not None:
        time = f", {found.cycles / found.clock_hz * 1e3:.3f} ms" if found.clock_hz else ""
        lines.append(
            f"{found.cycles:,} cycles an inference (median of {found.samples}){time} at "
            f"{found.clock_hz / 1e6:g} MHz, as the firmware has it"
        )
    if found.factor is not None:
        lines.append(f"{found.factor:.2f} times the estimate of {found.estimate:,} cycles")
    return lines
