"""Float against int8 on held-out data: trained models, several seeds, both softmaxes, as JSON.

python bench/accuracy.py [--models digits vowels motions] [--seeds 5] [--cache DIR]

Trains each model (models/*.py) for each seed, or takes its weights from DIR; calibrates on 128
samples of the training part; counts right answers and changed predictions over the held-out part,
pooled over all seeds. Cycles are those of seed 0 on an emulated Cortex-M4.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import microformer
from microformer.analysis.statistics import sqnr_db
from microformer.report.fidelity import Fidelity
from microformer.settings import Effort, SoftmaxKind
from train_digits import DigitsViT, digits, train_digits
from train_series import make_series_model, series, train_series
from training import Array, Data

CALIBRATION = 128


@dataclass(frozen=True)
class Score:
    """One model with one softmax, pooled over ``seeds``: right answers among ``samples``."""

    model: str
    softmax: str
    effort: str
    seeds: int
    samples: int
    float_right: int
    int8_right: int
    changed: int
    sqnr_db: float
    cycles: int | None

    @property
    def points(self) -> float:
        """Percentage points that int8 gains (+) or loses (-)."""
        return 100.0 * (self.int8_right - self.float_right) / self.samples


@dataclass(frozen=True)
class Task:
    """Where a model's data and weights come from."""

    data: Callable[[], Data]
    build: Callable[[Data], nn.Module]
    train: Callable[[Data, int, int | None], nn.Module]


TASKS = {
    "digits": Task(digits, lambda _: DigitsViT(), train_digits),
    "vowels": Task(
        lambda: series("vowels"),
        lambda d: make_series_model("vowels", d),
        lambda d, seed, epochs: train_series("vowels", d, seed, epochs),
    ),
    "motions": Task(
        lambda: series("motions"),
        lambda d: make_series_model("motions", d),
        lambda d, seed, epochs: train_series("motions", d, seed, epochs),
    ),
}


def trained(name: str, data: Data, seed: int, cache: Path | None, epochs: int | None) -> nn.Module:
    """The model of one seed, from the cache where it is there."""
    task = TASKS[name]
    stored = None if cache is None else cache / f"{name}_{seed}.pt"
    if stored is not None and stored.is_file():
        model = task.build(data)
        model.load_state_dict(torch.load(stored, weights_only=True))
        return model.eval()
    model = task.train(data, seed, epochs)
    if stored is not None:
        stored.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), stored)
    return model


def calibration(data: Data) -> Array:
    """Samples of the training part, the same for every seed."""
    order = np.random.default_rng(0).permutation(len(data.x))
    return data.x[order[:CALIBRATION]]


def score(
    name: str,
    seeds: int,
    softmax: SoftmaxKind,
    *,
    cache: Path | None = None,
    epochs: int | None = None,
    cycles: bool = True,
    effort: Effort = "normal",
) -> Score:
    """Float and int8 over the held-out part, every seed a model of its own."""
    data = TASKS[name].data()
    right_float = right_int8 = changed = 0
    measured: int | None = None
    ratios = []
    for seed in range(seeds):
        module = trained(name, data, seed, cache, epochs)
        loaded = microformer.load(module, example=torch.from_numpy(data.x[:1]))
        target = "cortex-m4" if cycles and seed == 0 else "host"
        compiled = microformer.compile(
            loaded, calibration(data), target, softmax=softmax, effort=effort
        )
        if target == "cortex-m4":
            measured = microformer.run(compiled, data.held_x[:2]).cycles
        _, levels, floats = Fidelity(compiled).outputs(data.held_x)
        qparams = compiled.int_graph.tensors[compiled.int_graph.outputs[0]].qparams
        assert qparams is not None
        ratios.append(sqnr_db(floats, qparams.dequantize(levels)))
        first, second = (v.reshape(len(v), -1).argmax(axis=1) for v in (floats, levels))
        right_float += int((first == data.held_y).sum())
        right_int8 += int((second == data.held_y).sum())
        changed += int((first != second).sum())
    total = seeds * len(data.held_x)
    mean = float(np.mean(ratios))
    counts = (right_float, right_int8, changed)
    return Score(name, softmax, effort, seeds, total, *counts, mean, measured)


def table(rows: list[dict[str, Any]]) -> str:
    """The records as Markdown, as docs/accuracy.md shows them."""
    lines = [
        "| model | softmax | held out | float | int8 | difference | changed | SQNR | cycles (M4) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        shares = (100.0 * r[key] / r["samples"] for key in ("float_right", "int8_right"))
        right, kept = (f"{share:.2f} %" for share in shares)
        cycles = "-" if r["cycles"] is None else f"{r['cycles']:,}"
        lines.append(
            f"| {r['model']} | {r['softmax']} | {r['seeds']} x {r['samples'] // r['seeds']} | "
            f"{right} | {kept} | {r['points']:+.2f} points | {r['changed']} of {r['samples']} | "
            f"{r['sqnr_db']:.1f} dB | {cycles} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print one record for each model and softmax."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--effort", nargs="+", default=["normal"])
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.models:
        for softmax in ("lut", "ibert"):
            for effort in options.effort:
                found = score(name, options.seeds, softmax, cache=options.cache, effort=effort)
                rows.append(asdict(found) | {"points": found.points})
                print(f"{found} {found.points:+.3f}", file=sys.stderr)
    print(json.dumps({"calibration_samples": CALIBRATION, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
