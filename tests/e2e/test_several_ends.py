"""Models of several inputs and outputs: every form of file, every kind of target, every odd one."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

import microformer
from microformer import store
from microformer.cli import main
from microformer.graph.tensor import Array
from microformer.samples import read_samples


class Both(nn.Module):
    """Tokens [1, 6] and an image's rows [1, 6, 8] to logits, states, and what feeds on."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rows = nn.Embedding(20, 16), nn.Linear(8, 16)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, tokens: Tensor, image: Tensor) -> dict[str, Tensor]:
        raw = self.rows(image)
        states = self.norm(self.embed(tokens) + raw)
        return {"logits": self.head(states.mean(1)), "states": states, "raw": raw}


def _samples(count: int = 12) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    return {
        "tokens": generator.integers(0, 20, (count, 6)),
        "image": generator.standard_normal((count, 6, 8)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def both() -> Any:
    torch.manual_seed(0)
    return microformer.load(Both().eval(), example={k: v[:1] for k, v in _samples().items()})


@pytest.mark.parametrize(
    "target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m55", "pulp-cv32e40p"]
)
def test_every_target_takes_them_in_the_models_order(both: Any, target: str) -> None:
    x = _samples()
    compiled = microformer.compile(both, x, target)
    head = compiled.project.files[f"{compiled.project.name}.h"]
    order = ("in_tokens", "in_image", "out_logits", "out_states", "out_raw", "arena")
    places = [head.index(f"*{name}", head.index("_run(")) for name in order]
    assert places == sorted(places)
    for name in ("INPUT_TOKENS_SIZE 6", "INPUT_IMAGE_SCALE", "OUTPUT_LOGITS_ZERO_POINT"):
        assert name in head
    y = np.zeros(12, np.int64)
    report = microformer.run(compiled, x, {"logits": y}, count=3)
    assert report.bit_exact and report.firmware_exact
    assert [end.name for end in report.outputs] == ["logits", "states", "raw"]
    assert report.sqnr_db == min(end.sqnr_db or 0.0 for end in report.outputs)
    assert report.sqnr_db > 30
    answers = microformer.predict(compiled, x)
    assert {k: v.shape for k, v in answers.items()} == {
        "logits": (12, 5),
        "states": (12, 6, 16),
        "raw": (12, 6, 16),
    }
    assert report.accuracy_int8 == np.mean(answers["logits"].argmax(1) == y)


def test_the_command_reads_an_array_for_each_input(both: Any, tmp_path: Path) -> None:
    x = _samples()
    np.savez(tmp_path / "both.npz", **x, logits=np.zeros(12, np.int64))  # type: ignore[arg-type]
    found = read_samples(tmp_path / "both.npz", both)
    assert found.answers == "logits" and found.x["image"].shape == (12, 6, 8)
    np.savez(tmp_path / "one.npz", tokens=x["tokens"])
    with pytest.raises(microformer.MicroformerError, match="no array 'image'"):
        read_samples(tmp_path / "one.npz", both)
    np.savez(tmp_path / "odd.npz", tokens=x["tokens"][:3], image=x["image"])
    with pytest.raises(microformer.MicroformerError, match="unlike numbers of samples"):
        read_samples(tmp_path / "odd.npz", both)


def test_the_command_compiles_and_runs_two_nets(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays = {n: generator.standard_normal((6, 8)).astype(np.float32) for n in ("x", "v")}
    np.savez(tmp_path / "data.npz", z=np.zeros(6, np.int64), **arrays)  # type: ignore[arg-type]
    (tmp_path / "nets.onnx").write_bytes(ODD["two nets in one"])
    out, data = str(tmp_path / "out"), str(tmp_path / "data.npz")
    assert (
        _command("compile", str(tmp_path / "nets.onnx"), "-t", "host", "-o", out, "--data", data)
        == 0
    )
    assert _command("run", out, "--data", data, "--samples", "2") == 0


def _command(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["microformer", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def test_positional_examples_are_a_tuple() -> None:
    x = _samples(1)
    torch.manual_seed(0)
    model = microformer.load(Both().eval(), example=(x["tokens"], x["image"]))
    assert [end.name for end in model.inputs] == ["tokens", "image"]
    assert [end.dtype for end in model.inputs] == ["int32", "float32"]


def test_samples_must_name_the_inputs(both: Any) -> None:
    compiled = microformer.compile(both, _samples(), "host", effort="low")
    with pytest.raises(microformer.MicroformerError, match="has 2 inputs"):
        microformer.predict(compiled, np.zeros((1, 6), np.int64))
    with pytest.raises(microformer.MicroformerError, match="no samples of 'image'"):
        microformer.predict(compiled, {"tokens": np.zeros((1, 6), np.int64)})
    with pytest.raises(microformer.MicroformerError, match="y names no one output"):
        microformer.run(compiled, _samples(), {"other": np.zeros(12, np.int64)})


W = np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)
FLOAT = TensorProto.FLOAT


def _model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    **constants: Array,
) -> bytes:
    given, made = (
        [helper.make_tensor_value_info(n, FLOAT, s) for n, s in ends.items()]
        for ends in (inputs, outputs)
    )
    arrays = [numpy_helper.from_array(data, name) for name, data in constants.items()]
    graph = helper.make_graph(nodes, "odd", given, made, arrays)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(proto.SerializeToString())


def _node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


PRODUCT = _node("MatMul", "x w", "y")
ODD: dict[str, bytes] = {
    "an output that is an input": _model(
        [PRODUCT, _node("Identity", "x", "z")], {"x": [1, 8]}, {"y": [1, 4], "z": [1, 8]}, w=W
    ),
    "nothing but a copy": _model([_node("Identity", "x", "z")], {"x": [1, 8]}, {"z": [1, 8]}),
    "an output of rank 0": _model(
        [PRODUCT, _node("ReduceMean", "y", "z", keepdims=0)],
        {"x": [1, 8]},
        {"y": [1, 4], "z": []},
        w=W,
    ),
    "an output that feeds on": _model(
        [PRODUCT, _node("Relu", "y", "z")], {"x": [1, 8]}, {"y": [1, 4], "z": [1, 4]}, w=W
    ),
    "one value twice": _model(
        [PRODUCT, _node("Identity", "y", "z")], {"x": [1, 8]}, {"y": [1, 4], "z": [1, 4]}, w=W
    ),
    "one value in two shapes": _model(
        [PRODUCT, _node("Reshape", "y s", "z")],
        {"x": [1, 8]},
        {"y": [1, 4], "z": [1, 2, 2]},
        w=W,
        s=np.array([1, 2, 2]),
    ),
    "a value and its halves": _model(
        [PRODUCT, _node("Split", "y", "a b", axis=1, num_outputs=2)],
        {"x": [1, 8]},
        {"a": [1, 2], "b": [1, 2], "y": [1, 4]},
        w=W,
    ),
    "an input that nobody reads": _model([PRODUCT], {"x": [1, 8], "u": [1, 3]}, {"y": [1, 4]}, w=W),
    "two nets in one": _model(
        [PRODUCT, _node("MatMul", "v w", "z")],
        {"x": [1, 8], "v": [1, 8]},
        {"y": [1, 4], "z": [1, 4]},
        w=W,
    ),
    "names that C has for itself": _model(
        [_node("MatMul", "in w", "out"), _node("MatMul", "int w", "arena")],
        {"in": [1, 8], "int": [1, 8]},
        {"out": [1, 4], "arena": [1, 4]},
        w=W,
    ),
    "no batch at all": _model([PRODUCT], {"x": [5, 8]}, {"y": [5, 4]}, w=W),
}


@pytest.mark.parametrize("name, target", list(itertools.product(ODD, ["host", "cortex-m4"])))
def test_odd_ends_work(name: str, target: str, tmp_path: Path) -> None:
    model = microformer.load(ODD[name])
    generator = np.random.default_rng(0)
    x: Any = {
        end.name: generator.standard_normal((6, *end.shape[1:])).astype(np.float32)
        for end in model.inputs
    }
    x = x if len(x) > 1 else next(iter(x.values()))
    store.save(microformer.compile(model, x, target), tmp_path / "out")
    compiled = store.open_folder(tmp_path / "out")
    report = microformer.run(compiled, x)
    assert report.bit_exact and report.firmware_exact
    assert report.sqnr_db is not None and report.sqnr_db > 25


def test_a_constant_output_is_refused_by_its_name() -> None:
    data = _model(
        [PRODUCT, _node("Relu", "c", "z")],
        {"x": [1, 8]},
        {"y": [1, 4], "z": [1, 2]},
        w=W,
        c=np.ones((1, 2), np.float32),
    )
    with pytest.raises(microformer.MicroformerError, match="output 'z' is constant"):
        microformer.load(data)


def test_an_audit_measures_all_outputs(both: Any) -> None:
    made = microformer.audit(both, _samples(), effort="low")
    assert made.sqnr_db > 30 and {layer.name for layer in made.layers} >= {"head", "norm", "rows"}
