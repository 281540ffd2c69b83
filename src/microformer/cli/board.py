"""The target of a command with what its options change, and the report that a run ends with."""

import typer

from microformer import targets
from microformer.cli.bars import print_view
from microformer.report import Report
from microformer.report.terminal import view
from microformer.targets import Target


def show(result: Report, as_json: bool) -> None:
    """Print the report; exit code 1 if the program was not bit-exact."""
    if as_json:
        print(result.to_json())
    else:
        print_view(view(result))
    if not result.bit_exact or result.firmware_exact is False:
        raise typer.Exit(1)


def board_with(board: Target, cores: int | None, weights: str | None) -> Target:
    """``board`` with the cores and the memory for weights that were asked for."""
    if cores is not None:
        board = targets.with_cores(board, cores)
    return board if weights is None else targets.with_weights(board, weights)
