"""Training of one network on one fold: deterministic, killed and resumed without a trace."""

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from tinyradar.dataset.folds import Fold, Indices, Labelled
from tinyradar.errors import TrainingError
from tinyradar.models import Model, Recipe
from tinyradar.train.checkpoint import (
    load_network,
    load_optimizer,
    network_arrays,
    optimizer_arrays,
    read_arrays,
    write_arrays,
)

__all__ = ["Trained", "digest", "expected_seconds", "predict", "train"]

Progress = Callable[[int, int, float], None]
EVALUATED = 32
"""Sequences at a time where nothing is learnt."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and its figures on the persons left out."""

    network: nn.Module
    accuracy: float
    seconds: float


def _autocast(bfloat16: bool) -> AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()


def predict(network: nn.Module, model: Model, data: Labelled, indices: Indices) -> NDArray[Any]:
    """The class of each sequence, in float32."""
    network.eval()
    classes = []
    with torch.no_grad():
        for begin in range(0, len(indices), EVALUATED):
            x = model.reader.inputs(data.x[indices[begin : begin + EVALUATED]])
            scores = _scores(network, torch.from_numpy(x), every_step=model.recipe.every_step)
            scores = scores[:, -1] if model.recipe.every_step else scores
            classes.append(scores.argmax(dim=-1).numpy())
    return np.concatenate(classes)


def _scores(network: nn.Module, x: Tensor, *, every_step: bool) -> Tensor:
    """[N, classes], or [N, steps, classes] with ``every_step``."""
    return network.steps(x) if every_step else network(x)  # type: ignore[operator,no-any-return]


def _rate(recipe: Recipe, done: float, step: int) -> float:
    """The learning rate of ``step``, when ``done`` (0..1) of all steps are done."""
    rate = recipe.rate * min(1.0, (step + 1) / recipe.warm) if recipe.warm else recipe.rate
    return rate * (0.5 + 0.5 * math.cos(math.pi * done)) if recipe.cosine else rate


def train(
    model: Model,
    data: Labelled,
    fold: Fold,
    place: Path,
    *,
    seed: int = 0,
    bfloat16: bool = False,
    stop_after: int | None = None,
    network: nn.Module | None = None,
    progress: Progress = lambda _epoch, _epochs, _loss: None,
) -> Trained:
    """Train ``model`` on ``fold`` (train, test), a checkpoint in ``place`` after each epoch.

    Where ``place`` holds a checkpoint of the same run, training goes on from it, and ends with
    the same bytes as if it had never stopped. ``stop_after`` ends the call after so many epochs.
    ``bfloat16`` rounds activations while training; figures are always of float32. ``network`` is
    trained in place of a new one: trained weights, or what ``microformer.torch.prepare`` made of
    them (whose scores are of whole sequences: give a model whose recipe is not ``every_step``).
    """
    recipe = model.recipe
    run = _description(model, data, fold, seed, bfloat16, network)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    network = network or model.build(len(data.gestures), data.x.shape[-1])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.rate, amsgrad=True, weight_decay=recipe.decay
    )
    begun, spent = _resume(place, run, network, optimizer)
    last = recipe.epochs if stop_after is None else min(recipe.epochs, begun + stop_after)
    for epoch in range(begun, last):
        start = time.monotonic()
        loss = _epoch(network, optimizer, model, data, fold[0], epoch, seed, bfloat16)
        spent += time.monotonic() - start
        arrays = {**network_arrays(network), **optimizer_arrays(network, optimizer)}
        meta = {"run": run, "epochs": epoch + 1, "seconds": spent}
        write_arrays(place / "checkpoint.npz", arrays, meta)
        progress(epoch + 1, recipe.epochs, loss)
    hit = predict(network, model, data, fold[1]) == data.y[fold[1]]
    return Trained(network, float(hit.mean()), spent)


def expected_seconds(
    model: Model,
    data: Labelled,
    fold: Fold,
    *,
    bfloat16: bool = False,
    network: nn.Module | None = None,
) -> float:
    """What ``train`` will take on this machine, from two of its steps (a third comes before)."""
    recipe = model.recipe
    network = network or model.build(len(data.gestures), data.x.shape[-1])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, amsgrad=True)
    few = dataclasses.replace(model, recipe=dataclasses.replace(recipe, parts=1))
    begin = 0.0
    for steps in (1, 2):  # the first is slower
        part = fold[0][: steps * recipe.batch]
        begin = time.monotonic()
        _epoch(network, optimizer, few, data, part, 0, 0, bfloat16)
    sequence = (time.monotonic() - begin) / len(part)
    return sequence * recipe.epochs * len(fold[0]) / recipe.parts


def _description(
    model: Model,
    data: Labelled,
    fold: Fold,
    seed: int,
    bfloat16: bool,
    given: nn.Module | None,
) -> dict[str, Any]:
    """What a run is: a checkpoint serves only the run that it was written by."""
    run: dict[str, Any] = {
        "model": model.name,
        "recipe": dataclasses.asdict(model.recipe) | {"varied": repr(model.reader)},
        "seed": seed,
        "bfloat16": bfloat16,
        "data": data.digest,
        "test": sorted({data.persons[i] for i in fold[1]}),
    }
    return run if given is None else run | {"given": digest(given)}


def digest(network: nn.Module) -> str:
    """A short name of a network's present weights."""
    found = hashlib.sha256()
    for name, array in network_arrays(network).items():
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()[:16]


def _resume(
    place: Path, run: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load the checkpoint in ``place``, if any: (epochs done, seconds spent)."""
    path = place / "checkpoint.npz"
    if not path.exists():
        return 0, 0.0
    arrays, meta = read_arrays(path)
    if meta.get("run") != run:
        raise TrainingError(f"'{path}' is of another run (model, data, fold or recipe); remove it.")
    load_network(network, arrays, str(path))
    load_optimizer(network, optimizer, arrays)
    return int(meta["epochs"]), float(meta["seconds"])


def _epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    model: Model,
    data: Labelled,
    indices: Indices,
    epoch: int,
    seed: int,
    bfloat16: bool,
) -> float:
    """One pass in an order that depends on seed and epoch alone; the mean loss."""
    recipe = model.recipe
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    torch.manual_seed(int(random.integers(2**31)))  # dropout: nothing to keep in the checkpoint
    order = random.permutation(indices[epoch % recipe.parts :: recipe.parts])
    batches = -(-len(order) // recipe.batch)
    network.train()
    total = 0.0
    for number in range(batches):
        chosen = np.sort(order[number * recipe.batch : (number + 1) * recipe.batch])
        x = torch.from_numpy(model.reader.inputs(model.reader.varied(data.x[chosen], random)))
        y = torch.from_numpy(data.y[chosen])
        done = (epoch * batches + number) / (recipe.epochs * batches)
        for group in optimizer.param_groups:
            group["lr"] = _rate(recipe, done, epoch * batches + number)
        with _autocast(bfloat16):
            scores = _scores(network, x, every_step=recipe.every_step).float()
        steps = scores.shape[1] if recipe.every_step else 1
        loss = F.cross_entropy(
            scores.reshape(len(x) * steps, -1),
            y.repeat_interleave(steps),
            label_smoothing=recipe.smooth,
        )
        loss = loss * steps  # the sum over the steps of the mean over the batch
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(loss.detach()) * len(chosen)
    return total / len(order)
