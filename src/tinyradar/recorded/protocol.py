"""Who is trained on and who is asked: five folds by person, in the open and behind paper."""

from dataclasses import dataclass

import numpy as np

from tinyradar.dataset.folds import FOLDS, Indices, person_folds
from tinyradar.dataset.traces import CORRUGATED, FIVE, OPEN, PAPER, TEN, TraceSet

SEEDS = (0, 1, 2)
TESTS = ("open", "paper")
"""What the networks of a fold are asked: the fold's own persons, and persons behind paper."""


@dataclass(frozen=True)
class Protocol:
    """``gestures`` are told apart; trained on traces with nothing between hand and radar."""

    name: str
    gestures: tuple[str, ...]


PROTOCOLS = {p.name: p for p in (Protocol("five", FIVE), Protocol("ten", TEN))}


@dataclass(frozen=True, eq=False)
class Part:
    """One fold: indices of the protocol's traces (``chosen``), by which it is trained and tested.

    ``train`` and ``open``: traces in the open, no person in both. ``paper``: traces behind paper
    or corrugated paper of persons who are not in ``train``; each such trace is in one fold only.
    """

    fold: int
    train: Indices
    open: Indices
    paper: Indices


def chosen(data: TraceSet, protocol: Protocol) -> TraceSet:
    """The traces that a protocol's indices count, in all scenes."""
    return data.only(protocol.gestures, (OPEN, PAPER, CORRUGATED))


def parts_of(data: TraceSet, protocol: Protocol, folds: tuple[int, ...]) -> list[Part]:
    """The folds of a protocol. Persons who were recorded behind paper only have folds of theirs."""
    mine = chosen(data, protocol)
    scene = np.array(mine.scenes)
    person = np.array(mine.persons)
    known = np.flatnonzero(scene == OPEN)
    fold_of = _fold_of([mine.persons[i] for i in known])
    rest = sorted(set(mine.persons) - set(fold_of))
    fold_of |= _fold_of(rest) if len(rest) >= FOLDS else dict.fromkeys(rest, 0)
    where = np.array([fold_of[name] for name in person])
    return [
        Part(
            fold,
            np.flatnonzero((scene == OPEN) & (where != fold)),
            np.flatnonzero((scene == OPEN) & (where == fold)),
            np.flatnonzero((scene != OPEN) & (where == fold)),
        )
        for fold in folds
    ]


def _fold_of(persons: list[str]) -> dict[str, int]:
    return {
        persons[i]: fold
        for fold, (_, test) in enumerate(person_folds(persons, FOLDS))
        for i in test
    }
