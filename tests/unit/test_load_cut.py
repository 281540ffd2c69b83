"""Parts of a model: where it begins and ends is chosen by names, and offered where it helps."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.cli import main
from microformer.errors import ModelError, UnsupportedOpError
from tests.unit.tflite_writer import TfliteWriter

RNG = np.random.default_rng(0)


def _layers(sizes: tuple[int, ...], source: str, first: str = "w") -> tuple[list[Any], list[Any]]:
    """Linears with ReLU behind each: tensors l0, l1, ... of [1, 6, N]."""
    nodes, constants = [], []
    for i, (k, n) in enumerate(itertools.pairwise(sizes)):
        weight = RNG.standard_normal((k, n)).astype(np.float32)
        constants.append(numpy_helper.from_array(weight, f"{first}{i}"))
        nodes.append(helper.make_node("MatMul", [source, f"{first}{i}"], [f"p{i}"], f"matmul{i}"))
        nodes.append(helper.make_node("Relu", [f"p{i}"], [f"l{i}"], f"relu{i}"))
        source = f"l{i}"
    return nodes, constants


def _model(
    ahead: list[Any], behind: list[Any], output: str, shape: list[int], domains: tuple[str, ...]
) -> bytes:
    nodes, constants = _layers((8, 16, 12, 8), "mfcc" if ahead else "audio")
    graph = helper.make_graph(
        [*ahead, *nodes, *behind],
        "g",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", 6, 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        constants,
    )
    imports = [helper.make_opsetid(d, 18 if not d else 1) for d in ("", *domains)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    return bytes(model.SerializeToString())


FRONT = helper.make_node("Mfcc", ["audio"], ["mfcc"], "front", domain="audio")
END = helper.make_node("Decode", ["l2"], ["text"], "end", domain="audio")


def test_a_front_end_is_refused_with_the_cut_behind_it() -> None:
    file = _model([FRONT], [], "l2", [1, 6, 8], ("audio",))
    with pytest.raises(UnsupportedOpError, match=r"'front' .*what follows: --from 'mfcc'\.$"):
        microformer.load(file)
    with pytest.raises(ModelError, match=r"'mfcc' has no shape: give one"):
        microformer.load(file, inputs=["mfcc"])
    model = microformer.load(file, inputs=["mfcc"], shape={"mfcc": (1, 6, 8)})
    assert [(e.name, e.shape) for e in model.inputs] == [("mfcc", (1, 6, 8))]


def test_an_end_is_refused_with_the_cut_before_it() -> None:
    file = _model([], [END], "text", [1, 4], ("audio",))
    with pytest.raises(UnsupportedOpError, match=r"'end' .*comes before: --to 'l2'\.$"):
        microformer.load(file)
    model = microformer.load(file, outputs=["l2"])
    assert [(e.name, e.shape) for e in model.outputs] == [("l2", (1, 6, 8))]


def test_what_lies_in_the_middle_offers_the_longer_part() -> None:
    middle = helper.make_node("Odd", ["l2"], ["q"], "odd", domain="audio")
    nodes, constants = _layers((8, 4), "q", "v")
    for node in nodes:
        node.input[0], node.output[0] = node.input[0] + "b" * (node.input[0] != "q"), "last"
    behind = [middle, helper.make_node("MatMul", ["q", "v0"], ["last"], "tail")]
    file = onnx.load_model_from_string(_model([], behind, "last", [1, 6, 4], ("audio",)))
    file.graph.initializer.extend(constants)
    with pytest.raises(UnsupportedOpError, match=r"--to 'l2'\.$"):
        microformer.load(file)


def test_a_part_computes_what_it_does_in_the_whole() -> None:
    file = _model([], [], "l2", [1, 6, 8], ())
    whole = onnx.load_model_from_string(file)
    for name in ("l0", "p2"):
        whole.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(whole.SerializeToString())
    x = RNG.standard_normal((1, 6, 8)).astype(np.float32)
    values = dict(zip(("l2", "l0", "p2"), session.run(None, {"audio": x}), strict=True))
    model = microformer.load(file, inputs=["l0"], outputs=["p2"])
    made = FloatRunner(model)(values["l0"])
    assert list(made)[-1] == "p2" and np.allclose(made["p2"], values["p2"], atol=1e-5)


def test_inputs_that_are_still_needed_stay() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 4)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.second(torch.relu(self.first(a)) + b)
            return made

    example = (torch.zeros(1, 3, 8), torch.zeros(1, 3, 8))
    model = microformer.load(Two().eval(), example=example, inputs=["first"])
    assert [end.shape for end in model.inputs] == [(1, 3, 8)] * 2
    assert model.inputs[1].name == "b"
    part = microformer.load(Two().eval(), example=example, outputs=["first"])
    assert [end.name for end in part.inputs] == ["a"] and len(part.outputs) == 1


@pytest.mark.parametrize(
    ("inputs", "outputs", "sentence"),
    [
        (["l9"], [], r"no tensor 'l9': did you mean 'l\d'"),
        ([], ["quite another"], r"no tensor 'quite another': see its names in Netron\."),
        (["l2"], ["l0"], r"Nothing of .* is computed from 'l2': the part that begins there"),
    ],
)
def test_a_cut_that_cannot_be_is_one_sentence(
    inputs: list[str], outputs: list[str], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        microformer.load(_model([], [], "l2", [1, 6, 8], ()), inputs=inputs, outputs=outputs)


def test_the_command_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(_model([FRONT], [END], "text", [1, 4], ("audio",)))
    np.savez(tmp_path / "data.npz", x=RNG.standard_normal((8, 6, 8)).astype(np.float32))
    arguments = ["compile", str(tmp_path / "net.onnx"), "-t", "host", "-o", str(tmp_path / "out")]
    cut = ["--from", "mfcc", "--to", "l2", "--shape", "mfcc=1,6,8"]
    data = ["--data", str(tmp_path / "data.npz")]
    monkeypatch.setattr("sys.argv", ["microformer", *arguments, *cut, *data])
    with pytest.raises(SystemExit) as end:
        main()
        raise SystemExit(0)
    assert not end.value.code
    monkeypatch.setattr(
        "sys.argv", ["microformer", "run", str(tmp_path / "out"), *data, "--samples", "2"]
    )
    with pytest.raises(SystemExit) as end:
        main()
        raise SystemExit(0)
    assert not end.value.code


def test_a_tflite_file_is_cut_at_its_own_tensors() -> None:
    w = TfliteWriter()
    audio = w.tensor("audio", (1, 80), "float32")
    mfcc = w.tensor("mfcc", (1, 10), "float32")
    logits = w.tensor("logits", (1, 4), "float32")
    weight = w.tensor("w", (4, 10), "float32", RNG.standard_normal((4, 10)).astype(np.float32))
    bias = w.tensor("b", (4,), "float32", np.zeros(4, np.float32))
    w.operator("RFFT2D", [audio], [mfcc])
    w.operator("FULLY_CONNECTED", [mfcc, weight, bias], [logits], "FullyConnectedOptions")
    file = w.build([audio], [logits])
    with pytest.raises(UnsupportedOpError, match=r"RFFT2D.*what follows: --from 'mfcc'\.$"):
        microformer.load(file)
    model = microformer.load(file, inputs=["mfcc"])
    assert [(e.name, e.shape) for e in model.inputs] == [("mfcc", (1, 10))]
    assert [(e.name, e.shape) for e in model.outputs] == [("logits", (1, 4))]
