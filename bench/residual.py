"""int8 against an int16 residual stream on deep pre-norm encoders: SQNR, cycles, RAM, as JSON.

python bench/residual.py [--layers 4 12 24] [--targets cortex-m4 pulp-cv32e40p]

Encoders with random weights (seed 0), plain and with one loud channel, over [16, 64] of noise;
calibrated on 64 samples and compared with float on 64 others. Cycles are of one inference.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

import microformer
from microformer import pipeline
from microformer.analysis.statistics import sqnr_db
from microformer.errors import TargetError
from microformer.settings import Residual
from microformer.targets import find

SAMPLES = 64
WIDTH, LENGTH, CLASSES = 64, 16, 10


@dataclass(frozen=True)
class Row:
    """One encoder with one choice of the stream; None where a target has no room.

    ``loud`` is what one channel of the stream carries from the first layer on, as in trained ones.
    """

    layers: int
    loud: float
    residual: str
    int16_tensors: int
    sqnr_db: float
    cycles: dict[str, int | None]
    ram_bytes: dict[str, int | None]


class Deep(nn.Module):
    """A pre-norm encoder, a last norm, the mean over positions, a classifier."""

    def __init__(self, layers: int, loud: float) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, batch_first=True, norm_first=True, activation="gelu"
        )
        self.body = nn.TransformerEncoder(
            layer, layers, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.head = nn.Linear(WIDTH, CLASSES)
        for parameter in self.body.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            else:  # norms and biases that are not alike
                nn.init.uniform_(parameter, 0.2, 1.5)
        with torch.no_grad():
            self.body.layers[0].linear2.bias[7] += loud

    def forward(self, x: Tensor) -> Tensor:
        """x [1, LENGTH, WIDTH] -> [1, CLASSES]."""
        logits: Tensor = self.head(self.body(x).mean(1))
        return logits


def measure(layers: int, loud: float, residual: Residual, targets: list[str]) -> Row:
    """One row."""
    torch.manual_seed(0)
    module = Deep(layers, loud).eval()
    x = np.random.default_rng(0).normal(size=(2 * SAMPLES, LENGTH, WIDTH)).astype(np.float32)
    model = microformer.load(module, example=torch.from_numpy(x[:1]), name=f"deep{layers}")
    graph = microformer.quantize(model, x[:SAMPLES], effort="low", residual=residual)
    out = graph.tensors[graph.outputs[0]].qparams
    source = graph.tensors[graph.inputs[0]].qparams
    assert out is not None and source is not None
    held = source.quantize(x[SAMPLES:])
    cycles: dict[str, int | None] = {}
    ram: dict[str, int | None] = {}
    for target in targets:
        try:
            made = pipeline.measure_graph(graph, held[:1], find(target))
        except TargetError as error:
            print(error, file=sys.stderr)
            cycles[target] = ram[target] = None
            continue
        assert made.bit_exact
        cycles[target], ram[target] = made.result.cycles, made.image.ram_bytes
    got = out.dequantize(microformer.reference.evaluate(graph, held)[graph.outputs[0]])
    with torch.no_grad():
        real = np.stack([module(torch.from_numpy(s[None]))[0].numpy() for s in x[SAMPLES:]])
    wide = sum(t.dtype == "int16" for t in graph.tensors.values())
    return Row(layers, loud, residual, wide, sqnr_db(real.astype(float), got), cycles, ram)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", nargs="*", type=int, default=[4, 12, 24])
    parser.add_argument("--targets", nargs="*", default=["cortex-m4", "pulp-cv32e40p"])
    given = parser.parse_args()
    rows = []
    for layers in given.layers:
        for loud in (0.0, 50.0):
            for residual in ("int8", "int16", "auto"):
                rows.append(measure(layers, loud, residual, given.targets))
                print(rows[-1], file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
