"""Files of torch.export.save, read as data: the same networks as by torch, and nothing hostile."""

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from typer.testing import CliRunner

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.cli import app
from microformer.errors import ModelError
from tests.models import seeded
from tests.networks import NETWORKS

NAMES = ("small encoder", "vision transformer", "text", "causal", "mask", "convolutions", "BERT")


def saved(path: Path, module: nn.Module, *inputs: Tensor, **options: Any) -> Path:
    torch.export.save(torch.export.export(module.eval(), inputs, **options), path)
    return path


@pytest.mark.parametrize("name", [n for n in NAMES if n in NETWORKS])
def test_a_file_is_the_module(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]
    module, x = net.build().eval(), torch.from_numpy(net.samples(1, 3))
    x = x.long() if net.vocabulary else x
    model = microformer.load(saved(tmp_path / "net.pt2", module, x))
    with torch.no_grad():
        real = module(x).numpy()
    got = FloatRunner(model)(x.numpy())[model.output_name]
    np.testing.assert_allclose(got.reshape(real.shape), real, atol=1e-5)
    assert model.name == "net"


class _Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.register_buffer("scale", torch.rand(6))

    def forward(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        left, right = (self.first(a) * self.scale).split([2, 4], dim=-1)
        return {"near": left + b, "far": right.max(-1).values}


def test_ends_keep_their_names(tmp_path: Path) -> None:
    module = seeded(_Several).eval()
    a, b = torch.rand(1, 3, 4), torch.rand(1, 3, 2)
    model = microformer.load(saved(tmp_path / "m.pt2", module, a, b))
    assert [end.name for end in model.inputs] == ["a", "b"]
    assert [end.name for end in model.outputs] == ["near", "far"]


def test_a_dynamic_batch_is_one(tmp_path: Path) -> None:
    batch = {0: torch.export.Dim("batch")}
    module = nn.Sequential(nn.Linear(4, 3), nn.Flatten()).eval()
    x = torch.rand(2, 5, 4)
    model = microformer.load(saved(tmp_path / "m.pt2", module, x, dynamic_shapes=(batch,)))
    assert model.input_shape == (1, 5, 4)
    rows = {1: torch.export.Dim("rows")}
    with pytest.raises(ModelError, match="axis 1 of input 'input' is dynamic"):
        microformer.load(saved(tmp_path / "m.pt2", module, x, dynamic_shapes=(rows,)))


def test_the_command_reads_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt2", nn.Linear(4, 3), torch.rand(1, 4))
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((8, 4), np.float32))
    arguments = ["compile", str(path), "--data", str(tmp_path / "x.npz"), "-o"]
    result = CliRunner().invoke(app, [*arguments, str(tmp_path / "out"), "-t", "host"])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "m.pt2"
    return saved(path, nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.rand(1, 4))


