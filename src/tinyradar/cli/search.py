"""The command that looks for better networks: search."""

from pathlib import Path
from typing import Annotated

import typer

from tinyradar.cli.nets import need_torch, write_text
from tinyradar.cli.progress import bar

SPEC = "tinyradar.recorded.candidates"


def search_command(
    recorded: Annotated[Path, typer.Option(help="The folder of M-Gesture's short range.")],
    storage: Annotated[str, typer.Option(help="File of the study, or a database's URL.")],
    target: Annotated[str, typer.Option("--target", "-t")] = "cortex-m4",
    trials: Annotated[int, typer.Option(min=1, help="Candidates in all.")] = 50,
    protocol: Annotated[str, typer.Option(help="five or ten gestures.")] = "five",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same study (one worker).")] = 0,
    cycles: Annotated[int | None, typer.Option(min=1, help="At most, by the estimate.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 1,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    finalists: Annotated[int, typer.Option(min=0, help="Trained anew and measured.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Page to write.")] = None,
    output: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
) -> None:
    """Transformers for recorded hands: loss on held-out training persons against cycles."""
    need_torch()
    from dataclasses import asdict  # noqa: PLC0415

    from microformer import search as studies  # noqa: PLC0415  optuna is optional

    settings = studies.Settings(
        spec=SPEC,
        target=target,
        trials=trials,
        seed=seed,
        limits=studies.Limits(cycles=cycles),
        given={"folder": str(recorded.resolve()), "protocol": protocol},
    )
    spec = studies.read_spec(settings.spec, settings.given)
    studies.create(storage, settings)
    with bar("search") as advance:
        studies.search(storage, settings, workers=workers, dask=dask, progress=advance)
    made = studies.found(storage, settings)
    measured = studies.measure_finalists(made, spec, settings, finalists) if finalists else []
    write_text(output, made.to_json(finalists=[asdict(one) for one in measured]))
    if html is not None:
        studies.write_page(made, measured, html)
    for one in made.on_front():
        choices = ", ".join(f"{name} {value}" for name, value in one.params.items())
        print(f"trial {one.number}: loss {one.loss:.4f}, {one.cycles:,} cycles; {choices}")
    for final in measured:
        scores = " ".join(f"{100 * score:.2f} %" for score in final.scores)
        cost = final.reason or f"{final.cycles:,} cycles ({final.cycles_kind})"
        print(f"finalist {final.number}: unseen persons {scores}; {cost}")
