"""How near the integers come to the float model: per layer and at the output."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from microformer.analysis.float_run import FloatRunner
from microformer.graph.compiled import Compiled
from microformer.graph.ends import flat_outputs, quantized, scored
from microformer.graph.tensor import Array, Tensor
from microformer.reference import evaluate

LAYER_SAMPLES = 32
"""Samples that per-layer SQNR is taken over; the output's is taken over all."""
BATCH = 32


class Fidelity:
    """Runs the integers and the float model over samples, with progress."""

    def __init__(
        self, compiled: Compiled, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._compiled = compiled
        self._progress = progress

    def outputs(self, x: Array, x_float: Array | None = None) -> tuple[Array, Array, Array]:
        """(int8 outputs [N, ...] by the NumPy reference, their scores, float ones); flat if many.

        ``x_float`` are the float model's samples, where they are others.

        Scores are the outputs themselves, or what an output is the largest value's place of.
        """
        graph, model = self._compiled.int_graph, self._compiled.float_model
        ends = scored(graph)
        both = replace(graph, outputs=(*graph.outputs, *ends.outputs))
        runner = FloatRunner(model)
        integers, scores, floats = [], [], []
        for start in range(0, len(x), BATCH):
            part = x[start : start + BATCH]
            values = evaluate(both, quantized(graph, part))
            integers.append(flat_outputs(graph, values))
            scores.append(flat_outputs(ends, values))
            for index in range(len(part)):
                row = start + index
                values = runner(part[index][None] if x_float is None else x_float[row][None])
                floats.append(np.concatenate([values[e.name].reshape(-1) for e in model.outputs]))
            if self._progress is not None:
                self._progress(start + len(part), len(x))
        levels, real = np.concatenate(scores), np.stack(floats).astype(np.float64)
        return np.concatenate(integers), levels, real.reshape(levels.shape)


def accuracy(scores: Array, y: Array | None) -> float | None:
    """Share of samples [N, ...] whose largest score is at class ``y`` [N]; -1 is not asked."""
    if y is None:
        return None
    asked = y >= 0
    return float((scores.reshape(len(scores), -1)[asked].argmax(axis=1) == y[asked]).mean())


def _as_stored(tensor: Tensor, value: Array) -> Array:
    """A float tensor [1, ...] in the axis order in which the int tensor is stored."""
    perm = tensor.source_perm
    if perm is None:
        return value.reshape(tensor.shape)
    logical = [0] * len(perm)
    for stored_axis, axis in enumerate(perm):
        logical[axis] = tensor.shape[stored_axis]
    return value.reshape(logical).transpose(perm)


def layer_sqnr(compiled: Compiled, x: Array) -> dict[str, float]:
    """SQNR in dB of every int tensor that stands for a float one, over a few samples."""
    part = x[:LAYER_SAMPLES]
    runner = FloatRunner(compiled.float_model, keep=True)
    graph = compiled.int_graph
    values = evaluate(graph, quantized(graph, part), keep=True)
    signal: dict[str, float] = {}
    error: dict[str, float] = {}
    for index in range(len(part)):
        floats = runner(part[index][None])
        for name, levels in values.items():
            tensor = graph.tensors[name]
            if tensor.qparams is None or tensor.source not in floats:
                continue
            real = _as_stored(tensor, floats[tensor.source].astype(np.float64))
            difference = real - tensor.dequantize(levels[index][None])[0]
            signal[name] = signal.get(name, 0.0) + float(np.square(real).sum())
            error[name] = error.get(name, 0.0) + float(np.square(difference).sum())
    return {
        name: 10.0 * math.log10(signal[name] / error[name])
        for name in signal
        if error[name] > 0.0 and signal[name] > 0.0
    }
