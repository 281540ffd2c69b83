"""Training state on disk, as .npz without pickle: written whole or not at all, checked when read.

Three groups of arrays: ``model/...`` the network's, ``adam/<parameter>/...`` the optimiser's, and
``meta``, a JSON text that says what run they belong to and how far it is.
"""

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tinyradar.errors import TrainingError

Arrays = dict[str, NDArray[Any]]
MAX_BYTES = 1 << 28


def write_arrays(path: Path, arrays: Arrays, meta: dict[str, Any]) -> None:
    """Write ``arrays`` and ``meta`` to ``path`` at one stroke: a kill leaves the old or the new."""
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    new = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a name of its own: two trainings in one place do not write into one file
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        new = Path(made)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, meta=text, **arrays)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        if new is not None:
            new.unlink(missing_ok=True)
        raise TrainingError(f"'{path}' cannot be written: {error.strerror}.") from None


def read_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """What ``write_arrays`` wrote. Raises TrainingError where it is anything else."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TrainingError(f"'{path}' is too large for a checkpoint.")
        with zipfile.ZipFile(path) as archive:  # small files unpack to gigabytes
            total = sum(member.file_size for member in archive.infolist())
        if total > MAX_BYTES:
            raise TrainingError(f"'{path}' unpacks to {total:,} bytes: too large for a checkpoint.")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays: Arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("meta").tobytes())
    except (OSError, ValueError, KeyError, EOFError, MemoryError, AttributeError):
        raise TrainingError(f"'{path}' is not a checkpoint of tinyradar.") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        raise TrainingError(f"'{path}' is not a checkpoint of tinyradar.") from None
    if not isinstance(meta, dict):
        raise TrainingError(f"'{path}' is not a checkpoint of tinyradar.")
    return arrays, meta


def network_arrays(network: nn.Module, dtype: str = "float32") -> Arrays:
    """All parameters of ``network`` as arrays ``model/<name>``."""
    state = network.state_dict().items()
    return {f"model/{name}": value.detach().numpy().astype(dtype) for name, value in state}


def load_network(network: nn.Module, arrays: Arrays, where: str) -> None:
    """Put arrays ``model/<name>`` into ``network``. Raises TrainingError where they do not fit."""
    state = network.state_dict()
    found = {n.removeprefix("model/"): a for n, a in arrays.items() if n.startswith("model/")}
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    if shapes != {name: array.shape for name, array in found.items()}:
        raise TrainingError(f"The weights in '{where}' belong to another network.")
    tensors = {n: torch.from_numpy(a.astype(np.float32)) for n, a in found.items()}
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise TrainingError(f"The weights in '{where}' are not finite.")
    network.load_state_dict(tensors)


def optimizer_arrays(network: nn.Module, optimizer: torch.optim.Optimizer) -> Arrays:
    """Adam's moments a parameter, as ``adam/<parameter>/<moment>``."""
    arrays: Arrays = {}
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            arrays[f"adam/{name}/{key}"] = torch.as_tensor(value).numpy().copy()
    return arrays


def load_optimizer(network: nn.Module, optimizer: torch.optim.Optimizer, arrays: Arrays) -> None:
    """The inverse of ``optimizer_arrays``."""
    for name, parameter in network.named_parameters():
        prefix = f"adam/{name}/"
        found = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        for array in found.values():
            if array.shape not in ((), tuple(parameter.shape)):
                raise TrainingError(f"The optimiser's state of '{name}' has another shape.")
        optimizer.state[parameter] = {k: torch.from_numpy(a.copy()) for k, a in found.items()}
