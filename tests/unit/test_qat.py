"""microformer.torch: the module that trains is the program that is compiled, bit for bit."""

import functools
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

import microformer
import microformer.torch
from microformer import reference
from microformer.errors import DataError, ModelError
from microformer.graph.float_model import FloatModel, Imported
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import Array, QParams
from microformer.quantize.conversion import _CONVERTERS
from microformer.settings import SoftmaxKind
from microformer.torch import QuantizedModule
from microformer.torch import ranges as ranges_module
from microformer.torch.surrogate import REAL
from tests.models import ChunkAttention, VisionTransformer, seeded
from tests.networks import NETWORKS

# the others only differ where gradients do not: in size, or in how they are written
MODELS = sorted(
    NETWORKS.keys()
    - {"encoder", "three channels", "chunk", "scaled dot product", "einsum", "no biases"}
)


def _samples(name: str, count: int, seed: int = 3) -> Tensor:
    drawn = torch.from_numpy(NETWORKS[name].samples(count, seed))
    return drawn.long() if NETWORKS[name].vocabulary else drawn


def _prepared(name: str, **options: bool | str) -> QuantizedModule:
    return microformer.torch.prepare(
        NETWORKS[name].build(),
        calibration=_samples(name, 16),
        **options,  # type: ignore[arg-type]
    )


@functools.cache
def _shared(name: str) -> QuantizedModule:
    """One for the tests that do not mind what weights it has: exporting takes seconds."""
    return _prepared(name)


