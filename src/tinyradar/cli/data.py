"""The commands that make, read and show data: simulate, cache, inspect."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from tinyradar.cli.progress import bar
from tinyradar.cli.tables import print_counts
from tinyradar.dataset.cache import Dataset, build_cache, open_cache
from tinyradar.dataset.folds import by_number
from tinyradar.dataset.items import Item, tree_items
from tinyradar.dataset.picture import draw, draw_traces
from tinyradar.dataset.soli import soli_items
from tinyradar.dataset.traces import (
    COLUMNS,
    FRAME_MS,
    SCENES,
    TraceSet,
    holds_traces,
    read_traces,
)
from tinyradar.dataset.tree import find_tree, walk
from tinyradar.errors import DatasetError
from tinyradar.simulate import MARK, Population, simulate
from tinyradar.simulate.traces import simulate_traces, write_traces

Seed = Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")]


def simulate_command(
    folder: Annotated[Path, typer.Argument(help="Folder to write the tree 11G into.")],
    people: Annotated[int, typer.Option(min=1, help="Persons, the last of them p0.")] = 26,
    sessions: Annotated[int, typer.Option(min=1, help="Sittings a person and gesture.")] = 5,
    instances: Annotated[int, typer.Option(min=1, help="Recordings a sitting.")] = 7,
    sets: Annotated[int, typer.Option(min=1, help="Recording days of p0: p0_1, p0_2, ...")] = 1,
    seed: Seed = 0,
    processes: Annotated[int | None, typer.Option(min=1, help="All cores by default.")] = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Traces of M-Gesture's form, not recordings.")
    ] = False,
) -> None:
    """Write recordings of a simulated radar as the real set's own files."""
    if traces:
        made = simulate_traces(people, sessions * instances, seed)
        write_traces(made, folder)
        print(f"{len(made.x)} simulated traces in {folder}")
        return
    population = Population(people, sessions, instances, sets, seed)
    # a raw recording is 2 sensors x some 430 sweeps x 492 points x 8 bytes
    needed = population.recordings * 3_400_000
    _check_space(folder, needed)
    with bar("simulate") as advance:
        count = simulate(folder, population, processes or os.cpu_count() or 1, advance)
    print(f"{count} simulated recordings in {folder / '11G'}")


def _check_space(folder: Path, needed: int) -> None:
    place = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DatasetError(
            f"The recordings take about {needed / 1e9:.1f} GB and '{place}' has {free / 1e9:.1f} "
            "GB free; ask for fewer (--people, --sessions, --instances)."
        )


def _is_simulated(folder: Path) -> bool:
    return (find_tree(folder)[0] / MARK).is_file()


def cache_command(
    source: Annotated[Path, typer.Argument(help="A tree 11G or 5G, or Soli's folder of .h5.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write the features to.")],
) -> None:
    """Compute the features of a set once: a byte a value, read by mapping."""
    data = cache_of(source, folder)
    for reason in data.skipped:
        print(f"skipped: {reason}", file=sys.stderr)
    print(f"{len(data.x)} sequences of {len(set(data.recordings))} recordings in {folder}")


def cache_of(source: Path, folder: Path) -> Dataset:
    """The cache of a tree or of Soli's folder, with a progress bar."""
    if not source.is_dir():
        raise DatasetError(f"'{source}' is not a folder.")
    read: Callable[[Path], Iterator[Item]]
    gestures: tuple[str, ...]
    if any(source.glob("*.h5")):
        gestures = (*(f"gesture {i}" for i in range(11)), "background")
        read, simulated = soli_items, False
        total = sum(1 for _ in source.glob("*.h5"))
    else:
        gestures = find_tree(source)[1].gestures
        read, simulated = tree_items, _is_simulated(source)
        total = sum(1 for _ in walk(source))
    with bar("features") as advance:
        return build_cache(
            lambda: read(source),
            folder,
            gestures,
            simulated=simulated,
            progress=advance,
            total=total,
        )


