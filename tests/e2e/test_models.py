"""torch modules through the whole pipeline: bit-exact where they run, close to the float model."""

import numpy as np
import pytest
import torch

import microformer
from microformer.settings import SoftmaxKind
from tests.networks import BLOCKS


def _road(name: str, target: str, count: int, softmax: SoftmaxKind = "lut") -> microformer.Report:
    model = BLOCKS[name]
    x = model.samples(32)
    example = torch.from_numpy(x[:1].astype(np.int64) if model.vocabulary else x[:1])
    loaded = microformer.load(model.build(), example=example)
    compiled = microformer.compile(loaded, x, target, softmax=softmax)
    return microformer.run(compiled, x, count=count)


@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m33"])
@pytest.mark.parametrize("name", [n for n in BLOCKS if n != "encoder"])
def test_model(name: str, target: str) -> None:
    report = _road(name, target, 20 if target == "host" else 5)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= BLOCKS[name].sqnr_db


@pytest.mark.parametrize("softmax", ["lut", "ibert"])
@pytest.mark.parametrize(
    "target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33"]
)
def test_the_issues_encoder(target: str, softmax: SoftmaxKind) -> None:
    report = _road("encoder", target, 32 if target == "host" else 5, softmax)
    assert report.bit_exact
    assert report.sqnr_db is not None and report.sqnr_db >= (25 if softmax == "lut" else 18)
