"""Trainings of the simulated or cached set on other machines: a fold and a seed are a task.

Workers read the features where this machine has them, so the folder is on a file system that all
share. What comes back is the same bytes as if it had been trained here with as many threads.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tinyradar.dataset.cache import Dataset, open_cache
from tinyradar.dataset.folds import person_folds
from tinyradar.errors import DatasetError
from tinyradar.farm import run_tasks
from tinyradar.models import find
from tinyradar.reproduce.runs import Run
from tinyradar.train import Trained, train
from tinyradar.train.checkpoint import Arrays, load_network, network_arrays


@dataclass(frozen=True)
class FoldTask:
    """``model`` on fold ``number`` of ``count`` (0: one person out at a time)."""

    run: str
    model: str
    number: int
    count: int
    seed: int
    bfloat16: bool
    threads: int

    @property
    def name(self) -> str:
        """A file's name for what comes of it."""
        return f"{self.run}-seed{self.seed}"

    def description(self, data: Dataset) -> dict[str, Any]:
        """What the task is: results of another one are never taken for its."""
        model = find(self.model)
        return {
            "task": self.name,
            "data": data.digest,
            "recipe": repr(model.recipe),
            "reader": repr(model.reader),
            "bfloat16": self.bfloat16,
            "threads": self.threads,
        }


class Shared:
    """A cache by its folder, which every worker opens itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve())

    @cached_property
    def digest(self) -> str:
        """The set's name."""
        return open_cache(Path(self.folder)).digest


def train_fold(task: FoldTask, shared: Shared) -> Arrays:
    """Do ``task``: weights in float16, accuracy and seconds."""
    torch.set_num_threads(task.threads)
    data = open_cache(Path(shared.folder))
    model, fold = find(task.model), person_folds(data.persons, task.count)[task.number]
    with tempfile.TemporaryDirectory(prefix="tinyradar-") as name:
        made = train(model, data, fold, Path(name), seed=task.seed, bfloat16=task.bfloat16)
    figures = {"accuracy": np.float64(made.accuracy), "seconds": np.float64(made.seconds)}
    return network_arrays(made.network, "float16") | {k: np.array(v) for k, v in figures.items()}


def train_far(
    runs: Sequence[tuple[Run, int, int]],
    features: Path,
    dask: str,
    progress: Callable[[int, int], None],
    say: Callable[[str], None],
) -> list[tuple[Trained, nn.Module]]:
    """Train the float networks of ``runs`` (with the fold's number, and of how many) by Dask.

    As ``Run.train_floats`` gives and keeps them. Raises RadarError.
    """
    if not runs:
        return []
    if not (features / "index.json").is_file():
        raise DatasetError(f"'{features}' is not a cache of features.")
    threads = torch.get_num_threads()
    tasks = [
        FoldTask(run.name, run.model.name, number, count, run.seed, run.bfloat16, threads)
        for run, number, count in runs
    ]
    place = runs[0][0].place / "tasks"
    made = run_tasks(
        *(train_fold, tasks, Shared(features), place),
        processes=1,
        dask=dask,
        progress=progress,
        say=say,
    )
    trained = []
    for (run, _, _), arrays in zip(runs, made, strict=True):
        network = run.model.build(len(run.data.gestures), run.data.x.shape[-1])
        weights = {n: a for n, a in arrays.items() if n.startswith("model/")}
        load_network(network, weights, run.name)
        one = Trained(network, float(arrays["accuracy"]), float(arrays["seconds"]))
        trained.append(run.kept(one))
    return trained
