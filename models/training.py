"""One training loop for all models here: AdamW, cosine schedule, label smoothing, a fixed seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

Array = NDArray[Any]
Augment = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Data:
    """Samples float32 [N, ...] and classes [N]: to train on, and held out by split."""

    x: Array
    y: Array
    held_x: Array
    held_y: Array


def fit(
    model: nn.Module,
    x: Array,
    y: Array,
    epochs: int,
    augment: Augment,
    batch: int = 64,
    rate: float = 2e-3,
    warmup: int = 0,
) -> None:
    """Train ``model`` in place; it is left in eval mode. Seed torch before it is built.

    ``rate`` is the learning rate's peak, reached after ``warmup`` epochs: twelve post-norm blocks
    do not learn without.
    """
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.02)
    schedule: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, epochs - warmup
    )
    if warmup:
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=warmup)
        schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, schedule], [warmup])
    for _ in range(epochs):
        model.train()
        for part in torch.split(torch.randperm(len(inputs)), batch):
            loss = nn.functional.cross_entropy(
                model(augment(inputs[part])), labels[part], label_smoothing=0.05
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        schedule.step()
    model.eval()


def accuracy(model: nn.Module, x: Array, y: Array) -> float:
    """Share of samples whose largest logit is at class ``y``."""
    with torch.no_grad():
        return float((model(torch.from_numpy(x)).argmax(1).numpy() == y).mean())
