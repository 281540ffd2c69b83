"""The networks by name, what each reads of a sequence, and how each is trained. Needs torch."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from tinyradar.errors import TrainingError
from tinyradar.models.frames import (
    FRAMES_SHAPE,
    RANGE_STEP,
    FrameShape,
    FrameTransformer,
)
from tinyradar.models.reading import UNIT, MapReader, Reader, TraceReader
from tinyradar.models.tinyradarnn import TinyRadarNN
from tinyradar.models.traces import TRACE_NET, TRACE_SHAPE, TraceNet, TraceShape, TraceTransformer
from tinyradar.models.transformer import PUBLISHED, SHAPES, SMALL, RadarTransformer, Shape

__all__ = [
    "FRAMES_SHAPE",
    "MODELS",
    "PUBLISHED",
    "SHAPES",
    "SMALL",
    "TRACE_MODELS",
    "UNIT",
    "Model",
    "Recipe",
    "find",
]


@dataclass(frozen=True)
class Recipe:
    """Adam with amsgrad at ``rate``, ``batch`` sequences a step, ``epochs`` times over.

    ``every_step``: cross-entropy summed over the scores after each frame, as published for
    TinyRadarNN; else that of the sequence's only scores. ``decay``: weight decay (decoupled).
    ``cosine``: the rate falls to 0 along a cosine; else it stays. ``warm``: it rises over so many
    steps. ``smooth``: of the wanted probability so much is spread over all classes. ``parts``: an
    epoch reads one sequence in so many, each epoch others.
    """

    epochs: int
    batch: int
    rate: float
    every_step: bool
    decay: float = 0.0
    cosine: bool = False
    warm: int = 0
    smooth: float = 0.0
    parts: int = 1


@dataclass(frozen=True)
class Model:
    """A network: how it is built from (classes, sensors), how it reads a set, a recipe.

    ``integers``: after float it is trained in integers as well (``train/integers.py``).
    """

    name: str
    build: Callable[[int, int], nn.Module]
    reader: Reader
    recipe: Recipe
    integers: bool = False


def _varied(step: int) -> MapReader:
    """Maps that are moved and amplified while training."""
    return MapReader(step, shift=40, gain=0.15)


def _transformer(shape: Shape) -> Model:
    def build(classes: int, sensors: int) -> nn.Module:
        return RadarTransformer(shape, classes, sensors)

    recipe = Recipe(40, 32, 1e-3, every_step=False, decay=0.02, cosine=True)
    return Model(shape.name, build, _varied(2), recipe)


_NN = Model(
    "tinyradarnn", TinyRadarNN, MapReader(1), Recipe(14, 16, 1e-3, every_step=True, cosine=True)
)
_VARIED = Model(
    "tinyradarnn-varied",
    TinyRadarNN,
    _varied(1),
    Recipe(40, 16, 1e-3, every_step=True, decay=0.02, cosine=True),
)
"""TinyRadarNN with what the transformers are trained with, and for as many epochs."""


def _frames(shape: FrameShape) -> Model:
    def build(classes: int, sensors: int) -> nn.Module:
        return FrameTransformer(shape, classes, sensors)

    recipe = Recipe(60, 32, 1e-3, every_step=False, decay=0.02, cosine=True)
    return Model(shape.name, build, _varied(RANGE_STEP), recipe)


MODELS = {
    model.name: model
    for model in (
        _NN,
        _VARIED,
        *(_transformer(s) for s in SHAPES.values()),
        _frames(FRAMES_SHAPE),
    )
}


def _traces(shape: TraceShape) -> Model:
    def build(classes: int, _values: int) -> nn.Module:
        return TraceTransformer(shape, classes)

    return Model(shape.name, build, TraceReader(), TRACE_RECIPE)


TRACE_RECIPE = Recipe(
    80, 64, 2e-3, every_step=False, decay=0.05, cosine=True, warm=200, smooth=0.05
)
"""Of both networks for recorded traces."""
TRACE_MODELS = {
    model.name: model
    for model in (
        Model("cnn-tcn-traces", lambda n, _: TraceNet(TRACE_NET, n), TraceReader(), TRACE_RECIPE),
        _traces(TRACE_SHAPE),
    )
}


def find(name: str) -> Model:
    """The model of that name. Raises TrainingError."""
    if name not in MODELS:
        raise TrainingError(f"There is no model '{name}'; there are {', '.join(MODELS)}.")
    return MODELS[name]
