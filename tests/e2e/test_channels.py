"""Inputs of unlike channels: a scale for each, exact on every target, and only where it may be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import microformer
from microformer import store
from microformer.calibrate import calibrate
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned
from microformer.quantize import quantize
from microformer.tune.channels import by_channel


class Frames(nn.Module):
    """[1, 12, 10] frames by coefficients -> [1, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Linear(10, 16), nn.LayerNorm(16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(self.norm(self.stem(x)).mean(1))
        return made


class Patches(nn.Module):
    """[1, 1, 12, 10]: windows of 3 frames, all coefficients of them under one kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(1, 16, (3, 10), stride=(3, 1)), nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(torch.relu(self.stem(x)).flatten(1))
        return made


class Padded(nn.Module):
    """[1, 10, 12], channels first: a convolution whose zeros at the ends are level 0."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv1d(10, 16, 3, padding=1), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(torch.relu(self.stem(x)).mean(2))
        return made


class Grouped(nn.Module):
    """[1, 12, 10] moved and cut on its way: a depthwise convolution, and a Linear of half."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.rest = nn.Conv1d(10, 20, 3, groups=10), nn.Linear(5, 8)
        self.head = nn.Linear(28, 4)

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.stem(x.transpose(1, 2))).mean(2)
        made: Tensor = self.head(torch.cat([first, self.rest(x[:, :, 5:]).mean(1)], 1))
        return made


class Slides(nn.Module):
    """[1, 1, 12, 10]: a kernel that slides over the coefficients meets all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(1, 8, 3), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(torch.relu(self.stem(x)).mean((2, 3)))
        return made


class Summed(Frames):
    """[1, 12, 10] that also goes into a sum, where its channels need one scale."""

    def forward(self, x: Tensor) -> Tensor:
        made = super().forward(x) + (x + x.mean(1, keepdim=True)).mean(1)[:, :4]
        return made


SHAPES: dict[type[nn.Module], tuple[int, ...]] = {
    **dict.fromkeys((Frames, Grouped, Summed), (12, 10)),
    Padded: (10, 12),
    Patches: (1, 12, 10),
    Slides: (1, 12, 10),
}


def _samples(kind: type[nn.Module], count: int = 96) -> Array:
    """Coefficient 0 is 100 times as large as the others, and mostly negative."""
    x = np.random.default_rng(0).standard_normal((count, 12, 10)).astype(np.float32)
    x[:, :, 0] = 100.0 * x[:, :, 0] - 150.0
    x = x.transpose(0, 2, 1) if kind is Padded else x
    return np.ascontiguousarray(x.reshape(count, *SHAPES[kind]))


def _net(kind: type[nn.Module]) -> nn.Module:
    """A net to which each coefficient matters as much."""
    torch.manual_seed(0)
    model = kind().eval()
    with torch.no_grad():
        weight = model.get_parameter("stem.weight")
        axis = 1 if kind in (Frames, Summed, Padded) else weight.dim() - 1
        if kind is Grouped:
            weight[:2] /= 100.0
        elif kind is not Slides:
            weight.transpose(0, axis)[0] /= 100.0
    return model


@pytest.mark.parametrize("kind", [Frames, Patches, Padded, Grouped])
def test_each_channel_keeps_its_steps(kind: type[nn.Module]) -> None:
    x, model = _samples(kind), _net(kind)
    loaded = microformer.load(model, example=torch.from_numpy(x[:1]))
    graph = microformer.quantize(loaded, x, effort="low")
    tensor = graph.tensors[graph.inputs[0]]
    assert tensor.channels is not None and len(tensor.channels.scales) == 10
    if kind is Padded:
        assert not any(tensor.channels.zero_points)
    compiled = microformer.compile(loaded, x, "host", effort="low")
    report = microformer.run(compiled, x[:8])
    assert report.bit_exact and report.firmware_exact and report.sqnr_db is not None
    with torch.no_grad():
        real = model(torch.from_numpy(x)).numpy()
    made = microformer.predict(compiled, x)
    ratio = 10 * np.log10((real**2).sum() / ((made - real) ** 2).sum())
    assert ratio > 26
    ranges = calibrate(loaded, x)
    plain = quantize(loaded, ranges)
    assert plain.tensors[plain.inputs[0]].channels is None
    one = microformer.compile(loaded, ranges=ranges, target="host")
    lost = microformer.predict(one, x) - real
    assert ratio > 10 * np.log10((real**2).sum() / (lost**2).sum()) + 8


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "cortex-m55", "pulp-cv32e40p"])
def test_the_firmware_converts_each_value_by_its_place(target: str, tmp_path: Path) -> None:
    for kind in (Frames, Padded):
        x = _samples(kind)
        loaded = microformer.load(_net(kind), example=torch.from_numpy(x[:1]))
        compiled = microformer.compile(loaded, x, target, effort="low")
        head = compiled.project.files[f"{compiled.project.name}.h"]
        assert f"_INPUT_CHANNEL_STRIDE {12 if kind is Padded else 1}\n" in head
        assert "_INPUT_CHANNELS 10\n" in head and "_INPUT_SCALE " not in head
        store.save(compiled, tmp_path / kind.__name__)
        again = store.open_folder(tmp_path / kind.__name__)
        report = microformer.run(again, x, count=3)
        assert report.bit_exact and report.firmware_exact


