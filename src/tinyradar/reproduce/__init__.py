"""One command, one table: both networks on simulated gestures, float and int8, on each target."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import Indices, person_folds
from tinyradar.dataset.nearest import nearest_neighbour
from tinyradar.models import MODELS, PUBLISHED, Model, find
from tinyradar.reproduce.claims import Claim, claims
from tinyradar.reproduce.fixed import FOLDS, Progress, fixed_set
from tinyradar.reproduce.measure import Figures, figures, measure_fold, measure_target
from tinyradar.train import train
from tinyradar.train.weights import find_weights, write_weights

__all__ = ["DEFAULT_TARGETS", "Options", "Result", "reproduce"]

DEFAULT_TARGETS = ("pulp-ri5cy", "cortex-m4", "cortex-m7")
BASE = "tinyradarnn"
EPOCH_SECONDS = {BASE: 45.0}
"""Seconds an epoch of the fixed set takes on one core of 2026; for the expected time only."""
OTHER_EPOCH_SECONDS = 4.0


@dataclass(frozen=True)
class Options:
    """What is asked for; ``models`` empty means all."""

    quick: bool
    retrain: bool
    keep_raw: bool
    targets: tuple[str, ...]
    models: tuple[str, ...]
    bfloat16: bool
    processes: int


@dataclass(frozen=True)
class Result:
    """Everything that was measured. ``nearest`` is the nearest neighbour's accuracy a fold."""

    data: dict[str, Any]
    nearest: tuple[float, ...]
    networks: tuple[Figures, ...]
    claims: dict[str, list[Claim]]

    @property
    def bit_exact(self) -> bool:
        """True if every byte that was compared was right, on the host and on the targets."""
        checks = [f.bit_exact for n in self.networks for f in n.folds]
        checks += [t.bit_exact for n in self.networks for t in n.targets if t.bit_exact is not None]
        return all(checks)

    def to_json(self) -> str:
        """JSON text."""
        plain = {
            "data": self.data,
            "nearest_neighbour": list(self.nearest),
            "networks": [n.as_json() for n in self.networks],
            "claims": {name: [c.as_json() for c in found] for name, found in self.claims.items()},
        }
        return json.dumps(plain, indent=2)


def reproduce(
    place: Path, options: Options, new_bar: Callable[[str], Progress], say: Callable[[str], None]
) -> Result:
    """Data, weights (loaded or trained), accuracy a fold, programs on targets, claims."""
    chosen = [find(name) for name in options.models] or list(MODELS.values())
    data = fixed_set(
        place, keep_raw=options.keep_raw, processes=options.processes, progress=new_bar
    )
    folds = person_folds(data.persons, FOLDS)
    numbers = [0] if options.quick else list(range(FOLDS))
    weights = {
        (model.name, n): None
        if options.retrain
        else find_weights(place / "weights", model, data, n)
        for model in chosen
        for n in numbers
    }
    _say_time(weights, say)
    nearest = [nearest_neighbour(data, *folds[n]) == data.y[folds[n][1]] for n in numbers]
    measured = []
    for model in chosen:
        networks = [
            weights[model.name, n] or _train(model, data, folds[n], n, place, options, new_bar)
            for n in numbers
        ]
        measured.append(_measure(model, networks, data, folds, numbers, options, new_bar))
    found = {network.model: network for network in measured}
    about = {
        name: claims(found[BASE], network, published_size=name == PUBLISHED.name)
        for name, network in found.items()
        if name != BASE and BASE in found
    }
    described = {
        "simulated": data.simulated,
        "sequences": len(data.x),
        "recordings": len(set(data.recordings)),
        "persons": len(set(data.persons)),
        "folds": numbers,
        "digest": data.digest,
    }
    return Result(described, tuple(float(n.mean()) for n in nearest), tuple(measured), about)


def _say_time(weights: dict[tuple[str, int], nn.Module | None], say: Callable[[str], None]) -> None:
    """Say how long training will take, before it starts."""
    seconds = sum(
        MODELS[name].recipe.epochs * EPOCH_SECONDS.get(name, OTHER_EPOCH_SECONDS)
        for (name, _), network in weights.items()
        if network is None
    )
    if seconds:
        missing = sum(network is None for network in weights.values())
        say(f"{missing} trainings are to be done: about {seconds / 60:.0f} minutes on one core.")


def _train(
    model: Model,
    data: Dataset,
    fold: tuple[Indices, Indices],
    number: int,
    place: Path,
    options: Options,
    new_bar: Callable[[str], Progress],
) -> nn.Module:
    name = f"{model.name}-fold{number}"
    advance = new_bar(f"train {name}")
    made = train(
        model,
        data,
        fold,
        place / "checkpoints" / name,
        bfloat16=options.bfloat16,
        progress=lambda done, total, _loss: advance(done, total),
    )
    path = place / "weights" / f"{name}.npz"
    write_weights(made, path, model, data, number)
    network = find_weights(place / "weights", model, data, number)
    assert network is not None  # as rounded to float16, like those that ship
    return network


def _measure(
    model: Model,
    networks: list[nn.Module],
    data: Dataset,
    folds: list[tuple[Indices, Indices]],
    numbers: list[int],
    options: Options,
    new_bar: Callable[[str], Progress],
) -> Figures:
    steps = len(numbers) + len(options.targets)
    advance = new_bar(f"measure {model.name}")
    results, report, in_and_out = [], None, 0
    for network, n in zip(networks, numbers, strict=True):
        result, report, in_and_out = measure_fold(network, model, data, folds[n], n)
        results.append(result)
        advance(len(results), steps)
    on_targets = []
    for target in options.targets:
        fold = folds[numbers[0]]
        on_targets.append(measure_target(networks[0], model, data, fold, target))
        advance(len(results) + len(on_targets), steps)
    assert report is not None
    return figures(model, networks[0], results, report, in_and_out, on_targets)
