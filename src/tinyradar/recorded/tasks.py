"""A network trained on one fold with one seed, and what it answers: a task that any machine does.

A task depends on nothing but its description and the set, and gives the same bytes wherever it is
done with one thread of the same NumPy and torch.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import microformer
from microformer.torch import QuantizedModule
from tinyradar.dataset.folds import Fold
from tinyradar.dataset.traces import TraceSet
from tinyradar.models import TRACE_MODELS, Model
from tinyradar.recorded.protocol import TESTS, Part, Protocol, chosen
from tinyradar.train import train
from tinyradar.train.checkpoint import (
    Arrays,
    load_network,
    network_arrays,
    read_arrays,
    write_arrays,
)
from tinyradar.train.integers import calibration, prepared, train_integers
from tinyradar.train.weights import SHIPPED, shipped_path

ARITHMETICS = ("float", "int8", "int8 trained")
"""Float32; 8 bits with ranges of 64 training traces; 8 bits after training in integers."""


@dataclass(frozen=True, eq=False)
class Task:
    """``model`` on the fold ``part`` of a protocol with a seed."""

    model: str
    protocol: Protocol
    part: Part
    seed: int

    @property
    def name(self) -> str:
        """A file's name for what comes of it."""
        return f"{self.model}-{self.protocol.name}-fold{self.part.fold}-seed{self.seed}"

    def description(self, data: TraceSet) -> dict[str, Any]:
        """What the task is: results of another one are never taken for its."""
        mine = chosen(data, self.protocol)
        model = TRACE_MODELS[self.model]
        return {
            "task": self.name,
            "data": data.digest,
            "recipe": repr(model.recipe),
            "reader": repr(model.reader),
            "network": repr(model.build(len(mine.gestures), 0)),
            "test": sorted({mine.persons[i] for i in self.part.open}),
        }


@dataclass(frozen=True, eq=False)
class Answers:
    """What came of a task: weights in float16 (``network/...``, ``integers/...``) and the classes
    uint8 [N] that each arithmetic gave the traces of each test (``int8/open``)."""

    task: Task
    arrays: Arrays

    def of(self, arithmetic: str, test: str) -> NDArray[np.uint8]:
        """Classes [N] of the fold's traces of ``test``."""
        return self.arrays[f"{arithmetic}/{test}"]

    def network(self, classes: int) -> nn.Module:
        """The float network."""
        return _loaded(TRACE_MODELS[self.task.model], classes, self.arrays)


def shipped(name: str) -> Path:
    """Where the float weights of the task called ``name`` are, if they ship."""
    return shipped_path(f"recorded/{name}.npz")


def ship(answers: "Answers", data: TraceSet) -> Path:
    """Write the float weights of a task as package data."""
    weights = {n: a for n, a in answers.arrays.items() if n.startswith("network/")}
    path = SHIPPED / "recorded" / f"{answers.task.name}.npz"
    write_arrays(path, weights, answers.task.description(data))
    return path


def _floats(task: Task, data: TraceSet, mine: TraceSet, fold: Fold, place: Path) -> Arrays:
    """Float weights ``network/...`` in float16: those that ship for this task, else trained."""
    path = shipped(task.name)
    if path.is_file():
        arrays, meta = read_arrays(path)
        if meta == task.description(data):
            return arrays
    made = train(TRACE_MODELS[task.model], mine, fold, place, seed=task.seed)
    return _renamed(network_arrays(made.network, "float16"), "network")


def answer(task: Task, data: TraceSet) -> Arrays:
    """Do ``task``: the arrays of ``Answers``."""
    torch.set_num_threads(1)
    model = TRACE_MODELS[task.model]
    mine = chosen(data, task.protocol)
    fold: Fold = (task.part.train, task.part.open)
    with tempfile.TemporaryDirectory(prefix="tinyradar-") as name:
        arrays = _floats(task, data, mine, fold, Path(name) / "float")
        network = _loaded(model, len(mine.gestures), arrays)
        trained = train_integers(network, model, mine, fold, Path(name) / "int8", seed=task.seed)
    arrays |= _renamed(network_arrays(trained.network, "float16"), "integers")
    module = prepared(network, model, mine, fold)
    load_network(module, network_arrays(trained.network, "float16"), task.name)
    for test in TESTS:
        asked = mine.x[getattr(task.part, test)]
        x = model.reader.inputs(asked)
        given = _classes(network, module.eval(), model, mine, fold, x)
        arrays |= {f"{a}/{test}": given[a].astype(np.uint8) for a in ARITHMETICS}
    return arrays


def _classes(
    network: nn.Module,
    integers: QuantizedModule,
    model: Model,
    mine: TraceSet,
    fold: Fold,
    x: NDArray[np.float32],
) -> dict[str, NDArray[Any]]:
    """The class of each of ``x`` by each arithmetic; those of 8 bits by the program's reference."""
    if not len(x):
        return dict.fromkeys(ARITHMETICS, np.zeros(0, np.int64))
    with torch.no_grad():
        floats = network(torch.from_numpy(x)).numpy()
    loaded, ranges = integers.convert()
    calibrated = microformer.compile(network, calibration(model, mine, fold[0]), "host")
    trained = microformer.compile(loaded, target="host", ranges=ranges)
    whole = (floats, microformer.predict(calibrated, x), microformer.predict(trained, x))
    return {a: s.argmax(axis=-1) for a, s in zip(ARITHMETICS, whole, strict=True)}


def _renamed(arrays: Arrays, prefix: str) -> Arrays:
    return {f"{prefix}/{name.removeprefix('model/')}": a for name, a in arrays.items()}


def _loaded(model: Model, classes: int, arrays: Arrays) -> nn.Module:
    network = model.build(classes, 0)
    found = {f"model/{n.removeprefix('network/')}": a for n, a in arrays.items() if "network/" in n}
    load_network(network, found, model.name)
    return network.eval()
