"""Costs are bounded: in time, in memory, and before anything long begins."""

import time
import tracemalloc

import numpy as np
import pytest
import torch

import microformer
from microformer import reference
from microformer.errors import TargetError
from microformer.graph import ops
from microformer.graph.tensor import Array
from microformer.reference import attention as module
from microformer.reference.softmax import exponential_lut
from microformer.samples import Samples


def _attention(heads: int, causal: bool) -> ops.Attention:
    return ops.Attention(
        heads=heads,
        kv_heads=heads,
        head_dim=4,
        value_dim=4,
        causal=causal,
        exponential=ops.LutExp(mult=900, shift=16),
        out_mult=10_000_000,
        out_shift=22,
        out_round=1 << 21,
        out_zero=3,
        masked_value=3,
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_by_rows_is_attention(
    causal: bool, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    q, k, v = (rng.integers(-128, 128, (2, 13, 8)).astype(np.int8) for _ in range(3))
    bias: Array | None = None
    if masked:
        bias = rng.integers(-900, 900, (2, 13, 13)).astype(np.int32)
        bias[rng.random(bias.shape) < 0.3] = ops.MASKED
    op = _attention(2, causal)
    whole = reference.apply(op, q, k, v, exponential_lut(), bias)
    monkeypatch.setattr(module, "SCORES", 2 * 2 * 13 * 3)
    assert np.array_equal(whole, reference.apply(op, q, k, v, exponential_lut(), bias))


def test_the_reference_of_long_attention_stays_small() -> None:
    """S = 4096 took 6.4 GB."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.integers(-128, 128, (1, 4096, 8)).astype(np.int8) for _ in range(3))
    tracemalloc.start()
    reference.apply(_attention(2, causal=False), q, k, v, exponential_lut(), None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 700e6


def test_a_model_of_fifty_million_weights_is_refused_at_once() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(5000, 5000), torch.nn.Linear(5000, 5000)).eval()
    x = np.zeros((4, 5000), np.float32)
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    begin = time.process_time()
    with pytest.raises(
        TargetError, match=r"50,000,000 weights alone it exceeds the 1,048,576 bytes"
    ):
        microformer.compile(model, x, "cortex-m4")
    assert time.process_time() - begin < 5


def test_what_the_plan_needs_is_refused_before_a_compiler_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 3, padding=1)
    ).eval()
    x = np.random.default_rng(0).normal(size=(2, 1, 64, 64)).astype(np.float32)
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    monkeypatch.setattr("subprocess.run", None)
    with pytest.raises(TargetError, match=r"98,304 bytes of RAM by .* heaviest layers are"):
        microformer.compile(model, x, "cortex-m4", effort="low")


def test_calibration_takes_so_many_samples_evenly_and_says_so() -> None:
    module = torch.nn.Linear(3, 2).eval()
    x = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    graph = microformer.quantize(model, x, effort="low")
    assert any("1,024 of the 5,000 samples" in note for note in graph.notes)
    few = microformer.quantize(model, x, effort="low", calibration_samples=10)
    chosen = microformer.quantize(model, x[::500], effort="low")
    name = few.inputs[0]
    assert few.tensors[name].qparams == chosen.tensors[name].qparams
    picked = Samples(x, np.arange(5000)).evenly(7)
    assert picked.y is not None and picked.y.tolist() == [0, 714, 1428, 2142, 2857, 3571, 4285]
