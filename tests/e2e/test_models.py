"""torch modules through the whole road: bit-exact where they run, close to the float model."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import microformer
from microformer.graph.tensor import Array
from models import (
    Activations,
    ChunkAttention,
    CrossAttention,
    EinsumAttention,
    GatedMlp,
    HandNorm,
    InterleavedAttention,
    SdpaAttention,
    SelfAttention,
    TextClassifier,
    TimmBlock,
    VisionTransformer,
    conv_stem_1d,
    conv_stem_2d,
    encoder,
    seeded,
)


@dataclass(frozen=True)
class Model:
    """A module, its input without batch axis, and the SQNR that its output must reach."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    sqnr_db: float
    vocabulary: int = 0

    def samples(self, count: int) -> Array:
        """Calibration and test samples, [count, *shape]."""
        rng = np.random.default_rng(3)
        if self.vocabulary:
            return rng.integers(0, self.vocabulary, (count, *self.shape)).astype(np.int32)
        return rng.standard_normal((count, *self.shape)).astype(np.float32)


def softmax_head() -> nn.Module:
    """A classifier that ends in probabilities: [1, 6, 16] -> [1, 6, 5]."""
    return nn.Sequential(nn.Linear(16, 5), nn.Softmax(-1))


MODELS = {
    "encoder": Model(lambda: seeded(encoder), (81, 64), 25),
    "post-norm relu": Model(
        lambda: seeded(encoder, 32, 4, 1, 64, norm_first=False, activation="relu"), (9, 32), 25
    ),
    "vision transformer": Model(lambda: seeded(VisionTransformer), (1, 8, 8), 25),
    "three channels": Model(
        lambda: seeded(VisionTransformer, channels=3, image=12, patch=4), (3, 12, 12), 25
    ),
    "text": Model(lambda: seeded(TextClassifier), (12,), 25, vocabulary=50),
    "timm block": Model(lambda: seeded(TimmBlock), (9, 32), 25),
    "causal": Model(lambda: seeded(SelfAttention, causal=True), (9, 32), 25),
    "cross": Model(lambda: seeded(CrossAttention), (9, 32), 25),
    "chunk": Model(lambda: seeded(ChunkAttention), (9, 32), 25),
    "scaled dot product": Model(lambda: seeded(SdpaAttention), (9, 32), 25),
    "einsum": Model(lambda: seeded(EinsumAttention), (9, 32), 25),
    "interleaved qkv": Model(lambda: seeded(InterleavedAttention), (9, 32), 25),
    "no biases": Model(lambda: seeded(SelfAttention, bias=False), (9, 32), 25),
    "softmax head": Model(lambda: seeded(softmax_head), (6, 16), 25),
    "conv 2d": Model(lambda: seeded(conv_stem_2d), (3, 16, 16), 20),
    "conv 1d": Model(lambda: seeded(conv_stem_1d), (4, 40), 25),
    "activations": Model(lambda: seeded(Activations), (5, 16), 20),
    "norms": Model(lambda: seeded(HandNorm), (5, 16), 25),
    "gated": Model(lambda: seeded(GatedMlp), (5, 16), 25),
}


def _road(name: str, target: str, count: int, softmax: str = "lut") -> microformer.Report:
    model = MODELS[name]
    x = model.samples(32)
    example = torch.from_numpy(x[:1].astype(np.int64) if model.vocabulary else x[:1])
    loaded = microformer.load(model.build(), example=example)
    compiled = microformer.compile(loaded, x, target, softmax=softmax)
    return microformer.run(compiled, x, count=count)


@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m33"])
@pytest.mark.parametrize("name", [n for n in MODELS if n != "encoder"])
def test_model(name: str, target: str) -> None:
    report = _road(name, target, 20 if target == "host" else 5)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= MODELS[name].sqnr_db


@pytest.mark.parametrize("softmax", ["lut", "ibert"])
@pytest.mark.parametrize(
    "target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33"]
)
def test_the_issues_encoder(target: str, softmax: str) -> None:
    report = _road("encoder", target, 32 if target == "host" else 5, softmax)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= (25 if softmax == "lut" else 18)
