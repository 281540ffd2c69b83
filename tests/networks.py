"""The networks of the whole pipeline, one table: compiled, run and trained by the tests."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from microformer.graph.tensor import Array
from tests.architectures import (
    Bert,
    CompactConvolutional,
    LinearAttention,
    MobileVit,
    MultiQueryAttention,
    NormalisedLinearAttention,
    RotaryAttention,
    TinySwin,
)
from tests.models import (
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
class Network:
    """A module, its input without batch axis, what its output must reach and what it holds.

    ``attentions`` are to be recognised; None where nobody counts them. ``vocabulary`` is the number
    of token indices, 0 for an input of real numbers.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    sqnr_db: float = 25
    attentions: int | None = None
    vocabulary: int = 0

    def samples(self, count: int, seed: int = 3) -> Array:
        """Samples for calibration, tests or training, [count, *shape]."""
        rng = np.random.default_rng(seed)
        if self.vocabulary:
            return rng.integers(0, self.vocabulary, (count, *self.shape)).astype(np.int32)
        return rng.standard_normal((count, *self.shape)).astype(np.float32)


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.LayerNorm(24), nn.Linear(24, 5))


def _softmax_head() -> nn.Module:
    """A classifier that ends in probabilities: [1, 6, 16] -> [1, 6, 5]."""
    return nn.Sequential(nn.Linear(16, 5), nn.Softmax(-1))


BLOCKS = {
    "encoder": Network(lambda: seeded(encoder), (81, 64)),
    "small encoder": Network(lambda: seeded(encoder, 32, 4, 2, 48), (9, 32)),
    "post-norm relu": Network(
        lambda: seeded(encoder, 32, 4, 1, 64, norm_first=False, activation="relu"), (9, 32)
    ),
    "mlp": Network(lambda: seeded(_mlp), (12,)),
    "vision transformer": Network(lambda: seeded(VisionTransformer), (1, 8, 8)),
    "three channels": Network(
        lambda: seeded(VisionTransformer, channels=3, image=12, patch=4), (3, 12, 12)
    ),
    "text": Network(lambda: seeded(TextClassifier), (12,), vocabulary=50),
    "timm block": Network(lambda: seeded(TimmBlock), (9, 32)),
    "causal": Network(lambda: seeded(SelfAttention, causal=True), (9, 32)),
    "cross": Network(lambda: seeded(CrossAttention), (9, 32)),
    "chunk": Network(lambda: seeded(ChunkAttention), (9, 32)),
    "mask": Network(lambda: seeded(ChunkAttention, mask="fill"), (9, 32)),
    "scaled dot product": Network(lambda: seeded(SdpaAttention), (9, 32)),
    "grouped": Network(lambda: seeded(SdpaAttention, kv_heads=2), (9, 32)),
    "einsum": Network(lambda: seeded(EinsumAttention), (9, 32)),
    "interleaved qkv": Network(lambda: seeded(InterleavedAttention), (9, 32)),
    "no biases": Network(lambda: seeded(SelfAttention, bias=False), (9, 32)),
    "softmax head": Network(lambda: seeded(_softmax_head), (6, 16)),
    "conv 2d": Network(lambda: seeded(conv_stem_2d), (3, 16, 16), 20),
    "conv 1d": Network(lambda: seeded(conv_stem_1d), (4, 40)),
    "activations": Network(lambda: seeded(Activations), (5, 16), 20),
    "norms": Network(lambda: seeded(HandNorm), (5, 16)),
    "gated": Network(lambda: seeded(GatedMlp), (5, 16)),
}
"""Parts of networks and small ones (models.py)."""

ARCHITECTURES = {
    "CCT": Network(lambda: seeded(CompactConvolutional), (3, 16, 16), 20, 2),
    "Swin": Network(lambda: seeded(TinySwin), (3, 32, 32), 20, 3),
    "MobileViT": Network(lambda: seeded(MobileVit), (3, 16, 16), 20, 1),
    "BERT": Network(lambda: seeded(Bert), (12,), 20, 2, vocabulary=40),
    "linear attention": Network(lambda: seeded(LinearAttention), (9, 32), 20, 0),
    "efficient attention": Network(lambda: seeded(NormalisedLinearAttention), (9, 32), 20, 0),
    "rotary, grouped, SwiGLU": Network(lambda: seeded(RotaryAttention), (9, 32), 20, 1),
    "multi-query": Network(lambda: seeded(MultiQueryAttention), (9, 32), 25, 1),
}
"""Whole networks, as their papers build them (architectures.py)."""

NETWORKS = {**BLOCKS, **ARCHITECTURES}
