"""Broken, hostile and unsupported models: one clear sentence each, and no memory eaten."""

import contextlib
import re
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from microformer.cli import main
from microformer.errors import MicroformerError, ModelError, UnsupportedOpError
from microformer.graph.tensor import Array
from microformer.load import load
from tests.unit.float_checks import counts, graph_model

make = onnx.helper.make_node
WEIGHT = np.arange(24, dtype=np.float32).reshape(6, 4)


def linear_model(weight: Array = WEIGHT, shape: list[int | str] | None = None) -> onnx.ModelProto:
    graph = [make("MatMul", ["x", "w"], ["y"], "the_matmul")]
    return graph_model(graph, shape or [1, 5, 6], {"w": weight})


def refused(source: object, error: type[MicroformerError] = ModelError, **more: object) -> str:
    """The message with which ``load`` refuses; it must be one sentence."""
    with pytest.raises(error) as info:
        load(source, **more)  # type: ignore[arg-type]
    text = str(info.value)
    assert "\n" not in text
    assert re.search(r"[\w)\]'\"][.]$", text)
    assert "Traceback" not in text
    return text


# files


def test_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "no.onnx")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    assert "is empty" in refused(tmp_path / "m.onnx")


def test_garbage(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08garbage that is no protobuf" * 9)
    assert "is no ONNX model or is cut short" in refused(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        (".pt", "PyTorch file may run code"),
        (".pth", "PyTorch file may run code"),
        (".pt2", "is no .pt2 file of torch.export.save or is cut short"),
        (".keras", "from_keras_model(model).convert(), and give the .tflite file"),
        (".tflite", "file identifier is missing"),
        (".h5", "from_keras_model(model).convert()"),
        ("", "only .onnx, .tflite and .pt2 files are read"),
    ],
)
def test_other_files(suffix: str, words: str, tmp_path: Path) -> None:
    (tmp_path / f"m{suffix}").write_bytes(linear_model().SerializeToString())
    assert words in refused(tmp_path / f"m{suffix}")


def test_other_objects() -> None:
    assert "Cannot load a dict" in refused({})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_truncated_file(cut: int) -> None:
    data = linear_model().SerializeToString()
    with pytest.raises(ModelError):
        load(data[: cut % len(data)])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_flipped_bytes_never_raise_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(linear_model().SerializeToString())
    for place, byte in changes:
        data[place % len(data)] = byte
    try:
        load(bytes(data))
    except MicroformerError as error:
        assert "\n" not in str(error)


def test_all_sources_agree(tmp_path: Path) -> None:
    proto = linear_model()
    onnx.save(proto, tmp_path / "net.onnx")
    models = [
        load(tmp_path / "net.onnx"),
        load(str(tmp_path / "net.onnx")),
        load(proto.SerializeToString()),
        load(proto),
        load(ir.from_proto(proto)),
    ]
    assert [m.name for m in models] == ["net", "net", "model", "model", "model"]
    assert all(str(m).splitlines()[1:] == str(models[0]).splitlines()[1:] for m in models)
    assert proto == linear_model()  # the caller's own object is left alone


# external data


def external(tmp_path: Path, location: str, length: int = 96, offset: int = 0) -> Path:
    proto = linear_model()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "net.onnx").write_bytes(proto.SerializeToString())
    (tmp_path / "m" / "w.bin").write_bytes(WEIGHT.tobytes())
    (tmp_path / "secret.bin").write_bytes(WEIGHT.tobytes())
    return tmp_path / "m" / "net.onnx"


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    model = load(external(tmp_path, "w.bin"))
    weight = next(iter(model.model.graph)).inputs[1]
    assert weight is not None
    assert weight.const_value is not None
    np.testing.assert_array_equal(weight.const_value.numpy(), WEIGHT.T)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin"])
def test_external_data_elsewhere(location: str, tmp_path: Path) -> None:
    path = external(tmp_path, location)
    (path.parent / "link.bin").symlink_to(tmp_path / "secret.bin")
    assert "outside the model's folder" in refused(path)


