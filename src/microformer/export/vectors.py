"""The samples that a firmware measures itself with: made alike here and there, or the user's own.

Those that are made cover each input's range and a quarter more, so that the quantiser saturates
too: value = k 2^e with k = (state >> 23) - 256 of a linear congruential generator, exact in
float32; indices are (state >> 8) mod the rows of the table. The state goes on over all inputs and
samples.
"""

import math
from dataclasses import dataclass

import numpy as np

from microformer.errors import DataError
from microformer.graph.ends import by_name, flat_outputs, quantized, records
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import Embedding
from microformer.graph.tensor import Array, Tensor
from microformer.reference import evaluate

SAMPLES = 8
SEED = 1
_MULTIPLIER, _INCREMENT, _WORD = 1664525, 1013904223, 1 << 32
_STEPS = 256
_BEYOND = 1.25


@dataclass(frozen=True, eq=False)
class Vectors:
    """``inputs`` [N, *shape] of each input by name, and all output bytes int8 [N, bytes]."""

    inputs: dict[str, Array]
    outputs: Array
    given: bool


def step_of(tensor: Tensor) -> float:
    """2^e: so large that 256 of them reach a quarter beyond the largest real value."""
    levels = np.array([[-128] * tensor.size, [127] * tensor.size], np.int8)
    largest = float(np.abs(tensor.dequantize(levels.reshape(2, *tensor.shape))).max())
    return float(2.0 ** math.ceil(math.log2(max(largest, 2.0**-100) * _BEYOND / _STEPS)))


def rows_of(graph: IntGraph, name: str) -> int:
    """Rows of the smallest table that the indices of input ``name`` look up."""
    tables = [
        graph.tensors[node.inputs[1]].shape[0]
        for node in graph.nodes
        if isinstance(node.op, Embedding) and node.inputs[0] == name
    ]
    return min(tables, default=1)


def made(graph: IntGraph, count: int = SAMPLES) -> Vectors:
    """``count`` samples of the generator."""
    state = SEED
    inputs: dict[str, list[Array]] = {name: [] for name in graph.inputs}
    for _ in range(count):
        for name, samples in inputs.items():
            tensor = graph.tensors[name]
            words = np.empty(tensor.size, np.int64)
            for i in range(tensor.size):
                state = (state * _MULTIPLIER + _INCREMENT) % _WORD
                words[i] = state
            if tensor.qparams is None:
                values = (words >> 8) % rows_of(graph, name)
                samples.append(values.astype(tensor.dtype).reshape(tensor.shape))
            else:
                steps = (words >> 23) - _STEPS
                real = steps.astype(np.float32) * np.float32(step_of(tensor))
                samples.append(real.reshape(tensor.shape))
    return of(graph, {name: np.stack(samples) for name, samples in inputs.items()}, given=False)


def given(graph: IntGraph, x: Array, count: int = SAMPLES) -> Vectors:
    """The first ``count`` of a user's samples. Raises DataError if there are none."""
    if not len(x):
        raise DataError("There is no sample to measure with; give one or more.")
    return of(graph, by_name(x[:count], graph.inputs), given=True)


def of(graph: IntGraph, inputs: dict[str, Array], *, given: bool) -> Vectors:
    """Samples with what the reference makes of them."""
    shaped = {}
    for name, values in inputs.items():
        tensor = graph.tensors[name]
        kind = "float32" if tensor.qparams is not None else tensor.dtype
        shaped[name] = values.reshape(len(values), *tensor.shape).astype(kind, copy=False)
    outputs = flat_outputs(graph, evaluate(graph, quantized(graph, records(shaped))))
    return Vectors(shaped, outputs.reshape(len(outputs), -1), given)
