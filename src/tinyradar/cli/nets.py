"""The commands that need torch: train, reproduce."""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType

from tinyradar.cli.progress import bars
from tinyradar.dataset.cache import Dataset, open_cache
from tinyradar.dataset.folds import fold_name, person_folds
from tinyradar.errors import RadarError

if TYPE_CHECKING:
    from torch import nn

    from tinyradar.train import Trained

DEFAULT_PLACE = Path("tinyradar-out")

Place = Annotated[Path, typer.Option(help="Folder of features, checkpoints and results.")]
Bfloat16 = Annotated[
    bool, typer.Option("--bfloat16", help="Round activations while training: faster.")
]


def need_torch() -> None:
    """Raises RadarError where torch is not installed."""
    try:
        import torch  # noqa: F401, PLC0415  torch is optional
    except ImportError:
        raise RadarError(
            "This needs torch: pip install 'microformer[radar]'; without it data can be simulated "
            "and inspected, but no network trained or measured."
        ) from None


def _numbers(data: Dataset, folds: int, only: list[int] | None) -> list[int]:
    count = folds or len(set(data.persons))
    wrong = [n for n in only or [] if not 0 <= n < count]
    if wrong:
        raise RadarError(f"There is no fold {wrong[0]}; there are 0 to {count - 1}.")
    return only or list(range(count))


def _epochs(advance: Callable[[int, int], None]) -> Callable[[int, int, float], None]:
    return lambda done, total, _loss: advance(done, total)


def train_command(
    features: Annotated[Path, typer.Argument(help="What 'tinyradar cache' wrote.")],
    model: Annotated[str, typer.Option("--model", "-m", help="tinyradarnn or transformer-...")],
    place: Place = DEFAULT_PLACE,
    folds: Annotated[
        int, typer.Option(min=0, help="Folds grouped by person; 0 leaves one person out.")
    ] = 5,
    only: Annotated[list[int] | None, typer.Option("--fold", help="Only this fold.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same weights.")] = 0,
    bfloat16: Bfloat16 = False,
    qat: Annotated[
        bool, typer.Option("--qat", help="After float, train in the program's integers too.")
    ] = False,
    dask: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler: float trainings go there.")
    ] = None,
) -> None:
    """Train on folds; a run that was killed goes on from its last checkpoint."""
    need_torch()
    from tinyradar.models import find  # noqa: PLC0415  torch is optional
    from tinyradar.reproduce.far import train_far  # noqa: PLC0415
    from tinyradar.reproduce.runs import Run  # noqa: PLC0415

    chosen, data = find(model), open_cache(features)
    parts = person_folds(data.persons, folds)
    simulated = " (simulated)" if data.simulated else ""
    numbers = _numbers(data, folds, only)
    runs = [
        Run(chosen, data, parts[n], fold_name(n, folds), place, bfloat16, seed) for n in numbers
    ]
    with bars() as new:
        trained: Iterable[tuple[Trained, nn.Module]]
        if dask is not None:
            places = [(run, number, folds) for run, number in zip(runs, numbers, strict=True)]
            trained = train_far(places, features, dask, new("train far"), _say)
        else:
            trained = (run.train_floats(_epochs(new(run.name))) for run in runs)
        for run, (made, network) in zip(runs, trained, strict=True):
            print(f"{run.name}: {100 * made.accuracy:.1f} %{simulated} in {made.seconds:.0f} s")
            if qat:
                whole, _ = run.train_integers(network, _epochs(new(f"{run.name} in integers")))
                print(
                    f"{run.name}: {100 * whole.accuracy:.1f} % in int8{simulated} "
                    f"in {whole.seconds:.0f} s"
                )


