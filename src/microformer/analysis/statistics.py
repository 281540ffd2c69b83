"""How far integers are from real values, and whether a difference is more than chance."""

import math

import numpy as np
from numpy.typing import NDArray

from microformer.graph.tensor import Array


def sqnr_db(real: Array, approximate: Array) -> float:
    """10 log10 of signal power over error power, both of any same shape; inf where equal."""
    error = float(np.square(real - approximate).sum())
    signal = float(np.square(real).sum())
    if error == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / error) if signal > 0.0 else -math.inf


def beyond_chance(gains: NDArray[np.float64]) -> bool:
    """Whether the mean of paired differences [N] exceeds twice its standard error.

    The samples before and after are the same, so the test is the paired one; what gains by chance
    on them would not gain on others. False for a single sample.
    """
    if len(gains) < 2 or not np.isfinite(gains).all():
        return False
    spread = float(gains.std(ddof=1)) / math.sqrt(len(gains))
    return float(gains.mean()) > 2.0 * spread
