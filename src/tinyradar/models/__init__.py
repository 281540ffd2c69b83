"""The networks by name, what each reads of a sequence, and how each is trained. Needs torch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tinyradar.dataset.cache import Bytes
from tinyradar.errors import TrainingError
from tinyradar.models.frames import (
    FRAMES_SHAPE,
    RANGE_STEP,
    FrameShape,
    FrameTransformer,
)
from tinyradar.models.tinyradarnn import TinyRadarNN
from tinyradar.models.transformer import PUBLISHED, SHAPES, SMALL, RadarTransformer, Shape

__all__ = [
    "FRAMES_SHAPE",
    "MODELS",
    "PUBLISHED",
    "SHAPES",
    "SMALL",
    "Model",
    "Recipe",
    "find",
    "network_input",
]

UNIT = 64.0
"""Counts of a cached feature that make 1.0 for a network."""


@dataclass(frozen=True)
class Recipe:
    """Adam with amsgrad at ``rate``, ``batch`` sequences a step, ``epochs`` times over.

    ``every_step``: cross-entropy summed over the scores after each frame, as published for
    TinyRadarNN; else that of the sequence's only scores. ``decay``: weight decay (decoupled).
    ``cosine``: the rate falls to 0 along a cosine; else it stays. ``shift``: each sequence is moved
    by up to so many range points either way (a hand held nearer or farther; what comes in is 0);
    ``gain``: and multiplied by exp of a normal number of that deviation. ``parts``: an epoch reads
    one sequence in so many, each epoch others.
    """

    epochs: int
    batch: int
    rate: float
    every_step: bool
    decay: float = 0.0
    cosine: bool = False
    shift: int = 0
    gain: float = 0.0
    parts: int = 1


@dataclass(frozen=True)
class Model:
    """A network: how it is built from (classes, sensors), which range points it reads, a recipe.

    ``integers``: after float it is trained in integers as well (``train/integers.py``).
    """

    name: str
    build: Callable[[int, int], nn.Module]
    range_step: int
    recipe: Recipe
    integers: bool = False


def _transformer(shape: Shape) -> Model:
    def build(classes: int, sensors: int) -> nn.Module:
        return RadarTransformer(shape, classes, sensors)

    recipe = Recipe(40, 32, 1e-3, every_step=False, decay=0.02, cosine=True, shift=40, gain=0.15)
    return Model(shape.name, build, 2, recipe)


_NN = Model("tinyradarnn", TinyRadarNN, 1, Recipe(14, 16, 1e-3, every_step=True, cosine=True))
_VARIED = Model(
    "tinyradarnn-varied",
    TinyRadarNN,
    1,
    Recipe(40, 16, 1e-3, every_step=True, decay=0.02, cosine=True, shift=40, gain=0.15),
)
"""TinyRadarNN with what the transformers are trained with, and for as many epochs."""


def _frames(shape: FrameShape) -> Model:
    def build(classes: int, sensors: int) -> nn.Module:
        return FrameTransformer(shape, classes, sensors)

    recipe = Recipe(60, 32, 1e-3, every_step=False, decay=0.02, cosine=True, shift=40, gain=0.15)
    return Model(shape.name, build, RANGE_STEP, recipe)


MODELS = {
    model.name: model
    for model in (
        _NN,
        _VARIED,
        *(_transformer(s) for s in SHAPES.values()),
        _frames(FRAMES_SHAPE),
    )
}


def find(name: str) -> Model:
    """The model of that name. Raises TrainingError."""
    if name not in MODELS:
        raise TrainingError(f"There is no model '{name}'; there are {', '.join(MODELS)}.")
    return MODELS[name]


def network_input(model: Model, x: Bytes) -> NDArray[np.float32]:
    """Cached features [N, windows, 32, points, sensors] as ``model`` reads them."""
    return x[:, :, :, :: model.range_step].astype(np.float32) / np.float32(UNIT)