def inspect_command(
    folder: Annotated[Path, typer.Argument(help="A tree, Soli's folder, M-Gesture's, or a cache.")],
    picture: Annotated[Path, typer.Option(help="PNG to write.")] = Path("maps.png"),
    maps: Annotated[int, typer.Option(min=1, help="Sequences in the picture.")] = 12,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output; no picture.")
    ] = False,
) -> None:
    """Count what a set holds, say what is broken, and draw some of it."""
    if holds_traces(folder):
        _inspect_traces(folder, picture, as_json)
        return
    with tempfile.TemporaryDirectory(prefix="tinyradar-") as name:
        cached = (folder / "index.json").is_file()
        data = open_cache(folder) if cached else cache_of(folder, Path(name) / "cache")
        if as_json:
            print(json.dumps(_counts(data), indent=2))
            return
        _print_counts(data)
        draw(data, _varied(data, maps), picture)
    print(f"picture: {picture}")


def _inspect_traces(folder: Path, picture: Path, as_json: bool) -> None:
    """Counts of recorded traces by gesture and scene, and what the columns look like."""
    with bar("traces") as advance:
        data = read_traces(folder, advance)
    made = _trace_counts(data)
    if as_json:
        print(json.dumps(made, indent=2))
        return
    kind = "simulated" if data.simulated else "recorded"
    persons = made["persons"]
    print(f"{len(data.x)} traces of {len(persons)} persons, {kind}, set {data.digest}")
    print_counts("gesture", made["gestures"])
    print(f"a trace: {data.x.shape[1:]} frames of {FRAME_MS} ms, values: {', '.join(COLUMNS)}")
    print("(what the values are is a guess: the set names no column)")
    print(f"persons: {' '.join(persons)}")
    print(f"{len(data.skipped)} files skipped")
    for reason in data.skipped:
        print(f"  {reason}")
    draw_traces(data, picture)
    print(f"picture: {picture}")


def _varied(data: Dataset, count: int) -> list[int]:
    """``count`` sequences, the gestures in turn, spread over each gesture's recordings."""
    labels = sorted(set(data.y.tolist()))
    turns = -(-count // len(labels))
    chosen = []
    for turn in range(turns):
        for label in labels:
            mine = np.flatnonzero(data.y == label)
            chosen.append(int(mine[len(mine) * turn // turns]))
    return chosen[:count]


def _counts(data: Dataset) -> dict[str, Any]:
    """What a set of maps holds, as plain data."""
    of = np.array(data.persons)
    mine = {gesture: data.y == label for label, gesture in enumerate(data.gestures)}
    return {
        "kind": "simulated" if data.simulated else "recorded",
        "sequences": len(data.x),
        "recordings": len(set(data.recordings)),
        "shape": list(data.x.shape[1:]),
        "persons": by_number(data.persons),
        "gestures": {
            gesture: {"sequences": int(which.sum()), "persons": len(set(of[which]))}
            for gesture, which in mine.items()
        },
        "skipped": list(data.skipped),
    }


def _trace_counts(data: TraceSet) -> dict[str, Any]:
    """What a set of traces holds, as plain data."""
    scenes, of = np.array(data.scenes), np.array(data.persons)
    mine = {gesture: data.y == label for label, gesture in enumerate(data.gestures)}
    return {
        "kind": "simulated" if data.simulated else "recorded",
        "set": data.digest,
        "traces": len(data.x),
        "shape": list(data.x.shape[1:]),
        "persons": by_number(data.persons),
        "gestures": {
            gesture: {scene: int((which & (scenes == scene)).sum()) for scene in SCENES}
            | {"persons": len(set(of[which & (scenes == SCENES[0])]))}
            for gesture, which in mine.items()
        },
        "skipped": list(data.skipped),
    }


def _print_counts(data: Dataset) -> None:
    made = _counts(data)
    print(f"{made['sequences']} sequences of {made['recordings']} recordings, {made['kind']}")
    print_counts("gesture", made["gestures"])
    print(f"a sequence: {data.x.shape[1:]} windows, Doppler bins, range points, sensors")
    print(f"{len(made['persons'])} persons: {' '.join(made['persons'])}")
    print(f"{len(data.skipped)} recordings skipped")
    for reason in data.skipped:
        print(f"  {reason}")
