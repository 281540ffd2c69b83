"""Splits by person or by recording; there is none by sequence, because sequences overlap."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinyradar.errors import DatasetError

Indices = NDArray[np.int64]
Fold = tuple[Indices, Indices]
"""(train, test) indices of sequences."""


class Labelled(Protocol):
    """What training needs of a set: sequences ``x`` [N, ...] in the set's own values, their labels
    and persons, the labels' names, whether it is simulated, and the set's name for its weights."""

    @property
    def x(self) -> NDArray[Any]: ...
    @property
    def y(self) -> NDArray[np.int64]: ...
    @property
    def persons(self) -> tuple[str, ...]: ...
    @property
    def gestures(self) -> tuple[str, ...]: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def digest(self) -> str: ...


FOLDS = 5
"""Groups of persons in all our figures."""


def fold_name(number: int, count: int) -> str:
    """The name of fold ``number`` in files; ``count`` as of ``person_folds``."""
    if count == 0:
        return f"person{number}"
    return f"fold{number}" if count == FOLDS else f"fold{number}of{count}"


def by_number(persons: Iterable[str]) -> list[str]:
    """Each of ``persons`` once: p2 before p10."""
    return sorted(set(persons), key=lambda p: (len(p), p))


def person_folds(
    persons: Sequence[str], count: int, seed: int = 0
) -> list[tuple[Indices, Indices]]:
    """(train, test) indices of ``count`` folds; each person is wholly in one test part.

    ``count`` 0 leaves one person out at a time, as published.
    """
    names = by_number(persons)
    return _grouped(persons, names, count or len(names), seed, "persons")


def recording_folds(
    recordings: Sequence[str], count: int, seed: int = 0
) -> list[tuple[Indices, Indices]]:
    """The same by recording, for the single-user protocol."""
    return _grouped(recordings, sorted(set(recordings)), count, seed, "recordings")


def _grouped(
    keys: Sequence[str], names: list[str], count: int, seed: int, what: str
) -> list[tuple[Indices, Indices]]:
    if not 2 <= count <= len(names):
        raise DatasetError(f"{count} folds need between 2 and all of the {len(names)} {what}.")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(names))
    fold_of = {names[i]: rank % count for rank, i in enumerate(order)}
    where = np.array([fold_of[key] for key in keys])
    return [(np.flatnonzero(where != f), np.flatnonzero(where == f)) for f in range(count)]
