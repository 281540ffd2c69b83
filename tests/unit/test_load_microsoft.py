"""onnxruntime's own operators: each against onnxruntime, and what its optimiser makes of a BERT."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from microformer.errors import UnsupportedOpError
from microformer.graph.tensor import Array
from microformer.load import load
from tests.architectures import Bert
from tests.exporters import legacy_export
from tests.models import seeded
from tests.unit.float_checks import assert_same, counts, graph_model, run, torch_output

RNG = np.random.default_rng(21)
DOMAIN = "com.microsoft"


def real(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def make(op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return onnx.helper.make_node(op, inputs, outputs, "n", domain=DOMAIN, **attributes)


def model_of(
    graph: list[onnx.NodeProto], constants: dict[str, Array], opset: int = 17
) -> onnx.ModelProto:
    """A graph on x [1, 5, 12] with the domain imported."""
    proto = graph_model(graph, [1, 5, 12], constants, opset)
    proto.opset_import.add(domain=DOMAIN, version=1)
    shape = proto.graph.output[0].type.tensor_type.shape
    for size in (1, 5, 12):
        shape.dim.add(dim_value=size)
    return proto


NORM = {"g": real(12), "b": real(12)}
QKV = {"w": real(12, 36) * 0.3, "qb": real(36)}
CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, Array], dict[str, int]]] = {
    "Gelu": ([make("Gelu", ["x"], ["y"])], {}, {"Gelu": 1}),
    "FastGelu": ([make("FastGelu", ["x"], ["y"])], {}, {"Gelu": 1}),
    "FastGelu, bias": (
        [make("FastGelu", ["x", "b"], ["y"])],
        {"b": real(12)},
        {"Add": 1, "Gelu": 1},
    ),
    "BiasGelu": ([make("BiasGelu", ["x", "b"], ["y"])], {"b": real(12)}, {"Add": 1, "Gelu": 1}),
    "QuickGelu": (
        [make("QuickGelu", ["x"], ["y"], alpha=1.702)],
        {},
        {"Mul": 2, "Silu": 1},
    ),
    "SkipLayerNormalization": (
        [make("SkipLayerNormalization", ["x", "x", "g", "b", "c"], ["y"], epsilon=1e-6)],
        NORM | {"c": real(12)},
        {"Mul": 1, "Add": 1, "LayerNormalization": 1},
    ),
    "SkipSimplifiedLayerNormalization": (
        [make("SkipSimplifiedLayerNormalization", ["x", "x", "g"], ["y"], epsilon=1e-6)],
        {"g": NORM["g"]},
        {"Mul": 1, "RMSNormalization": 1},
    ),
    "Attention": (
        [make("Attention", ["x", "w", "qb"], ["y"], num_heads=3)],
        QKV,
        {"Linear": 3, "Attention": 1},
    ),
    "Attention, causal": (
        [make("Attention", ["x", "w", "qb"], ["y"], num_heads=3, unidirectional=1)],
        QKV,
        {"Linear": 3, "Attention": 1},
    ),
    "Attention, mask": (
        [make("Attention", ["x", "w", "qb", "m"], ["y"], num_heads=3)],
        QKV | {"m": np.array([[1, 1, 1, 0, 0]], np.int32)},
        {"Linear": 3, "Attention": 1},
    ),
    "SimplifiedLayerNormalization": (
        [onnx.helper.make_node("SimplifiedLayerNormalization", ["x", "g"], ["y"], "n", axis=-1)],
        {"g": NORM["g"]},
        {"RMSNormalization": 1},
    ),
    "MultiHeadAttention": (
        [make("MultiHeadAttention", ["x", "x", "x", "qb"], ["y"], num_heads=3)],
        {"qb": QKV["qb"]},
        {"Add": 3, "Attention": 1},
    ),
    "Attention, bias": (
        [make("Attention", ["x", "w", "qb", "", "", "a"], ["y"], num_heads=3)],
        QKV | {"a": real(1, 3, 5, 5)},
        {"Linear": 3, "Attention": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_operator(case: str) -> None:
    graph, constants, expected = CASES[case]
    proto = model_of(graph, constants)
    x = np.random.default_rng(2).normal(size=(1, 5, 12)).astype(np.float32)
    model = load(proto)
    found = {k: v for k, v in counts(model).items() if k != "Reshape"}
    assert found == expected
    assert_same(model, x, run(proto, x)[0], rtol=1e-3 if "Fast" in case else 1e-4)


def test_embed_layernorm() -> None:
    constants: dict[str, Array] = {
        "words": real(30, 12),
        "places": real(9, 12),
        "kinds": real(2, 12),
        "segments": np.array([[0, 0, 1, 1, 1]], np.int32),
        **NORM,
    }
    inputs = ["x", "segments", "words", "places", "kinds", "g", "b"]
    graph = [make("EmbedLayerNormalization", inputs, ["y", "mask"], epsilon=1e-6)]
    proto = graph_model(graph, [1, 5], constants, 17, dtype=onnx.TensorProto.INT32)
    proto.opset_import.add(domain=DOMAIN, version=1)
    shape = proto.graph.output[0].type.tensor_type.shape
    for size in (1, 5, 12):
        shape.dim.add(dim_value=size)
    x = np.array([[3, 29, 0, 7, 7]], np.int32)
    model = load(proto)
    assert counts(model) == {"Gather": 1, "Add": 1, "LayerNormalization": 1}
    assert_same(model, x, run(proto, x)[0])


def test_layernorm_of_an_older_opset() -> None:
    """onnxruntime writes LayerNormalization into ONNX's own domain before opset 17 has it."""
    node = onnx.helper.make_node("LayerNormalization", ["x", "g", "b"], ["y"], "n", axis=-1)
    proto = graph_model([node], [1, 5, 12], NORM, opset=13)
    x = real(1, 5, 12)
    shape = proto.graph.output[0].type.tensor_type.shape
    for size in (1, 5, 12):
        shape.dim.add(dim_value=size)
    model = load(proto)
    assert counts(model) == {"LayerNormalization": 1}
    assert_same(model, x, run(proto, x)[0])


def test_a_mask_that_is_computed_is_refused() -> None:
    make_plain = onnx.helper.make_node
    graph = [
        make_plain("Cast", ["x"], ["i"], to=6),
        make_plain("ReduceMax", ["i"], ["m"], axes=[2], keepdims=0),
        make("Attention", ["x", "w", "qb", "m"], ["y"], num_heads=3),
    ]
    with pytest.raises(UnsupportedOpError, match=r"'n' .*must be constant, .*--fix"):
        load(model_of(graph, QKV))


def test_what_onnxruntimes_optimiser_makes_of_a_bert(tmp_path: Path) -> None:
    optimizer = pytest.importorskip("onnxruntime.transformers.optimizer")
    module = seeded(Bert)
    x = torch.randint(0, 40, (1, 12), generator=torch.Generator().manual_seed(1))
    path = tmp_path / "bert.onnx"
    path.write_bytes(legacy_export(module, x, 14, input_names=["ids"]))
    made = optimizer.optimize_model(str(path), "bert", num_heads=4, hidden_size=32).model
    fused = {n.op_type for n in made.graph.node if n.domain == DOMAIN}
    assert {"SkipLayerNormalization", "BiasGelu"} & fused
    model = load(made)
    assert counts(model)["Attention"] == 2
    assert_same(model, x.numpy(), torch_output(module, x), rtol=1e-3)
