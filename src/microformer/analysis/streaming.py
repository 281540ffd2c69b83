"""Sequences through a float model that remembers: each step reads the states of the one before."""

import numpy as np

from microformer.analysis.float_run import FloatRunner
from microformer.graph.ends import by_name, records
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array


def stream_floats(model: FloatModel, x: Array, steps: int) -> Array:
    """Records [N * steps] of all inputs, states among them, for what a caller gives.

    ``x`` [N * steps, ...] (or records) are the inputs that are no states, sequence by sequence in
    order. States are zero at the begin of each.
    """
    given = by_name(x, [end.name for end in model.given])
    runner = FloatRunner(model)
    shapes = {end.name: end.shape for end in model.inputs}
    zeros = {read: np.zeros(shapes[read], np.float32) for read, _ in model.states}
    made = {name: np.zeros((len(x), *shapes[name][1:]), np.float32) for name in zeros}
    states = zeros
    for row in range(len(x)):
        if row % steps == 0:
            states = zeros
        for name, value in states.items():
            made[name][row] = value[0]
        one = {name: values[row : row + 1] for name, values in given.items()}
        found = runner(records(_ordered(model, one | states)))
        states = {r: found[w].reshape(shapes[r]).astype(np.float32) for r, w in model.states}
    return records(_ordered(model, given | made))


def _ordered(model: FloatModel, values: dict[str, Array]) -> dict[str, Array]:
    """By the model's own order of inputs."""
    return {end.name: values[end.name] for end in model.inputs}
