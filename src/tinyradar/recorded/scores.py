"""From classes to figures: pooled, by gesture, by person, with the error of persons drawn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.traces import TraceSet
from tinyradar.recorded.baselines import Baseline
from tinyradar.recorded.protocol import TESTS, Part, Protocol, chosen
from tinyradar.recorded.tasks import ARITHMETICS, Answers
from tinyradar.reproduce.persons import standard_error


@dataclass(frozen=True)
class Scores:
    """One network or baseline on one protocol: shares 0..1, all persons held out, seeds averaged.

    ``accuracy`` of all traces; ``macro`` the mean over gestures; ``by_person`` and ``worst``;
    ``error`` the standard error of the mean by person; ``by_seed`` the accuracy of each.
    """

    protocol: str
    who: str
    arithmetic: str
    traces: int
    accuracy: float
    macro: float
    worst: float
    error: float
    by_seed: tuple[float, ...]
    by_person: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def scores(
    data: TraceSet,
    protocol: Protocol,
    parts: Sequence[Part],
    answers: Sequence[Answers],
    baselines: Sequence[Baseline],
) -> list[Scores]:
    """Of each network, arithmetic and baseline; behind paper under the name of its own."""
    mine = chosen(data, protocol)
    found = []
    for test in TESTS:
        name = protocol.name if test == "open" else f"{protocol.name}, {test}"
        where = [getattr(part, test) for part in parts]
        asked = np.concatenate(where)
        if not len(asked):
            continue
        for model in dict.fromkeys(a.task.model for a in answers):
            for arithmetic in ARITHMETICS:
                by_seed = []
                for seed in sorted({a.task.seed for a in answers}):
                    of = {
                        a.task.part.fold: a.of(arithmetic, test)
                        for a in answers
                        if (a.task.model, a.task.seed) == (model, seed)
                    }
                    by_seed.append(np.concatenate([of[part.fold] for part in parts]))
                found.append(_scored(name, model, arithmetic, mine, asked, by_seed))
        for who in dict.fromkeys(b.who for b in baselines):
            given = {b.fold: b.classes[test] for b in baselines if b.who == who}
            classes = np.concatenate([given[part.fold] for part in parts])
            found.append(_scored(name, who, "", mine, asked, [classes]))
    return found


def _scored(
    protocol: str,
    who: str,
    arithmetic: str,
    mine: TraceSet,
    asked: NDArray[np.int64],
    by_seed: Sequence[NDArray[Any]],
) -> Scores:
    y = mine.y[asked]
    right = np.stack([classes == y for classes in by_seed])  # [seeds, traces]
    share = right.mean(axis=0)
    persons = np.array([mine.persons[i] for i in asked])
    by_person = {str(p): float(share[persons == p].mean()) for p in sorted(set(persons))}
    return Scores(
        protocol,
        who,
        arithmetic,
        len(asked),
        float(share.mean()),
        float(np.mean([share[y == label].mean() for label in sorted(set(y.tolist()))])),
        min(by_person.values()),
        standard_error(by_person.values()),
        tuple(float(r.mean()) for r in right),
        by_person,
    )
