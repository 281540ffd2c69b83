"""Figures by person: persons are what was drawn, so errors are of their mean."""

import math
from collections.abc import Iterable, Mapping

import numpy as np


def standard_error(values: Iterable[float]) -> float:
    """Of the mean of ``values``; not a number for one of them."""
    found = np.array(list(values))
    return float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else math.nan


def difference(better: Mapping[str, float], than: Mapping[str, float]) -> tuple[float, float]:
    """(mean, standard error) over persons of ``better`` - ``than``, in percentage points."""
    gaps = [100 * (better[person] - than[person]) for person in sorted(better)]
    return float(np.mean(gaps)), standard_error(gaps)
