"""What needs no gradient: the nearest training trace, and a support vector machine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.marginals import support_vectors
from tinyradar.dataset.nearest import nearest_of
from tinyradar.dataset.traces import TraceSet
from tinyradar.models.reading import codes
from tinyradar.recorded.protocol import TESTS, Part

BASELINES = ("nearest neighbour", "support vectors")


@dataclass(frozen=True, eq=False)
class Baseline:
    """The classes that a baseline gave the traces of a fold's tests."""

    who: str
    fold: int
    classes: dict[str, NDArray[np.int64]]


def flat_codes(mine: TraceSet) -> NDArray[np.float32]:
    """[N, 280]: traces as the networks read them, in a row."""
    return codes(mine.x).reshape(len(mine.x), -1).astype(np.float32)


def baseline(
    who: str, flat: NDArray[np.float32], labels_of: NDArray[np.int64], part: Part
) -> Baseline:
    """Ask ``who``, who knows the fold's training traces; ``flat`` and labels are of a protocol."""
    known, y = flat[part.train], labels_of[part.train]
    ask = nearest_of if who == BASELINES[0] else support_vectors
    asked = np.concatenate([flat[getattr(part, test)] for test in TESTS])
    labels = ask(known, y, asked)
    cut = np.cumsum([len(getattr(part, test)) for test in TESTS])[:-1]
    return Baseline(who, part.fold, dict(zip(TESTS, np.split(labels, cut), strict=True)))
