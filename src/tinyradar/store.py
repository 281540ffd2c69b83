"""Trained weights that ship with the package: float16 .npz, one file a model and fold."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from torch import nn

from tinyradar.dataset.cache import Dataset
from tinyradar.errors import TrainingError
from tinyradar.models import Model
from tinyradar.train.checkpoint import load_network, network_arrays, read_arrays, write_arrays


def write_weights(network: nn.Module, path: Path, meta: dict[str, Any]) -> None:
    """Write a trained network's weights in float16 with what they were trained on."""
    write_arrays(path, network_arrays(network, "float16"), meta)


def read_weights(model: Model, path: Path, data: Dataset) -> tuple[nn.Module, dict[str, Any]]:
    """The network in ``path`` and its meta. Raises TrainingError where it is of another."""
    arrays, meta = read_arrays(path)
    if meta.get("model") != model.name:
        raise TrainingError(f"'{path}' holds the weights of '{meta.get('model')}'.")
    network = model.build(len(data.gestures), data.x.shape[-1])
    load_network(network, arrays, str(path))
    return network.eval(), meta


def shipped(model: Model, fold: int) -> Path | None:
    """The weights of ``model`` for ``fold`` in the package, or None where there are none."""
    entry = files("tinyradar") / "weights" / f"{model.name}-fold{fold}.npz"
    if not entry.is_file():
        return None
    with as_file(entry) as path:
        return path
