"""Whole networks from torch, by both exporters: bit-exact where they run, close to float."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import microformer
from architectures import (
    Bert,
    CompactConvolutional,
    LinearAttention,
    MobileVit,
    MultiQueryAttention,
    NormalisedLinearAttention,
    RotaryAttention,
    TinySwin,
)
from exporters import legacy_export
from microformer.build import rtl
from microformer.errors import ToolError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from models import seeded


@dataclass(frozen=True)
class Network:
    """A module, its input without batch axis, and how many attentions are to be recognised."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    attentions: int
    vocabulary: int = 0

    def samples(self, count: int) -> Array:
        """Calibration and test samples, [count, *shape]."""
        rng = np.random.default_rng(3)
        if self.vocabulary:
            return rng.integers(0, self.vocabulary, (count, *self.shape)).astype(np.int32)
        return rng.standard_normal((count, *self.shape)).astype(np.float32)


NETWORKS = {
    "CCT": Network(lambda: seeded(CompactConvolutional), (3, 16, 16), 2),
    "Swin": Network(lambda: seeded(TinySwin), (3, 32, 32), 3),
    "MobileViT": Network(lambda: seeded(MobileVit), (3, 16, 16), 1),
    "BERT": Network(lambda: seeded(Bert), (12,), 2, vocabulary=40),
    "linear attention": Network(lambda: seeded(LinearAttention), (9, 32), 0),
    "efficient attention": Network(lambda: seeded(NormalisedLinearAttention), (9, 32), 0),
    "rotary, grouped, SwiGLU": Network(lambda: seeded(RotaryAttention), (9, 32), 1),
    "multi-query": Network(lambda: seeded(MultiQueryAttention), (9, 32), 1),
}


def load(name: str, exporter: str) -> tuple[FloatModel, Array]:
    network = NETWORKS[name]
    x = network.samples(24)
    example = torch.from_numpy(x[:1].astype(np.int64) if network.vocabulary else x[:1])
    module = network.build()
    if exporter == "dynamo":
        return microformer.load(module, example=example), x
    return microformer.load(legacy_export(module, example, 17)), x


@pytest.mark.parametrize(
    ("target", "exporter"),
    [("host", "dynamo"), ("host", "torchscript"), ("cortex-m4", "dynamo")],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, target: str, exporter: str) -> None:
    run(name, target, exporter)


def _no_cluster() -> bool:
    try:
        return not rtl.simulator("ri5cy", lambda _text: None)
    except ToolError:
        return True


@pytest.mark.slow
@pytest.mark.skipif(_no_cluster(), reason="'microformer setup-pulp' has not been run")
@pytest.mark.parametrize("name", ["CCT", "Swin", "MobileViT", "BERT", "linear attention"])
def test_network_on_the_cluster(name: str) -> None:
    run(name, "pulp-ri5cy", "dynamo")


def run(name: str, target: str, exporter: str) -> None:
    """The whole road: what was recognised, every byte, and the distance to float."""
    model, x = load(name, exporter)
    found = [node.op_type for node in model.model.graph].count("Attention")
    assert found == NETWORKS[name].attentions
    compiled = microformer.compile(model, x, target)
    report = microformer.run(compiled, x, count={"host": 8, "cortex-m4": 2}.get(target, 1))
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= 20
