"""All shipped folds on persons that nobody has seen: another seed, drawn once, chosen by nothing.

The folds' own test persons have chosen networks (folds 1 to 4 are among those on whom
``transformer-frames`` was found). These have not: every network of every fold answers for all.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import microformer
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import FOLDS, Fold, fold_name, person_folds
from tinyradar.dataset.marginals import marginals, support_vectors
from tinyradar.dataset.nearest import nearest_labels
from tinyradar.errors import RadarError
from tinyradar.models import Model, find
from tinyradar.reproduce.fixed import POPULATION, Progress, fixed_set
from tinyradar.reproduce.measure import Subject
from tinyradar.reproduce.persons import difference
from tinyradar.reproduce.runs import Run
from tinyradar.train import predict

BATCH = 48
COMPARED = ("tinyradarnn-varied", "transformer-frames")
"""The better baseline and what is claimed against it."""


@dataclass(frozen=True)
class Answers:
    """One network or baseline on the fresh persons, all folds: shares 0..1.

    ``by_person`` is the mean over the folds for each person; ``worst`` the lowest of them.
    """

    name: str
    accuracy_float: float | None
    accuracy: float
    by_fold: tuple[float, ...]
    by_person: dict[str, float]

    @property
    def worst(self) -> float:
        """Accuracy of the worst person."""
        return min(self.by_person.values())


@dataclass(frozen=True)
class Fresh:
    """What was measured once: answers in int8 (baselines as they are), and the difference."""

    data: dict[str, Any]
    answers: tuple[Answers, ...]

    def difference(self, better: str, than: str) -> tuple[float, float]:
        """(mean, standard error by person) of ``better`` - ``than``, in percentage points."""
        found = {a.name: a.by_person for a in self.answers}
        return difference(found[better], found[than])

    def to_json(self) -> str:
        """JSON text."""
        points, error = self.difference(COMPARED[1], COMPARED[0])
        plain = {
            "data": self.data,
            "answers": [asdict(a) | {"worst_person": a.worst} for a in self.answers],
            "difference": {
                "of": COMPARED[1],
                "than": COMPARED[0],
                "points": points,
                "standard_error_by_person": error,
            },
        }
        return json.dumps(plain, indent=2)


def fresh(place: Path, seed: int, processes: int, new_bar: Callable[[str], Progress]) -> Fresh:
    """Simulate the persons of ``seed`` and measure every shipped fold on them."""
    if seed == POPULATION.seed:
        raise RadarError(f"Seed {seed} is that of the training persons; give another.")
    known = fixed_set(place, keep_raw=False, processes=processes, progress=new_bar)
    drawn = fixed_set(
        place / f"fresh-{seed}",
        keep_raw=False,
        processes=processes,
        progress=new_bar,
        population=replace(POPULATION, seed=seed),
        step=known.step,  # what the device was made with
    )
    folds = person_folds(known.persons, FOLDS)
    answers = [_network(find(name), known, drawn, folds, place, new_bar) for name in COMPARED]
    answers += _baselines(known, drawn, folds, new_bar)
    described = {
        "simulated": True,
        "seed": seed,
        "persons": len(set(drawn.persons)),
        "sequences": len(drawn.x),
        "trained_on": known.digest,
        "folds": len(folds),
    }
    return Fresh(described, tuple(answers))


def _network(
    model: Model,
    known: Dataset,
    drawn: Dataset,
    folds: list[Fold],
    place: Path,
    new_bar: Callable[[str], Progress],
) -> Answers:
    advance = new_bar(f"measure {model.name}")
    rights, floats = [], []
    everyone = np.arange(len(drawn.x))
    for number, fold in enumerate(folds):
        run = Run(model, known, fold, fold_name(number, FOLDS), place, bfloat16=False)
        network = run.floats()
        if network is None:
            raise RadarError(f"The weights of {run.name} are missing; run tinyradar train first.")
        floats.append(float((predict(network, model, drawn, everyone) == drawn.y).mean()))
        _, compiled = Subject(model, fold, network).compiled(known, "host")
        labels = []
        for begin in range(0, len(everyone), BATCH):
            x = model.reader.inputs(drawn.x[begin : begin + BATCH])
            outputs = microformer.predict(compiled, x)
            labels.append(outputs.reshape(len(x), -1).argmax(axis=1))
            advance(number * len(everyone) + begin + len(x), len(folds) * len(everyone))
        rights.append(np.concatenate(labels) == drawn.y)
    return _answers(model.name, rights, drawn, float(np.mean(floats)))


def _baselines(
    known: Dataset, drawn: Dataset, folds: list[Fold], new_bar: Callable[[str], Progress]
) -> list[Answers]:
    advance = new_bar("measure baselines")
    ours = marginals(known, np.arange(len(known.x)))
    theirs = marginals(drawn, np.arange(len(drawn.x)))
    vectors, nearest = [], []
    for number, (train, _) in enumerate(folds):
        vectors.append(support_vectors(ours[train], known.y[train], theirs) == drawn.y)
        nearest.append(nearest_labels(known, train, drawn) == drawn.y)
        advance(number + 1, len(folds))
    return [
        _answers("support vector machine", vectors, drawn, None),
        _answers("nearest neighbour", nearest, drawn, None),
    ]


def _answers(
    name: str, rights: list[NDArray[np.bool_]], drawn: Dataset, floats: float | None
) -> Answers:
    mean = np.mean(rights, axis=0)  # [sequences], over the folds
    persons = np.array(drawn.persons)
    return Answers(
        name,
        floats,
        float(mean.mean()),
        tuple(float(right.mean()) for right in rights),
        {str(p): float(mean[persons == p].mean()) for p in np.unique(persons)},
    )
