"""A program that remembers, step by step: the states that one step writes are read by the next."""

import numpy as np

from microformer.graph.ends import by_name, records
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import Array
from microformer.reference import evaluate


def initial_states(graph: IntGraph, count: int) -> dict[str, Array]:
    """Levels [count, *shape] of each state before the first step: those of zero."""
    made = {}
    for read, _ in graph.states:
        tensor = graph.tensors[read]
        assert tensor.qparams is not None
        zero = tensor.qparams.zero_point
        made[read] = np.full((count, *tensor.shape), zero, tensor.dtype)
    return made


def stream(graph: IntGraph, x: Array, steps: int) -> tuple[Array, dict[str, Array]]:
    """Levels of all inputs as records [N * steps], and of all outputs [N * steps, *shape] by name.

    ``x`` [N * steps, ...] (or records) are real values of the inputs that are no states, sequence
    by sequence. Every sequence begins with states of zero.
    """
    kept = {read for read, _ in graph.states}
    names = [name for name in graph.inputs if name not in kept]
    count = len(x) // steps
    given = {}
    for name, values in by_name(x, names).items():
        tensor = graph.tensors[name]
        levels = tensor.quantize(values.reshape(len(x), *tensor.shape))
        given[name] = levels.reshape(count, steps, *tensor.shape)
    states = initial_states(graph, count)
    read: list[dict[str, Array]] = []
    written: list[dict[str, Array]] = []
    for at in range(steps):
        now = {name: values[:, at] for name, values in given.items()} | states
        now = {name: now[name] for name in graph.inputs}
        made = evaluate(graph, records(now))
        read.append(now)
        written.append({name: made[name] for name in graph.outputs})
        states = {r: made[w].reshape(states[r].shape) for r, w in graph.states}

    def whole(parts: list[dict[str, Array]], name: str) -> Array:
        found = np.stack([part[name] for part in parts], axis=1)  # [N, steps, *shape]
        return found.reshape(count * steps, *found.shape[2:])

    inputs = records({name: whole(read, name) for name in graph.inputs})
    return inputs, {name: whole(written, name) for name in graph.outputs}


def real_inputs(graph: IntGraph, levels: Array) -> Array:
    """What ``stream`` gave as levels, as the real values that are quantised to them."""
    made = {}
    for name, values in by_name(levels, graph.inputs).items():
        tensor = graph.tensors[name]
        made[name] = values if tensor.qparams is None else tensor.qparams.real(values)
    return records(made)
