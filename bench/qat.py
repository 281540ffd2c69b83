"""Quantisation-aware training on a case made hard on purpose, as JSON.

python bench/qat.py [--seeds 5] [--factor 160] [--cache DIR]

The speech transformer (JapaneseVowels) with outlier channels, as large language models grow them
(Dettmers et al., LLM.int8(), 2022): two channels of every norm in a block are ``factor`` times as
large, and the weights that read them smaller by as much. The float function is the same; int8 with
one scale a tensor spends its levels on two channels of 32. Nothing is equalised here. Weights are
trained on the training part only; the held-out part is looked at once, after the last epoch.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import microformer.torch
from accuracy import TASKS, calibration, trained
from microformer.torch import QuantizedModule
from train_series import SeriesTransformer, noisy
from training import Array, Data

CHANNELS = (3, 17)


@dataclass(frozen=True)
class Recovery:
    """Right answers among ``samples`` held out: float, int8 after training, int8 in training."""

    seed: int
    samples: int
    float_right: int
    int8_right: int
    trained_right: int

    @property
    def recovered(self) -> float:
        """Share of what int8 lost that the training brought back."""
        return (self.trained_right - self.int8_right) / (self.float_right - self.int8_right)


def with_outliers(model: SeriesTransformer, factor: float) -> SeriesTransformer:
    """The same function with ``CHANNELS`` of its blocks' norms ``factor`` times as large."""
    with torch.no_grad():
        for block in model.blocks:
            assert isinstance(block, nn.TransformerEncoderLayer)
            readers = (block.self_attn.in_proj_weight, block.linear1.weight)
            for norm, reader in zip((block.norm1, block.norm2), readers, strict=True):
                assert isinstance(reader, nn.Parameter)
                for channel in CHANNELS:
                    norm.weight[channel] *= factor
                    norm.bias[channel] *= factor
                    reader[:, channel] /= factor
    return model


def train(prepared: QuantizedModule, x: Array, y: Array, epochs: int, seed: int) -> None:
    """A user's loop: Adam, the ranges ten times as fast as the weights."""
    torch.manual_seed(seed)
    ranges = prepared.ranges.stretch
    rest = [p for p in prepared.parameters() if p.requires_grad and p is not ranges]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": [ranges], "lr": 1e-2}]
    optimizer = torch.optim.Adam(groups, lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    prepared.train()
    for _ in range(epochs):
        for part in torch.split(torch.randperm(len(inputs)), 32):
            logits = prepared(noisy(inputs[part]))
            loss = nn.functional.cross_entropy(logits, labels[part], label_smoothing=0.05)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        schedule.step()
    prepared.eval()


def _right(module: nn.Module, data: Data) -> int:
    with torch.no_grad():
        found = module(torch.from_numpy(data.held_x)).argmax(1).numpy()
    return int((found == data.held_y).sum())


def recover(
    seed: int, factor: float, epochs: int, cache: Path | None, float_epochs: int | None = None
) -> Recovery:
    """One seed: train in float, spoil, quantise, train in integers."""
    data = TASKS["vowels"].data()
    model = trained("vowels", data, seed, cache, float_epochs)
    assert isinstance(model, SeriesTransformer)
    spoilt = with_outliers(model, factor)
    prepared = microformer.torch.prepare(spoilt, calibration=calibration(data))
    before = _right(prepared, data)
    train(prepared, data.x, data.y, epochs, seed)
    counts = (_right(spoilt, data), before, _right(prepared, data))
    return Recovery(seed, len(data.held_x), *counts)


def table(rows: list[dict[str, Any]]) -> str:
    """The records as Markdown, as docs/accuracy.md shows them."""
    lines = [
        "| seed | float | int8, quantised after training | int8, trained in integers | recovered |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        keys = ("float_right", "int8_right", "trained_right")
        shares = " | ".join(f"{100.0 * r[key] / r['samples']:.1f} %" for key in keys)
        lines.append(f"| {r['seed']} | {shares} | {Recovery(**r).recovered:.0%} |")
    return "\n".join(lines)


def main() -> None:
    """Print every seed and the pooled share of the loss that came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--factor", type=float, default=160.0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        rows.append(recover(seed, options.factor, options.epochs, options.cache))
        print(rows[-1], file=sys.stderr, flush=True)
    lost = sum(r.float_right - r.int8_right for r in rows)
    back = sum(r.trained_right - r.int8_right for r in rows)
    result: dict[str, Any] = {"factor": options.factor, "epochs": options.epochs}
    result |= {"rows": [asdict(r) for r in rows], "recovered": back / lost}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
