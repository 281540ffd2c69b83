"""The baseline that learns nothing: the label of the nearest training sequence (Euclid)."""

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
    distance = np.zeros((len(asked), len(train)), np.float32)
    for begin in range(0, flat.shape[1], _BLOCK):
        known = flat[:, begin : begin + _BLOCK][train].astype(np.float32)
        block = asked[:, begin : begin + _BLOCK].astype(np.float32)
        distance += (known * known).sum(axis=1) - 2.0 * (block @ known.T)
    labels: NDArray[np.int64] = data.y[train][distance.argmin(axis=1)]
    return labels