def test_values_that_are_no_numbers_saturate_alike() -> None:
    x = _samples(Frames)
    loaded = microformer.load(_net(Frames), example=torch.from_numpy(x[:1]))
    compiled = microformer.compile(loaded, x, "host", effort="low")
    odd = x[:4].copy()
    odd[0], odd[1], odd[2] = 1e30, -1e30, np.float32(3e38)
    report = microformer.run(compiled, odd)
    assert report.bit_exact and report.firmware_exact


@pytest.mark.parametrize("kind", [Slides, Summed])
def test_where_a_reader_mixes_channels_there_is_one_scale(kind: type[nn.Module]) -> None:
    x = _samples(kind)
    loaded = microformer.load(_net(kind), example=torch.from_numpy(x[:1]))
    graph = microformer.quantize(loaded, x, effort="low")
    assert graph.tensors[graph.inputs[0]].channels is None


def test_channels_that_are_alike_have_one_scale() -> None:
    x = np.random.default_rng(0).standard_normal((32, 12, 10)).astype(np.float32)
    loaded = microformer.load(_net(Frames), example=torch.from_numpy(x[:1]))
    tuned = by_channel(Tuned(loaded, loaded, calibrate(loaded, x)), x, _never, _never)
    assert tuned.model is loaded and not tuned.steps


def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("nothing is to be tried")


def test_one_of_two_inputs_has_scales_by_channel() -> None:
    class Two(Frames):
        def forward(self, x: Tensor, v: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x) * torch.sigmoid(v)

    torch.manual_seed(0)
    model = Two().eval()
    with torch.no_grad():
        model.stem.weight[:, 0] /= 100.0
    v = np.random.default_rng(1).standard_normal((96, 4)).astype(np.float32)
    x = {"x": _samples(Frames), "v": v}
    example = {key: torch.from_numpy(value[:1]) for key, value in x.items()}
    compiled = microformer.compile(
        microformer.load(model, example=example), x, "cortex-m4", effort="low"
    )
    channels = [compiled.int_graph.tensors[n].channels for n in compiled.int_graph.inputs]
    assert channels[0] is not None and channels[1] is None
    report = microformer.run(compiled, x, count=4)
    assert report.bit_exact and report.firmware_exact


def test_an_audit_runs_over_them() -> None:
    x = _samples(Frames)
    found = microformer.audit(
        microformer.load(_net(Frames), example=torch.from_numpy(x[:1])), x, effort="low"
    )
    assert found.sqnr_db > 26
