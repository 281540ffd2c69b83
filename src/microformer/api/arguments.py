"""What the verbs are given, as the stages want it: models loaded, samples checked."""

from typing import Any

from microformer import pipeline
from microformer.errors import DataError
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.frontend import SensorFrontEnd
from microformer.samples import Samples, SamplesLike, as_arrays, check_samples


def basis_of(model: FloatModel, x: SamplesLike | None, ranges: Ranges | None) -> Samples | Ranges:
    """What the scales are taken from: one of both."""
    if ranges is not None and x is None:
        return ranges
    if x is None or ranges is not None:
        raise DataError("Give either samples x to take the ranges from, or ranges.")
    return samples_of(x, None, model)


def model_of(source: Any, x: SamplesLike | None) -> FloatModel:
    """``source`` itself if it is loaded already, else what ``load`` makes of it.

    The first of the samples is the example that a torch module needs.
    """
    if isinstance(source, FloatModel):
        return source
    if x is None:
        return pipeline.load_model(source)
    given = as_arrays(x, "x")
    if isinstance(given, dict):
        first = {name: values[:1] for name, values in given.items()}
        return pipeline.load_model(source, example=first)
    return pipeline.load_model(source, example=given[:1])


def samples_of(
    x: SamplesLike, y: SamplesLike | None, model: FloatModel, front: SensorFrontEnd | None = None
) -> Samples:
    """What the user gave as checked arrays."""
    labels = None if y is None else as_arrays(y, "y")
    return check_samples(as_arrays(x, "x"), labels, model, "x", front)
