"""The search's spec for recorded hands (``microformer search`` reads this module): transformers.

Trained and judged on the training persons of fold 0 alone, by an inner fold of them; ``final`` is
the accuracy on the fold's test persons, whom no trial saw.

    microformer search tinyradar.recorded.candidates --with folder=DIR --target pulp-ri5cy
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from tinyradar.dataset.folds import Fold, person_folds
from tinyradar.dataset.traces import FRAMES, VALUES, TraceSet, read_traces
from tinyradar.errors import RadarError
from tinyradar.models import TRACE_MODELS, Model
from tinyradar.models.traces import TraceShape, TraceTransformer
from tinyradar.recorded.protocol import PROTOCOLS, chosen, parts_of
from tinyradar.train import predict, train
from tinyradar.train.integers import calibration

EXAMPLE = (FRAMES, VALUES)
INNER = 4
"""Inner folds of the training persons; a trial is judged by the first."""
EPOCHS = 30
"""Of a trial; finalists train as long."""
_BASE = TRACE_MODELS["transformer-traces"]


@dataclass
class _Given:
    """The set, what is trained on and held out of it, and whom nobody saw."""

    data: TraceSet
    inner: Fold
    unseen: NDArray[np.int64]


_given: list[_Given] = []


def configure(folder: str = "", protocol: str = "five") -> None:
    """Read the set in ``folder``. Raises RadarError."""
    if not folder or protocol not in PROTOCOLS:
        raise RadarError("Give --with folder=DIR, and protocol=five or ten.")
    data = read_traces(Path(folder))
    (part,) = parts_of(data, PROTOCOLS[protocol], (0,))
    mine = chosen(data, PROTOCOLS[protocol])
    train_part, held = person_folds([mine.persons[i] for i in part.train], INNER, seed=7)[0]
    _given[:] = [_Given(mine, (part.train[train_part], part.train[held]), part.open)]


def _shape(trial: Any) -> TraceShape:
    """A transformer's sizes, as the trial chooses them."""
    stride = trial.suggest_categorical("stride", [1, 2, 4])
    return TraceShape(
        "candidate",
        kernel=stride + trial.suggest_categorical("reach", [0, 2]),
        stride=stride,
        width=trial.suggest_int("width", 16, 48, step=8),
        heads=trial.suggest_categorical("heads", [1, 2, 4, 8]),
        head_dim=trial.suggest_categorical("head_dim", [4, 8, 16]),
        hidden=trial.suggest_int("hidden", 16, 96, step=16),
        layers=trial.suggest_int("layers", 1, 3),
        dropout=trial.suggest_float("dropout", 0.05, 0.25),
    )


def build(trial: Any) -> tuple[nn.Module, Callable[[Any], None], Callable[[], float]]:
    """(network, train, evaluate) of a trial: the held-out mean cross-entropy."""
    torch.set_num_threads(1)
    given = _ready()
    shape = _shape(trial)
    network = TraceTransformer(shape, len(given.data.gestures))
    recipe = replace(_BASE.recipe, epochs=EPOCHS, rate=trial.suggest_float("rate", 1e-3, 4e-3))
    model = Model(shape.name, lambda _n, _v: network, _BASE.reader, recipe)

    def run(report: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="tinyradar-") as place:
            train(
                model,
                given.data,
                given.inner,
                Path(place),
                network=network,
                progress=lambda epoch, _epochs, loss: report(epoch, loss),
            )

    def evaluate() -> float:
        held = given.inner[1]
        with torch.no_grad():
            x = torch.from_numpy(model.reader.inputs(given.data.x[held]))
            loss = F.cross_entropy(network.eval()(x), torch.from_numpy(given.data.y[held]))
        return float(loss) if math.isfinite(float(loss)) else 1e9

    return network, run, evaluate


def samples() -> NDArray[np.float32]:
    """Training traces that finalists are quantised with."""
    given = _ready()
    made: NDArray[np.float32] = calibration(_BASE, given.data, given.inner[0])
    return made


def final(network: nn.Module) -> float:
    """Accuracy on fold 0's test persons."""
    given = _ready()
    right = predict(network, _BASE, given.data, given.unseen) == given.data.y[given.unseen]
    return float(right.mean())


def _ready() -> _Given:
    if not _given:
        raise RadarError("Give --with folder=DIR: the folder of M-Gesture's short range.")
    return _given[0]
