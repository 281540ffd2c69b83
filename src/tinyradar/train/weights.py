"""Trained weights that ship with the package: float16 .npz, one file a model and fold."""

from pathlib import Path

from torch import nn

from tinyradar.dataset.folds import Fold, Labelled
from tinyradar.errors import TrainingError
from tinyradar.models import Model
from tinyradar.train import Trained
from tinyradar.train.checkpoint import load_network, network_arrays, read_arrays, write_arrays

SHIPPED = Path(__file__).parents[1] / "weights"
"""Package data."""


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
    for path in (place / f"{model.name}-{name}.npz", SHIPPED / f"{model.name}-{name}.npz"):
        if path.is_file():
            network = read_weights(path, model, data, fold)
            if network is not None:
                return network
    return None
