"""The baseline that learns nothing: the label of the nearest training sequence (Euclid)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import Indices

_BLOCK = 4096
"""Values of a sequence at a time: what bounds the memory."""


def nearest_neighbour(data: Dataset, train: Indices, test: Indices) -> NDArray[np.int64]:
    """The labels that 1-nearest-neighbour on the raw features gives ``test``."""
    return _labels(data, train, data.x.reshape(len(data.x), -1)[test])


def nearest_labels(data: Dataset, train: Indices, asked: Dataset) -> NDArray[np.int64]:
    """The labels that it gives all sequences of another set."""
    return _labels(data, train, asked.x.reshape(len(asked.x), -1))


def _labels(data: Dataset, train: Indices, asked: NDArray[np.uint8]) -> NDArray[np.int64]:
    flat = data.x.reshape(len(data.x), -1)
    return nearest_of(flat, data.y[train], asked, train)


def nearest_of(
    known: NDArray[Any], y: NDArray[np.int64], asked: NDArray[Any], rows: Indices | None = None
) -> NDArray[np.int64]:
    """Labels ``y`` of the nearest of ``known`` [N, values], or of its ``rows``, to each asked."""
    distance = np.zeros((len(asked), len(y)), np.float32)
    for begin in range(0, known.shape[1], _BLOCK):
        block = known[:, begin : begin + _BLOCK]
        mine = (block if rows is None else block[rows]).astype(np.float32)
        theirs = asked[:, begin : begin + _BLOCK].astype(np.float32)
        distance += (mine * mine).sum(axis=1) - 2.0 * (theirs @ mine.T)
    labels: NDArray[np.int64] = y[distance.argmin(axis=1)]
    return labels
