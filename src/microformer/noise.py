"""Samples of noise, for whoever has none: ranges from them mean nothing, shapes do."""

import numpy as np

from microformer.graph.ends import records
from microformer.graph.float_model import FloatModel
from microformer.samples import Samples, smallest_table

RANDOM_STEPS = 8
"""Steps of a sequence of random samples."""


def random_samples(model: FloatModel, count: int, seed: int) -> Samples:
    """Standard normal values (or any indices): ranges from them mean nothing, shapes do."""
    generator = np.random.default_rng(seed)
    made = {}
    steps = RANDOM_STEPS if model.states else 0
    rows = count * (steps or 1)
    for end in model.given:
        shape = (rows, *end.shape[1:])
        if end.dtype == "int32":
            highest = min(smallest_table(model, end.name), 2**31 - 1)
            made[end.name] = generator.integers(0, highest, shape, np.int32)
        else:
            made[end.name] = generator.standard_normal(shape).astype(np.float32)
    return Samples(records(made), None, steps=steps)
