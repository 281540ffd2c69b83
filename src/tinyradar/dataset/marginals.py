"""The baseline that learns little: a support vector machine on the maps' logarithmic marginals."""

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import Indices

RANGES = 41
"""Parts that the range points are added up in."""


def marginals(data: Dataset, chosen: Indices) -> NDArray[np.float32]:
    """[N, features]: of each window and sensor the map's sums over range and over Doppler, log."""
    rows = []
    for index in chosen:
        maps = data.x[index].astype(np.float32)  # [windows, Doppler, range, sensors]
        doppler = maps.sum(axis=2)
        parts = np.array_split(maps.sum(axis=1), RANGES, axis=1)
        ranges = np.stack([part.sum(axis=1) for part in parts], axis=1)
        rows.append(np.concatenate([np.log1p(doppler).ravel(), np.log1p(ranges).ravel()]))
    return np.stack(rows).astype(np.float32)


def support_vectors(
    known: NDArray[np.float32], y: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Labels of ``asked`` by a radial-basis machine (C = 10) on standardised features."""
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  an extra
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415
    from sklearn.svm import SVC  # noqa: PLC0415

    machine = make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale"))
    machine.fit(known, y)
    labels: NDArray[np.int64] = machine.predict(asked)
    return labels