def reproduce_command(
    place: Place = DEFAULT_PLACE,
    quick: Annotated[bool, typer.Option("--quick", help="One fold.")] = False,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train, do not load.")] = False,
    keep_raw: Annotated[bool, typer.Option("--keep-raw", help="Keep the recordings.")] = False,
    targets: Annotated[list[str] | None, typer.Option("--target", "-t")] = None,
    models: Annotated[list[str] | None, typer.Option("--model", "-m")] = None,
    bfloat16: Bfloat16 = False,
    protocol: Annotated[
        str, typer.Option(help="folds: 5 groups of persons; lopo: one person out at a time.")
    ] = "folds",
    fresh: Annotated[
        int | None, typer.Option(help="Only: all folds on 26 new persons of this seed, int8.")
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(help="Only: recorded hands, the folder of M-Gesture's short range."),
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to train on.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
) -> None:
    """Both networks on simulated gestures, float and int8, on each target, beside the claims.

    With --recorded DIR the same kind of table of recorded hands.
    """
    need_torch()
    from tinyradar.reproduce import DEFAULT_TARGETS, Options, reproduce  # noqa: PLC0415
    from tinyradar.reproduce.table import view  # noqa: PLC0415

    if recorded is not None:
        _recorded(recorded, place, quick, targets, dask, output)
        return
    if fresh is not None:
        _fresh(place, fresh, output)
        return
    options = Options(
        quick=quick,
        retrain=retrain,
        keep_raw=keep_raw,
        targets=tuple(targets or DEFAULT_TARGETS),
        models=tuple(models or ()),
        bfloat16=bfloat16,
        processes=os.cpu_count() or 1,
        protocol=protocol,
        dask=dask,
    )
    with bars() as new:
        result = reproduce(place, options, new, _say)
    write_text(output, result.to_json())
    _show(view(result))
    if not result.bit_exact:
        raise typer.Exit(1)


def write_text(output: Path | None, text: str) -> None:
    """Write a file where one is asked for. Raises RadarError."""
    if output is None:
        return
    try:
        output.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise RadarError(f"'{output}' cannot be written: {error.strerror}.") from None


def _recorded(
    folder: Path,
    place: Path,
    quick: bool,
    targets: list[str] | None,
    dask: str | None,
    output: Path | None,
) -> None:
    """The table of recorded hands."""
    from tinyradar.recorded import (  # noqa: PLC0415  torch is optional
        DEFAULT_TARGETS,
        Options,
        reproduce_recorded,
    )
    from tinyradar.recorded.table import view  # noqa: PLC0415

    options = Options(
        targets=tuple(DEFAULT_TARGETS if targets is None else targets),
        processes=os.cpu_count() or 1,
        dask=dask,
    )
    if quick:
        options = replace(options, folds=options.folds[:1], seeds=options.seeds[:1])
    with bars() as new:
        result = reproduce_recorded(folder, place, options, new, _say)
    write_text(output, result.to_json())
    _show(view(result))
    if not result.bit_exact:
        raise typer.Exit(1)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _show(parts: Iterable[RenderableType]) -> None:
    """Print a table's parts, wide where no terminal says how wide."""
    console = Console()
    console = console if console.is_terminal else Console(width=140)
    for part in parts:
        console.print(part)


def _fresh(place: Path, seed: int, output: Path | None) -> None:
    """Measure on new persons and print the table."""
    from tinyradar.reproduce.fresh import COMPARED, fresh  # noqa: PLC0415  torch is optional

    with bars() as new:
        found = fresh(place, seed, os.cpu_count() or 1, new)
    write_text(output, found.to_json())
    data = found.data
    print(
        f"{data['sequences']} simulated sequences of {data['persons']} new persons (seed {seed}), "
        f"each answered by the networks of all {data['folds']} folds:"
    )
    for one in found.answers:
        floats = "" if one.accuracy_float is None else f"float {100 * one.accuracy_float:.2f} %, "
        kind = "" if one.accuracy_float is None else "int8 "
        print(
            f"  {one.name}: {floats}{kind}{100 * one.accuracy:.2f} %, worst person "
            f"{100 * one.worst:.1f} %"
        )
    points, error = found.difference(COMPARED[1], COMPARED[0])
    print(
        f"  {COMPARED[1]} - {COMPARED[0]}: {points:+.2f} points, standard error {error:.2f} "
        "by person"
    )