def _trained(prepared: QuantizedModule, x: Tensor, steps: int = 4) -> list[float]:
    """A user's own loop: random targets, Adam; the losses."""
    wanted = torch.randn(prepared(x).shape, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam([p for p in prepared.parameters() if p.requires_grad], 2e-3)
    losses = []
    prepared.train()
    for _ in range(steps):
        loss = F.mse_loss(prepared(x), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    prepared.eval()
    return losses


def _program(graph: IntGraph, x: Tensor) -> tuple[Array, QParams]:
    """Int8 outputs of a compiled graph, and their scale."""
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    shaped = x.numpy().reshape(len(x), *source.shape)
    levels = shaped if source.qparams is None else source.qparams.quantize(shaped)
    assert result.qparams is not None
    return reference.evaluate(graph, levels)[result.name], result.qparams


def _assert_no_gap(prepared: QuantizedModule, x: Tensor, softmax: SoftmaxKind = "lut") -> None:
    """Train mode, eval mode and the converted, simplified program give the same bits."""
    with_gradients = prepared(x).detach()
    with torch.no_grad():
        without = prepared(x)
    model, ranges = prepared.convert()
    levels, qparams = _program(microformer.quantize(model, ranges=ranges, softmax=softmax), x)
    real = torch.from_numpy(qparams.dequantize(levels).astype(np.float32)).reshape(without.shape)
    assert torch.equal(with_gradients, without)
    assert torch.equal(without, real)
    np.testing.assert_array_equal(prepared.integers(x).reshape(levels.shape), levels)
    assert len(np.unique(levels)) > 8  # something was computed


def _assert_same_function(prepared: QuantizedModule, x: Tensor) -> None:
    """Each surrogate gives the integers' value but for rounding, so its gradient is theirs."""
    seen: list[float] = []
    true_straight = ranges_module.straight

    def watched(
        real: Tensor, exact: Tensor, qparams: QParams, ends: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        low, high = (qparams.scale * (q - qparams.zero_point) for q in (-128, 127))
        error = (real.clamp(low, high) - exact).abs().mean() / qparams.scale
        seen.append(error.item())
        return true_straight(real, exact, qparams, ends)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("microformer.torch.module.straight", watched)
        prepared(x)
    assert len(seen) >= 3
    assert max(seen) < 1.0  # steps of int8, on average


_RUNS = [(name, "lut") for name in MODELS]
_RUNS += [
    (name, "ibert") for name in ("small encoder", "vision transformer", "softmax head", "mask")
]


@pytest.mark.parametrize(("name", "softmax"), _RUNS)
def test_what_trains_is_what_is_compiled(name: str, softmax: SoftmaxKind) -> None:
    prepared = _shared(name) if softmax == "lut" else _prepared(name, softmax=softmax)
    x = _samples(name, 16, seed=4)
    if softmax == "lut":  # in the same test, as exporting the module anew takes seconds
        _assert_same_function(prepared, _samples(name, 8))
    _assert_no_gap(prepared, x, softmax)
    losses = _trained(prepared, x)
    assert losses[-1] < losses[0]
    _assert_no_gap(prepared, x, softmax)


def test_the_c_program_gives_the_outputs_of_the_training() -> None:
    prepared = _prepared("vision transformer")
    x = _samples("vision transformer", 16)
    _trained(prepared, x)
    model, ranges = prepared.convert()
    compiled = microformer.compile(model, ranges=ranges, target="host")
    report = microformer.run(compiled, x.numpy())
    assert report.bit_exact and report.samples_run == 16
    levels, _ = _program(compiled.int_graph, x)
    np.testing.assert_array_equal(levels.reshape(16, -1), prepared.integers(x).reshape(16, -1))


def test_unlike_rows_train_at_scales_of_their_own() -> None:
    """A class token of a fiftieth: what trains by rows is what is compiled by rows."""
    module: Any = seeded(VisionTransformer)
    with torch.no_grad():
        module.cls.mul_(0.02)
        module.pos[:, 0].mul_(0.02)
        module.patch.weight.mul_(4.0)
    first, x = (_samples("vision transformer", 16, seed) for seed in (3, 4))
    whole, rows = (
        microformer.torch.prepare(module, calibration=first, residual=residual)
        for residual in ("int8", "rows")
    )
    groups = rows.convert()[1].rows
    assert groups and not whole.convert()[1].rows
    _assert_same_function(rows, x[:8])
    _assert_no_gap(rows, x)
    real = module.eval()(x)
    assert F.mse_loss(rows(x), real) < F.mse_loss(whole(x), real) / 4
    losses = _trained(rows, x)
    assert losses[-1] < losses[0]
    _assert_no_gap(rows, x)
    model, ranges = rows.convert()
    learnt = [name for name, found in ranges.rows.items() if found != groups[name]]
    assert learnt and ranges.rows.keys() == groups.keys()
    compiled = microformer.compile(model, ranges=ranges, target="host", residual="rows")
    assert microformer.run(compiled, x.numpy()).bit_exact


def test_the_gradient_leads_where_the_float_one_leads() -> None:
    module = NETWORKS["small encoder"].build()
    prepared = _prepared("small encoder", learn_ranges=False)
    x = _samples("small encoder", 16)
    for model in (module, prepared):
        (model(x) ** 2).mean().backward()
    assert prepared.source is not None
    pairs = zip(module.parameters(), prepared.source.parameters(), strict=True)
    for ours, theirs in pairs:
        assert ours.grad is not None and theirs.grad is not None
        cosine = F.cosine_similarity(ours.grad.reshape(-1), theirs.grad.reshape(-1), dim=0)
        if ours.grad.norm() > 1e-4:  # a key's bias moves nothing
            assert cosine > 0.95


def test_saturated_values_get_no_gradient_and_move_their_range() -> None:
    prepared = microformer.torch.prepare(
        seeded(lambda: nn.Linear(4, 3)), calibration=torch.ones(2, 4) * 0.1
    )
    x = torch.full((1, 4), 50.0, requires_grad=True)
    prepared(x).sum().backward()
    assert x.grad is not None and not x.grad.any()
    moved = prepared.ranges.stretch.grad
    assert moved is not None and moved.abs().sum() > 0


def test_trained_weights_go_back_into_the_users_module() -> None:
    module = NETWORKS["vision transformer"].build()
    prepared = _prepared("vision transformer")
    x = _samples("vision transformer", 16)
    _trained(prepared, x)
    module.load_state_dict(prepared.float_state_dict())
    _, ranges = prepared.convert()
    again = microformer.quantize(microformer.load(module, example=x[:1]), ranges=ranges)
    levels, _ = _program(again, x)
    np.testing.assert_array_equal(levels, prepared.integers(x).reshape(levels.shape))


def test_equal_weights_of_a_fresh_module_are_trained_apart() -> None:
    """All biases of a fresh encoder are zero: ``load`` keeps one constant for them."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
    module = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    x = torch.randn(16, 5, 16)
    prepared = microformer.torch.prepare(module, calibration=x)
    assert prepared.source is not None
    _trained(prepared, x)
    _assert_no_gap(prepared, x)
    after = prepared.float_state_dict()
    q, _, v = after["layers.0.self_attn.in_proj_bias"].chunk(3)
    others = [after[f"layers.{i}.norm{j}.weight"] for i in (0, 1) for j in (1, 2)]
    assert not torch.equal(q, v)
    assert all(not torch.equal(others[0], other) for other in others[1:])
    for name, value in module.state_dict().items():
        assert not torch.equal(after[name], value), name  # every parameter has moved


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(torch.relu(self.linear(x)))  # type: ignore[no-any-return]

    x = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    prepared = microformer.torch.prepare(seeded(Tied), calibration=x)
    _trained(prepared, x)
    _assert_no_gap(prepared, x)
    graph = prepared.convert()[0].model.graph
    nodes = [node for node in graph if node.op_type == "Linear"]
    first, second = (node.inputs[1] for node in nodes)
    assert first is not None and second is not None
    assert first.const_value is not None and second.const_value is not None
    np.testing.assert_array_equal(first.const_value.numpy(), second.const_value.numpy())
    assert len(list(prepared.source.parameters())) == 2  # type: ignore[union-attr]


def test_folded_weights_say_where_they_are() -> None:
    with pytest.raises(ModelError, match=r"take convert\(\)'s FloatModel"):
        _prepared("conv 2d").float_state_dict()


def test_what_is_no_parameter_stays() -> None:
    """An absent bias stays absent, a mask and buffers stay as they were."""
    prepared = _prepared("mask")
    x = _samples("mask", 8)
    before = prepared.convert()[0].model.graph.initializers
    _trained(prepared, x)
    after = prepared.convert()[0].model.graph.initializers

    def same(name: str) -> bool:
        first, second = before[name].const_value, after[name].const_value
        assert first is not None and second is not None
        return np.array_equal(first.numpy(), second.numpy())

    kept = {name for name in before if same(name)}
    assert any(name.endswith("mask") for name in kept)
    assert {n for n in before if n.endswith("weight")}.isdisjoint(kept)
    absent = [n for n in before if n.endswith("bias") and "out" not in n]
    assert absent and set(absent) <= kept


def test_a_bias_of_relative_positions_is_trained() -> None:
    module: Any = seeded(ChunkAttention, mask="add")
    table = module.bias
    del module.bias
    module.bias = nn.Parameter(table.clone())
    x = _samples("mask", 8)
    prepared = microformer.torch.prepare(module, calibration=x)
    _trained(prepared, x)
    _assert_no_gap(prepared, x)
    after = prepared.float_state_dict()["bias"]
    assert (after - table).abs().max() > 1e-3
    module.load_state_dict(prepared.float_state_dict())
    again = microformer.quantize(
        microformer.load(module, example=x[:1]), ranges=prepared.convert()[1]
    )
    np.testing.assert_array_equal(_program(again, x)[0], prepared.integers(x))


def test_a_loaded_model_is_trained_without_its_module() -> None:
    loaded: FloatModel = microformer.load(NETWORKS["mlp"].build(), example=_samples("mlp", 1))
    prepared = microformer.torch.prepare(loaded, calibration=_samples("mlp", 8).numpy())
    losses = _trained(prepared, _samples("mlp", 16))
    assert losses[-1] < losses[0]
    _assert_no_gap(prepared, _samples("mlp", 16))
    with pytest.raises(ModelError, match="no torch module"):
        prepared.float_state_dict()


def test_every_operation_has_a_gradient() -> None:
    assert set(REAL) == set(_CONVERTERS)


def test_imported_scales_are_not_trained() -> None:
    loaded = replace(_shared("mlp").convert()[0], imported=Imported({}, {}, {}))
    with pytest.raises(ModelError, match="brings its own scales"):
        microformer.torch.prepare(loaded, calibration=_samples("mlp", 4))


def test_the_same_seed_gives_the_same_bytes() -> None:
    x = _samples("small encoder", 8)
    outputs = []
    for _ in range(2):
        prepared = _prepared("small encoder")
        _trained(prepared, x)
        outputs.append(prepared.integers(x))
    np.testing.assert_array_equal(outputs[0], outputs[1])


def test_frozen_ranges_stay() -> None:
    prepared = _prepared("mlp", learn_ranges=False)
    before = str(prepared.convert()[1])
    _trained(prepared, _samples("mlp", 8))
    assert str(prepared.convert()[1]) == before
    learnt = _prepared("mlp")
    _trained(learnt, _samples("mlp", 8))
    assert str(learnt.convert()[1]) != before


def test_samples_or_ranges_but_not_both() -> None:
    model, ranges = _prepared("mlp").convert()
    with pytest.raises(DataError, match="either samples"):
        microformer.quantize(model, np.zeros((1, 12), np.float32), ranges=ranges)
    with pytest.raises(DataError, match="either samples"):
        microformer.compile(model)


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"\[11\] each, on cpu; the model takes \[12\]"):
        _shared("mlp")(torch.zeros(2, 11))
    with pytest.raises(DataError, match="on meta"):
        _shared("mlp")(torch.zeros(2, 12, device="meta"))


def test_the_core_lives_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import microformer, microformer.cli\n"
        "assert not any(m.startswith('microformer.torch') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
