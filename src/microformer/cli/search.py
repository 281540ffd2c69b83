"""``microformer search``: a study of networks that the user's own function builds and trains."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from microformer.cli.options import JsonFlag, TargetName

Count = Annotated[int | None, typer.Option(min=1)]


def search_command(
    spec: Annotated[
        str, typer.Argument(help="Your file .py with build(trial) and EXAMPLE, or a module.")
    ],
    storage: Annotated[
        str, typer.Option(help="File of the study, shared by all workers, or a database's URL.")
    ] = "study.log",
    target: TargetName = "cortex-m4",
    trials: Annotated[int, typer.Option(min=1, help="Candidates in all.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same study (one worker).")] = 0,
    cycles: Annotated[int | None, typer.Option(min=1, help="At most, by the estimate.")] = None,
    ram: Annotated[int | None, typer.Option(min=1, help="Bytes at most.")] = None,
    flash: Annotated[int | None, typer.Option(min=1, help="Bytes at most.")] = None,
    prune: Annotated[
        str, typer.Option(help="none: the front of loss and cycles; median, hyperband: the loss.")
    ] = "none",
    given: Annotated[
        list[str] | None, typer.Option("--with", help="NAME=VALUE for the spec's configure.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 1,
    join: Annotated[bool, typer.Option("--join", help="Work at the study that is there.")] = False,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    finalists: Annotated[
        int, typer.Option(min=0, help="Of the front so many are trained anew and measured.")
    ] = 0,
    html: Annotated[Path | None, typer.Option(help="Page to write.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Search networks: held-out loss against predicted cycles, within limits. Needs the extra."""
    from microformer import search as room
    from microformer.cli.bars import Bars, print_view
    from microformer.cli.search_view import search_view
    from microformer.errors import DataError

    known = room.stored_settings(storage)
    if join:
        if known is None:
            raise DataError(f"There is no study in '{storage}' to join.")
        settings = known
    else:
        settings = room.Settings(
            spec=str(Path(spec).resolve()) if spec.endswith(".py") else spec,
            target=target,
            trials=trials,
            seed=seed,
            prune=prune,
            limits=room.Limits(cycles, ram, flash),
            given=_pairs(given or []),
        )
        room.read_spec(settings.spec, settings.given)  # its faults come before a study
        room.create(storage, settings)
    with Bars() as bars:
        with bars("search") as advance:
            room.search(storage, settings, workers=workers, dask=dask, progress=advance)
        made = room.found(storage, settings)
        measured = []
        if finalists:
            ready = room.read_spec(settings.spec, settings.given)
            with bars("finalists") as advance:
                measured = room.measure_finalists(made, ready, settings, finalists, advance)
    if html is not None:
        room.write_page(made, measured, html)
        print(f"page: {html}", file=sys.stderr)
    if as_json:
        from dataclasses import asdict

        print(made.to_json(finalists=[asdict(one) for one in measured]))
    else:
        print_view(search_view(made, measured))


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"'{one}' is not NAME=VALUE", param_hint="--with")
        pairs[name] = value
    return pairs