def changed(path: Path, out: Path, part: str, change: Callable[[Any], Any]) -> Path:
    """The archive with ``change`` made to the JSON of the entry that ends in ``part``."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(part):
                found = json.loads(data)
                found = change(found) or found
                data = json.dumps(found).encode()
            new.writestr(name, data)
    return out


def _graph(found: Any) -> Any:
    return found["graph_module"]["graph"]


def _target(name: str) -> Callable[[Any], Any]:
    def change(found: Any) -> None:
        _graph(found)["nodes"][1]["target"] = name

    return change


def _weight(**fields: Any) -> Callable[[Any], Any]:
    def change(found: Any) -> None:
        found["config"]["0.weight"] |= fields

    return change


def _meta(**fields: Any) -> Callable[[Any], Any]:
    def change(found: Any) -> None:
        found["config"]["0.weight"]["tensor_meta"] |= fields

    return change


def _input_called(name: str) -> Callable[[Any], Any]:
    def change(found: Any) -> Any:
        return json.loads(json.dumps(found).replace('"input"', json.dumps(name)))

    return change


def _weight_called(name: str) -> Callable[[Any], Any]:
    def change(found: Any) -> Any:
        return json.loads(json.dumps(found).replace('"0.weight"', json.dumps(name)))

    return change


def _mutation(found: Any) -> None:
    specs = found["graph_module"]["signature"]["output_specs"]
    specs.insert(0, {"buffer_mutation": {"arg": {"name": "relu"}, "buffer_name": "state"}})


def _input_sizes(found: Any) -> None:
    _graph(found)["tensor_values"]["input"]["sizes"] = WIDE


WIDE = [{"as_int": 1 << 20}, {"as_int": 1 << 20}]
NONE = [{"as_int": 0}, {"as_int": 0}]


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("model.json", _target("os.system"), "'os.system', which is no operator of ATen"),
        ("model.json", _target("torch.ops.aten.relu.__class__"), "no operator of ATen"),
        ("model.json", _target("torch.ops.aten.__init__.default"), "no operator of ATen"),
        ("model.json", _target("torch.ops.aten.from_file.default"), "which reads no tensor"),
        ("model.json", _target("torch.ops.higher_order.cond"), "no operator of ATen"),
        ("model.json", _mutation, "changes what it holds"),
        ("model.json", _input_called("x, y=print(1)"), "which is no name"),
        ("model.json", _input_sizes, "no microcontroller holds such a sample"),
        ("model.json", _input_called("lambda"), "which is no name"),
        ("weights_config.json", _weight(use_pickle=True), "is a pickle"),
        ("weights_config.json", _weight(path_name="../../../etc/passwd"), "at odds with the form"),
        ("weights_config.json", _meta(sizes=WIDE), "larger than its bytes"),
        ("weights_config.json", _meta(sizes=WIDE, strides=NONE), "elements that share bytes"),
        ("weights_config.json", _meta(strides=[{"as_int": -1}] * 2), "larger than its bytes"),
        ("weights_config.json", _meta(storage_offset={"as_int": 99}), "larger than its bytes"),
        ("weights_config.json", _meta(dtype=9), "has a type that is not known"),
        ("weights_config.json", lambda _: [1], "at odds with the form"),
        ("model.json", lambda _: {"other": 1}, "at odds with the form"),
    ],
)
def test_a_hostile_file(
    part: str, change: Callable[[Any], Any], words: str, linear: Path, tmp_path: Path
) -> None:
    path = changed(linear, tmp_path / "bad.pt2", part, change)
    with pytest.raises(ModelError) as found:
        microformer.load(path)
    assert words in str(found.value) and "Traceback" not in str(found.value)


def test_a_weights_name_is_no_code(linear: Path, tmp_path: Path) -> None:
    name = '0.x") or print("'
    path = changed(linear, tmp_path / "a.pt2", "model.json", _weight_called(name))
    path = changed(path, tmp_path / "b.pt2", "weights_config.json", _weight_called(name))
    with pytest.raises(ModelError, match="which is no name"):
        microformer.load(path)


def test_a_bomb_and_older_forms(linear: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "old.pt2", "w") as archive:
        archive.writestr("archive/serialized_exported_program.json", "{}")
    with pytest.raises(ModelError, match=r"no models/model\.json: save .* torch 2\.8"):
        microformer.load(tmp_path / "old.pt2")
    shutil.copy(linear, tmp_path / "bomb.pt2")
    with zipfile.ZipFile(linear) as old, zipfile.ZipFile(tmp_path / "bomb.pt2", "w") as new:
        for name in old.namelist():
            if not name.endswith("weight_0"):
                new.writestr(name, old.read(name))
        with new.open("m/data/weights/weight_0", "w", force_zip64=True) as stream:
            stream.write(b"\0" * 100)
        new.getinfo("m/data/weights/weight_0").file_size = 1 << 31
    with pytest.raises(ModelError, match="more than 1 GiB"):
        microformer.load(tmp_path / "bomb.pt2")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 20), st.integers(0, 255), st.booleans())
def test_changed_bytes_end_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, linear: Path, place: int, value: int, cut: bool
) -> None:
    data = bytearray(linear.read_bytes())
    data[place % len(data)] = value
    path = tmp_path_factory.mktemp("flipped") / "m.pt2"
    path.write_bytes(data[: place % len(data)] if cut else data)
    with contextlib.suppress(ModelError):
        microformer.load(path)
