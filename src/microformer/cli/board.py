"""The report that a run ends with."""

import typer

from microformer.cli.bars import print_view
from microformer.report import Report
from microformer.report.terminal import view


def show(result: Report, as_json: bool) -> None:
    """Print the report; exit code 1 if the program was not bit-exact."""
    if as_json:
        print(result.to_json())
    else:
        print_view(view(result))
    if not result.bit_exact or result.firmware_exact is False:
        raise typer.Exit(1)
