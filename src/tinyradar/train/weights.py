"""Trained weights that ship with the package: float16 .npz, one file a model and fold."""

import importlib.util
from pathlib import Path

from torch import nn

from tinyradar.dataset.folds import Fold, Labelled
from tinyradar.errors import TrainingError
from tinyradar.models import Model
from tinyradar.train import Trained
from tinyradar.train.checkpoint import load_network, network_arrays, read_arrays, write_arrays

SHIPPED = Path(__file__).parents[1] / "weights"
"""Package data: of a wheel the few that demos need, of the repository all."""
OTHERS = "tinyradar_weights"
"""The package that holds all folds, installed or not."""
BRING = "pip install microformer-tinyradar-weights brings those of all folds"


def shipped_path(file: str) -> Path:
    """Where ``file`` is among what ships: with this package, else in OTHERS; it may be nowhere."""
    here = SHIPPED / file
    if here.is_file():
        return here
    found = importlib.util.find_spec(OTHERS)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) / file if places else here


def test_persons(data: Labelled, fold: Fold) -> list[str]:
    """The persons of a fold's test part: weights know whom they have never seen."""
    return sorted({data.persons[i] for i in fold[1]})


def write_weights(made: Trained, path: Path, model: Model, data: Labelled, fold: Fold) -> None:
    """Write a trained network's weights in float16, and what they were trained on."""
    meta = {
        "model": model.name,
        "test": test_persons(data, fold),
        "data": data.digest,
        "simulated": data.simulated,
        "accuracy": made.accuracy,
        "seconds": made.seconds,
    }
    write_arrays(path, network_arrays(made.network, "float16"), meta)


def read_weights(path: Path, model: Model, data: Labelled, fold: Fold) -> nn.Module | None:
    """The network in ``path``, or None where it was trained on another set or other persons.

    Raises TrainingError where the file is damaged or of another network.
    """
    arrays, meta = read_arrays(path)
    if meta.get("model") != model.name:
        raise TrainingError(f"'{path}' holds the weights of '{meta.get('model')}'.")
    if (meta.get("data"), meta.get("test")) != (data.digest, test_persons(data, fold)):
        return None
    network = model.build(len(data.gestures), data.x.shape[-1])
    load_network(network, arrays, str(path))
    return network.eval()


def find_weights(
    place: Path, model: Model, data: Labelled, fold: Fold, name: str
) -> nn.Module | None:
    """Those of the fold called ``name`` in ``place``, else those that ship; else None."""
    for path in (place / f"{model.name}-{name}.npz", shipped_path(f"{model.name}-{name}.npz")):
        if path.is_file():
            network = read_weights(path, model, data, fold)
            if network is not None:
                return network
    return None
