"""What a network is made an 8-bit program from: its weights, and what it was trained on.

The shipped weights are of the fixed simulated set. Of that set only what is needed is simulated
here, a hundred recordings in memory: those that say what a count of the features is, and the
sequences that the ranges are taken from. Both are chosen as ``cache`` and ``reproduce`` choose
them, so the program is the one whose accuracy ``reproduce`` gives (up to the last bits in which
the simulator's numbers differ between machines).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.cache import (
    SAMPLED,
    Bytes,
    Dataset,
    as_bytes,
    open_cache,
    step_of,
    top_of,
)
from tinyradar.dataset.features import SEQUENCES, WINDOW, sequences, windows_a_second
from tinyradar.dataset.folds import FOLDS, Indices, by_number, fold_name, person_folds
from tinyradar.dataset.tree import G11
from tinyradar.errors import RadarError
from tinyradar.models import Model
from tinyradar.reproduce.fixed import POPULATION
from tinyradar.reproduce.measure import Subject
from tinyradar.reproduce.runs import Run
from tinyradar.simulate import Population, simulate_one
from tinyradar.simulate.radar import POINTS, RATE_HZ, SENSORS_M
from tinyradar.train.integers import calibration_indices
from tinyradar.train.weights import BRING, SHIPPED
from tinyradar.watch.kept import kept_arrays

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Basis:
    """A trained network, as ``reproduce`` measures it; of ``data`` those features are there that
    its program is made from, ``sample`` [1, windows, 32, points, sensors] among them.
    ``held_out``: the persons that it has never seen."""

    subject: Subject
    number: int
    data: Dataset
    sample: Bytes
    held_out: tuple[str, ...]


def basis(model: Model, fold: int, place: Path | None, new_bar: Callable[[str], Progress]) -> Basis:
    """The shipped weights, or those in ``place``, as ``train`` and ``reproduce`` leave them there.

    Raises RadarError where there are none of that fold.
    """
    data = open_cache(place / "features") if place else _without_features(POPULATION)
    parts = person_folds(data.persons, FOLDS)
    if not 0 <= fold < len(parts):
        raise RadarError(f"There is no fold {fold}; there are 0 to {len(parts) - 1}.")
    chosen = calibration_indices(parts[fold][0])
    if place is None:
        data = _with_features(data, POPULATION, chosen, new_bar("calibration"))
    name = fold_name(fold, FOLDS)
    run = Run(model, data, parts[fold], name, place or SHIPPED.parent, bfloat16=False)
    network = run.floats()
    if network is None:
        where, more = (f"'{place}' holds", "") if place else ("Here are", f"{BRING}, or ")
        raise RadarError(
            f"{where} no weights of {model.name} for fold {fold}; {more}train them with "
            "'tinyradar reproduce' and give its folder as --place."
        )
    module = run.integers(network) if model.integers else None
    subject = Subject(model, parts[fold], network, module)
    held_out = by_number(data.persons[i] for i in parts[fold][1])
    return Basis(subject, fold, data, data.x[chosen[:1]], tuple(held_out))


Key = tuple[int, int, int, int, int]
"""(person, day, label, session, instance)."""


def _recordings(population: Population) -> list[tuple[Key, str]]:
    """A simulated set's recordings in the order in which its tree is read, with their names."""
    return [
        ((number, day, label, s, i), f"{folder}/sess_{s}/{gesture}/{i}")
        for folder, number, day in sorted(population.folders(), key=lambda f: f[1:])
        for label, gesture in enumerate(G11.gestures)
        for s in range(population.sessions)
        for i in range(population.instances)
    ]


def _without_features(population: Population) -> Dataset:
    """A simulated set of which nothing is simulated yet: who, what, how much."""
    found = [entry for entry in _recordings(population) for _ in range(SEQUENCES)]
    shape = (len(found), windows_a_second(RATE_HZ), WINDOW, POINTS, len(SENSORS_M))
    return Dataset(
        x=np.broadcast_to(np.uint8(0), shape),
        y=np.array([key[2] for key, _ in found]),
        persons=tuple(f"p{key[0]}" for key, _ in found),
        recordings=tuple(name for _, name in found),
        gestures=G11.gestures,
        step=1.0,
        simulated=True,
        skipped=(),
    )


def _with_features(
    data: Dataset, population: Population, chosen: Indices, progress: Progress
) -> Dataset:
    """The set with its step, and the features of the sequences ``chosen``; all others stay 0.

    Both are kept from the last start.
    """
    keys = [key for key, _ in _recordings(population)]
    every = range(0, len(keys), max(1, len(keys) // SAMPLED))[:SAMPLED]
    wanted = sorted({int(i) // SEQUENCES for i in chosen})

    def make() -> dict[str, NDArray[Any]]:
        """The step, and the features [wanted, SEQUENCES, windows, 32, points, sensors]."""
        total, done = len(every) + len(wanted), 0
        tops = []
        for number in every:
            tops.append(top_of(_sequences(population.seed, keys[number])))
            done += 1
            progress(done, total)
        step = step_of(tops)
        features = []
        for number in wanted:
            maps = [as_bytes(m, step) for m in _sequences(population.seed, keys[number])]
            features.append(np.stack(maps))
            done += 1
            progress(done, total)
        return {"step": np.array(step), "features": np.stack(features)}

    found = kept_arrays((population, wanted, len(every)), make)
    progress(1, 1)
    step = float(found["step"])
    x = np.zeros(data.x.shape, np.uint8)  # pages that are not written take no memory
    for number, features in zip(wanted, found["features"], strict=True):
        x[number * SEQUENCES : (number + 1) * SEQUENCES] = features
    return Dataset(
        x, data.y, data.persons, data.recordings, data.gestures, step, data.simulated, ()
    )


def _sequences(seed: int, key: Key) -> list[NDArray[np.float32]]:
    return list(sequences(simulate_one(seed, *key), RATE_HZ))
