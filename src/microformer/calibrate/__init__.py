"""Stage ``calibrate``: FloatModel + samples -> Ranges, by running onnxruntime on every sample."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from microformer.analysis.float_run import FloatRunner
from microformer.analysis.rows import grouped, matrix_tensors, stream_tensors
from microformer.calibrate.observer import Observer
from microformer.errors import DataError
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.tensor import Array

__all__ = ["calibrate"]


def calibrate(
    model: FloatModel,
    samples: Array,
    *,
    calibrated: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Ranges:
    """Ranges of every float tensor over ``samples`` [N, *input shape without batch], or records.

    Two passes of the samples, one at a time (nothing but a histogram a tensor stays in memory):
    extremes first, then 2048-bin histograms between them, from which the clipped range of least
    mean squared quantisation error is taken. Pass ``calibrated=False`` for random data. Raises
    DataError where the float model itself gives NaN or Inf.
    """
    runner = FloatRunner(model, keep=True)
    observers = {name: Observer() for name in runner.names}
    streams = stream_tensors(model)
    sequences = {**streams, **matrix_tensors(model)}
    lows = {name: np.full(rows, np.inf) for name, rows in sequences.items()}
    highs = {name: np.full(rows, -np.inf) for name, rows in sequences.items()}
    total = 2 * len(samples)
    for step in range(total):
        for name, value in runner(samples[step % len(samples)][None]).items():
            if step < len(samples):
                if not np.isfinite(value).all():
                    raise DataError(
                        f"The float model gives NaN or Inf at tensor '{name}' for sample {step}; "
                        "check the model's weights and the scaling of the samples."
                    )
                observers[name].see_extremes(value)
                if name in lows:
                    np.minimum(lows[name], value[0].min(axis=1), out=lows[name])
                    np.maximum(highs[name], value[0].max(axis=1), out=highs[name])
            else:
                observers[name].see_values(value)
        if progress is not None:
            progress(step + 1, total)
    by_name = {name: observer.range() for name, observer in observers.items()}
    for name in model.output_names & by_name.keys():
        seen = by_name[name]
        # an answer itself is never clipped: what saturates there cannot be told apart
        by_name[name] = replace(seen, low=seen.observed_low, high=seen.observed_high, choices=())
    return Ranges(by_name, len(samples), calibrated, grouped(lows, highs, streams))
