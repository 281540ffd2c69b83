"""``microformer targets``: the boards that there are, searched and shown."""

import json
from typing import Annotated

import typer

from microformer.cli.options import JsonFlag


def targets_command(
    search: Annotated[
        str | None, typer.Argument(help="Words of a board's name, chip or core.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every board, not one for each core.")] = (
        False
    ),
    show: Annotated[
        str | None, typer.Option(help="Print this board's file, to begin one's own with.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the boards: one a core, with --all every one, or those that have some words."""
    from microformer import targets

    if show is not None:
        board = targets.find(show)
        print(
            json.dumps(targets.target_record(board), indent=2)
            if as_json
            else targets.board_text(board)
        )
        return
    chosen = (targets.BOARDS if every else targets.TARGETS).values()
    found = targets.search(search) if search is not None else tuple(chosen)
    if as_json:
        print(json.dumps([targets.target_record(target) for target in found], indent=2))
        return
    if not found:
        targets.find(search or "")  # it says which are nearest
    for target in found:
        print(target)
    if search is None and not every:
        print(f"{len(targets.BOARDS)} boards in all: --all, or some words of the one you have.")