def test_external_data_missing_or_short(tmp_path: Path) -> None:
    assert "which is missing" in refused(external(tmp_path, "none.bin"))
    (tmp_path / "b").mkdir()
    short = external(tmp_path / "b", "w.bin", 96, 8)
    assert "is cut short" in refused(short)


def test_external_data_of_bytes(tmp_path: Path) -> None:
    path = external(tmp_path, "w.bin")
    assert "give the path of the .onnx file" in refused(path.read_bytes())


# hostile sizes


def peak_mib(source: object, error: type[MicroformerError] = ModelError) -> float:
    tracemalloc.start()
    try:
        refused(source, error)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_tensor_that_claims_more_than_it_has() -> None:
    proto = linear_model()
    proto.graph.initializer[0].dims[0] = 7
    assert "has 96 bytes of data where its shape needs 112" in refused(proto)
    proto.graph.initializer[0].dims[0] = 1 << 40
    assert "take more than 1 GiB" in refused(proto)
    assert peak_mib(proto) < 50


BOMBS: dict[str, tuple[list[onnx.NodeProto], dict[str, Array]]] = {
    "ConstantOfShape": (
        [make("ConstantOfShape", ["s"], ["c"]), make("Add", ["x", "c"], ["y"])],
        {"s": np.array([1, 1 << 20, 1 << 20], np.int64)},
    ),
    "Expand": (
        [make("Expand", ["o", "s"], ["c"]), make("Add", ["x", "c"], ["y"])],
        {"o": np.ones(1, np.float32), "s": np.array([1, 1 << 30, 6], np.int64)},
    ),
    "Range": (
        [make("Range", ["a", "b", "d"], ["c"]), make("Add", ["x", "c"], ["y"])],
        {k: np.asarray(v, np.float32) for k, v in (("a", 0), ("b", 3e10), ("d", 1))},
    ),
    "Tile": (
        [make("Tile", ["o", "s"], ["c"]), make("Add", ["x", "c"], ["y"])],
        {"o": np.ones((1, 4, 6), np.float32), "s": np.array([1, 1 << 28, 1], np.int64)},
    ),
    "outer product": (
        [make("MatMul", ["a", "b"], ["c"]), make("Add", ["x", "c"], ["y"])],
        {"a": np.ones((40_000, 1), np.float32), "b": np.ones((1, 40_000), np.float32)},
    ),
    "activation": (
        [make("Expand", ["x", "s"], ["y"])],
        {"s": np.array([1, 1 << 30, 5, 6], np.int64)},
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_constant_bombs(bomb: str) -> None:
    graph, constants = BOMBS[bomb]
    proto = graph_model(graph, [1, 5, 6], {k: np.asarray(v) for k, v in constants.items()})
    assert peak_mib(proto) < 100


def test_doubling_constants() -> None:
    """c1 = [c0, c0], c2 = [c1, c1] ...: each is small next to the one before, all are not."""
    graph = [make("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0) for i in range(40)]
    graph += [make("ReduceMean", ["c40"], ["m"]), make("Add", ["x", "m"], ["y"])]
    proto = graph_model(graph, [1, 5, 6], {"c0": np.ones(1024, np.float32)})
    assert "larger than 256 MiB" in refused(proto)


def test_nested_functions() -> None:
    """f0 calls f1 twice, f1 calls f2 twice ...: 2^30 nodes once inlined."""
    proto = linear_model()
    proto.opset_import.add(domain="d", version=1)
    for i in range(30):
        call, domain = (f"f{i + 1}", "d") if i < 29 else ("Relu", "")
        body = [make(call, ["a"], ["b"], domain=domain), make(call, ["b"], ["c"], domain=domain)]
        imports = [onnx.helper.make_opsetid("", 23), onnx.helper.make_opsetid("d", 1)]
        proto.functions.append(onnx.helper.make_function("d", f"f{i}", ["a"], ["c"], body, imports))
    proto.graph.node[0].input[0] = "a"
    proto.graph.node.insert(0, make("f0", ["x"], ["a"], domain="d"))
    assert "nodes; microformer reads at most" in refused(proto)


def test_function_that_calls_itself() -> None:
    proto = linear_model()
    proto.opset_import.add(domain="d", version=1)
    imports = [onnx.helper.make_opsetid("", 23), onnx.helper.make_opsetid("d", 1)]
    body = [make("f", ["a"], ["b"], domain="d")]
    proto.functions.append(onnx.helper.make_function("d", "f", ["a"], ["b"], body, imports))
    proto.graph.node[0].input[0] = "a"
    proto.graph.node.insert(0, make("f", ["x"], ["a"], domain="d"))
    refused(proto)


def test_hostile_metadata_only_costs_the_names() -> None:
    proto = linear_model()
    proto.graph.node[0].metadata_props.add(
        key="pkg.torch.onnx.name_scopes", value="[" * 5000 + "__import__('os').abort()"
    )
    assert counts(load(proto)) == {"Linear": 1}


# values


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    weight = WEIGHT.copy()
    weight[2, 1] = value
    assert "Tensor 'w' of the model holds NaN or infinite values" in refused(linear_model(weight))


def test_infinity_born_in_folding() -> None:
    graph = [
        make("Div", ["a", "b"], ["c"]),
        make("MatMul", ["x", "c"], ["y"]),
    ]
    zeros = {"a": WEIGHT, "b": np.zeros((6, 4), np.float32)}
    with np.errstate(all="ignore"):
        assert "holds NaN or infinite values" in refused(graph_model(graph, [1, 5, 6], zeros))


# inputs and shapes


def test_dynamic_axis_needs_a_shape() -> None:
    proto = linear_model(shape=["n", "length", 6])
    text = refused(proto)
    assert "Axis 1" in text
    assert "of input 'x' is dynamic" in text
    assert load(proto, shape={"x": (1, 9, 6)}).input_shape == (1, 9, 6)
    assert "is 6 in the model, but 5 in the given shape" in refused(proto, shape={"x": (1, 9, 5)})
    assert "has 2 axes, the model's has 3" in refused(proto, shape={"x": (1, 9)})
    text = refused(proto, shape={"z": (1, 9, 6)})
    assert "given for 'z', but the model's inputs are 'x'" in text


def test_an_input_without_a_batch_is_one_sample() -> None:
    model = load(linear_model(shape=[5, 6]))
    assert (model.input_shape, model.output_shape) == ((1, 5, 6), (1, 5, 4))


def test_weights_listed_as_inputs_are_constants() -> None:
    proto = linear_model()
    proto.graph.input.append(onnx.helper.make_tensor_value_info("w", 1, [6, 4]))
    assert counts(load(proto)) == {"Linear": 1}


def test_an_output_without_a_batch_gets_one() -> None:
    graph = [make("Transpose", ["x"], ["y"], perm=[1, 0, 2])]
    assert load(graph_model(graph, [1, 5, 6])).output_shape == (1, 5, 1, 6)


def test_output_that_is_constant() -> None:
    graph = [make("Shape", ["x"], ["s"]), make("Cast", ["s"], ["y"], to=1)]
    assert "is constant: it computes nothing" in refused(graph_model(graph, [1, 5, 6]))


@pytest.mark.parametrize("opset", [5, 99])
def test_opset_out_of_reach(opset: int) -> None:
    proto = linear_model()
    proto.opset_import[0].version = opset
    refused(proto)


# operators

CONSTANTS: dict[str, Array] = {
    "w": WEIGHT,
    "square": np.ones((6, 6), np.float32),
    "one": np.array([1], np.int64),
    "rows": np.array([1, 1, 10, 3], np.int64),
    "pair": np.array([1, 2, 3, 5], np.int64),
    "w3": np.ones((1, 18, 6), np.float32),
    "slope": np.array([0.1], np.float32),
}
UNSUPPORTED: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "softmax axis": ([make("Softmax", ["x"], ["y"], "n", axis=0)], "over the last axis only"),
    "product of activations": (
        [
            make("Reshape", ["x", "rows"], ["a"]),
            make("Reshape", ["x", "pair"], ["b"]),
            make("MatMul", ["a", "b"], ["y"], "n"),
        ],
        "all axes but the last two must be equal",
    ),
    "quantized": (
        [make("QuantizeLinear", ["x", "slope"], ["q"], "n"), make("Cast", ["q"], ["y"], to=1)],
        "give the float model",
    ),
    "recurrent": (
        [make("GRU", ["x", "w3", "w3"], ["", "y"], "n", hidden_size=6)],
        "its batch must be 1",
    ),
    "own domain": ([make("Magic", ["x"], ["y"], "n", domain="acme")], "export plain ONNX"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_unsupported_operator(case: str) -> None:
    graph, words = UNSUPPORTED[case]
    used = {name for node in graph for name in node.input}
    proto = graph_model(
        graph, [1, 5, 6], {k: np.asarray(v) for k, v in CONSTANTS.items() if k in used}
    )
    if case == "own domain":
        proto.opset_import.add(domain="acme", version=1)
        shape = proto.graph.output[0].type.tensor_type.shape
        for size in (1, 5, 6):
            shape.dim.add(dim_value=size)
    text = refused(proto, UnsupportedOpError)
    assert re.search(words, text)
    assert "'n'" in text


def test_reshape_by_a_computed_shape() -> None:
    graph = [
        make("Cast", ["x"], ["i"], to=7),
        make("Reshape", ["i", "one"], ["s"]),
        make("Reshape", ["x", "s"], ["y"], "n"),
    ]
    proto = graph_model(graph, [1, 3], {"one": np.array([3], np.int64)})
    assert "node 'n' (Reshape)" in refused(proto, UnsupportedOpError)


def test_escape_codes_of_a_name_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a refusal, and in what compiling a quantised file notes of its tensors."""
    evil = "a\x1b[31mred\x07"
    nodes = [
        onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], [f"{evil}.q"]),
        onnx.helper.make_node("DequantizeLinear", [f"{evil}.q", "s", "z"], ["d"]),
        onnx.helper.make_node("Concat", ["d", "x"], [evil], evil, axis=1),
        onnx.helper.make_node("QuantizeLinear", [evil, "s2", "z"], ["q"]),
        onnx.helper.make_node("DequantizeLinear", ["q", "s2", "z"], ["y"]),
    ]
    constants = {"s": np.float32(0.1), "s2": np.float32(0.3), "z": np.int8(0)}
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 8])],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10
    )
    onnx.save(model, tmp_path / "m.onnx")
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32))
    data, out = ["--data", str(tmp_path / "d.npz")], str(tmp_path / "out")
    for command in (
        ["compile", str(tmp_path / "m.onnx"), "-t", "host", "-o", out, *data],
        ["run", out, *data],
        ["compile", str(tmp_path / "m.onnx"), "-t", "host", "-o", out, *data, "--to", evil, "-x"],
        ["compile", str(tmp_path / "m.onnx"), "-t", "host", "-o", f"{out}2", *data, "--from", evil],
    ):
        monkeypatch.setattr("sys.argv", ["microformer", *command])
        with contextlib.suppress(SystemExit):
            main()
    printed = capsys.readouterr()
    assert "\x1b[31m" not in printed.out + printed.err and "\x07" not in printed.out + printed.err


def test_operands_that_do_not_fit_are_shown() -> None:
    nodes = [make("Add", ["x", "w"], ["s"], "sum"), make("Relu", ["s"], ["y"])]
    model = graph_model(nodes, [1, 5, 6], {"w": np.zeros((4, 6), np.float32)})
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 5, 6])
    )
    words = refused(model, UnsupportedOpError)
    assert "'sum'" in words and "[1, 5, 6] and [4, 6] do not fit together" in words


def test_positions_that_are_counted_from_tokens_say_so() -> None:
    """RoBERTa's: a cumulative sum over the tokens that are no padding."""

    class Counted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = torch.nn.Embedding(20, 8), torch.nn.Embedding(12, 8)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            there = ids.ne(1).int()
            places = torch.cumsum(there, 1).type_as(there) * there + 1
            made: torch.Tensor = self.words(ids) + self.places(places.long())
            return made

    with pytest.raises(UnsupportedOpError, match=r"computes with token indices.*--fix NAME=1"):
        load(Counted().eval(), example=torch.ones(1, 6, dtype=torch.int64))
