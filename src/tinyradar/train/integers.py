"""Training in integers after float: a few steps with the very arithmetic of the program.

``microformer.torch.prepare`` makes the module whose values are the program's; ``train`` trains it
as it trains any network, with checkpoints, resumed and deterministic. What ships is that module's
state: its weights, and how far each range has moved from what the calibration of the float
network gave. So it is read together with the float weights that it was made of.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from microformer.torch import QuantizedModule, prepare
from tinyradar.dataset.folds import Fold, Indices, Labelled
from tinyradar.errors import TrainingError
from tinyradar.models import Model
from tinyradar.train import Progress, Trained, digest, expected_seconds, train
from tinyradar.train.checkpoint import (
    Arrays,
    load_network,
    network_arrays,
    read_arrays,
    write_arrays,
)
from tinyradar.train.weights import shipped_path

CALIBRATION = 64
"""Training sequences that the ranges are taken from."""
EPOCHS, PARTS, BATCH, RATE = 3, 5, 16, 1e-4
"""Three fifths of the sequences, once, at a tenth of the rate: fixed before any was trained."""


def calibration_indices(train_part: Indices) -> Indices:
    """Of the training part CALIBRATION sequences, spread over its persons."""
    count = min(CALIBRATION, len(train_part))
    return np.sort(train_part[np.linspace(0, len(train_part) - 1, count).astype(int)])


def calibration(model: Model, data: Labelled, train_part: Indices) -> Any:
    """Those sequences [N, ...] as ``model`` reads them."""
    return model.reader.inputs(data.x[calibration_indices(train_part)])


def integer_model(model: Model) -> Model:
    """``model`` with the recipe of its training in integers: scores are of whole sequences."""
    recipe = dataclasses.replace(
        model.recipe,
        epochs=EPOCHS,
        parts=PARTS,
        batch=BATCH,
        rate=RATE,
        every_step=False,
        decay=0.0,
    )
    return dataclasses.replace(model, recipe=recipe)


def prepared(network: nn.Module, model: Model, data: Labelled, fold: Fold) -> QuantizedModule:
    """The module that trains in integers, as it is before its first step."""
    return prepare(network, calibration=calibration(model, data, fold[0]))


def train_integers(
    network: nn.Module,
    model: Model,
    data: Labelled,
    fold: Fold,
    place: Path,
    *,
    seed: int = 0,
    stop_after: int | None = None,
    progress: Progress = lambda _epoch, _epochs, _loss: None,
) -> Trained:
    """Train the float ``network`` in integers; ``accuracy`` of the result is the program's."""
    return train(
        integer_model(model),
        data,
        fold,
        place,
        seed=seed,
        stop_after=stop_after,
        network=prepared(network, model, data, fold),
        progress=progress,
    )


def write_integers(made: Trained, of: nn.Module, path: Path, model: Model) -> None:
    """Write a module trained in integers in float16, and which float weights it was made ``of``."""
    meta = {
        "model": model.name,
        "of": digest(of),
        "accuracy": made.accuracy,
        "seconds": made.seconds,
    }
    write_arrays(path, network_arrays(made.network, "float16"), meta)


def integer_arrays(
    place: Path, network: nn.Module, model: Model, name: str
) -> tuple[Arrays, Path] | None:
    """What was trained in integers of the float ``network`` on the fold called ``name``.

    In ``place`` or shipped, else None. Raises TrainingError where a file is damaged or of another
    network.
    """
    file = f"{model.name}-{name}-int8.npz"
    for path in (place / file, shipped_path(file)):
        if not path.is_file():
            continue
        arrays, meta = read_arrays(path)
        if meta.get("model") != model.name:
            raise TrainingError(f"'{path}' holds the weights of '{meta.get('model')}'.")
        if meta.get("of") == digest(network):
            return arrays, path
    return None


def find_integers(
    place: Path, network: nn.Module, model: Model, data: Labelled, fold: Fold, name: str
) -> QuantizedModule | None:
    """``integer_arrays`` as the module that they are of."""
    found = integer_arrays(place, network, model, name)
    if found is None:
        return None
    module = prepared(network, model, data, fold)
    load_network(module, found[0], str(found[1]))
    return module.eval()


def expected_integer_seconds(model: Model, data: Labelled, fold: Fold) -> float:
    """What ``train_integers`` will take on this machine, from one of its steps."""
    network = model.build(len(data.gestures), data.x.shape[-1]).eval()
    module = prepared(network, model, data, fold)
    return expected_seconds(integer_model(model), data, fold, network=module)
