"""Whole networks from torch, by both exporters: bit-exact where they run, close to float."""

import numpy as np
import pytest
import torch

import microformer
from microformer.build import rtl
from microformer.errors import ToolError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from tests.exporters import legacy_export
from tests.networks import ARCHITECTURES


def load(name: str, exporter: str) -> tuple[FloatModel, Array]:
    network = ARCHITECTURES[name]
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
@pytest.mark.parametrize("name", ARCHITECTURES)
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
    """The whole pipeline: what was recognised, every byte, and the distance to float."""
    model, x = load(name, exporter)
    found = [node.op_type for node in model.model.graph].count("Attention")
    assert found == ARCHITECTURES[name].attentions
    compiled = microformer.compile(model, x, target)
    report = microformer.run(compiled, x, count={"host": 8, "cortex-m4": 2}.get(target, 1))
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= ARCHITECTURES[name].sqnr_db
