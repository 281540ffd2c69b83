"""Attention in every spelling becomes Linears, one Attention, a Linear; no Transpose is left."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

import microformer
from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.load import load
from tests.architectures import MultiQueryAttention
from tests.exporters import legacy_export
from tests.models import (
    ChunkAttention,
    CrossAttention,
    EinsumAttention,
    InterleavedAttention,
    SdpaAttention,
    SelfAttention,
    TimmAttention,
    TimmBlock,
    encoder,
    seeded,
)
from tests.unit.float_checks import assert_same, counts, graph_model, nodes, run, torch_output

make = onnx.helper.make_node
FUSED = {"Linear": 4, "Attention": 1}
FORMS: dict[str, tuple[nn.Module, dict[str, int]]] = {
    "mha": (seeded(SelfAttention), FUSED),
    "mha need_weights": (seeded(SelfAttention, need_weights=True), FUSED),
    "mha seq first": (seeded(SelfAttention, batch_first=False), FUSED),
    "mha seq first need_weights": (
        seeded(SelfAttention, batch_first=False, need_weights=True),
        FUSED,
    ),
    "mha no bias": (seeded(SelfAttention, bias=False), FUSED),
    "mha bias_kv": (seeded(SelfAttention, add_bias_kv=True), {**FUSED, "Concat": 2}),
    "mha causal": (seeded(SelfAttention, causal=True), FUSED),
    "mha causal need_weights": (seeded(SelfAttention, causal=True, need_weights=True), FUSED),
    "cross": (seeded(CrossAttention), {"Linear": 6, "Attention": 1, "Slice": 1}),
    "cross need_weights": (
        seeded(CrossAttention, need_weights=True),
        {"Linear": 6, "Attention": 1, "Slice": 1},
    ),
    "timm": (seeded(TimmAttention), FUSED),
    "timm fused, no bias": (seeded(TimmAttention, fused=True, bias=False), FUSED),
    "timm qk_norm": (
        seeded(TimmAttention, norm=True),
        {**FUSED, "Reshape": 4, "LayerNormalization": 2},
    ),
    "chunk": (seeded(ChunkAttention), FUSED),
    "chunk, bias added": (seeded(ChunkAttention, mask="add"), FUSED),
    "chunk, masked_fill": (seeded(ChunkAttention, mask="fill"), FUSED),
    "sdpa": (seeded(SdpaAttention), FUSED),
    "sdpa causal, own scale": (seeded(SdpaAttention, causal=True, scale=0.3), FUSED),
    "sdpa bool mask": (seeded(SdpaAttention, mask=True), FUSED),
    "sdpa grouped": (seeded(SdpaAttention, kv_heads=2), FUSED),
    "einsum": (seeded(EinsumAttention), FUSED),
    "einsum, one key": (seeded(MultiQueryAttention), FUSED),
    "heads before q, k, v": (seeded(InterleavedAttention), FUSED),
    "timm block": (
        seeded(TimmBlock),
        {"LayerNormalization": 2, "Linear": 6, "Attention": 1, "Add": 2, "Gelu": 1},
    ),
    "encoder pre-norm gelu": (
        seeded(encoder, 32, 4, 2, 48),
        {"LayerNormalization": 4, "Linear": 12, "Attention": 2, "Add": 4, "Gelu": 2},
    ),
    "encoder post-norm relu": (
        seeded(encoder, 32, 4, 1, 48, norm_first=False, activation="relu"),
        {"LayerNormalization": 2, "Linear": 6, "Attention": 1, "Add": 2, "Relu": 1},
    ),
}
SCALES = {"sdpa causal, own scale": 0.3}
KV_HEADS = {"sdpa grouped": 2, "einsum, one key": 1}


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    """One sample [1, 9, 32]."""
    return torch.randn(1, 9, 32, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("form", FORMS)
def test_decomposed_attention_is_fused(form: str, x: torch.Tensor) -> None:
    module, expected = FORMS[form]
    model = load(legacy_export(module, x))
    assert counts(model) == expected
    assert_same(model, x.numpy(), torch_output(module, x))
    for node in nodes(model, "Attention"):
        assert node.attributes["scale"].as_float() == pytest.approx(SCALES.get(form, 8**-0.5))
        assert node.attributes["q_num_heads"].as_int() == 4
        assert node.attributes["kv_num_heads"].as_int() == KV_HEADS.get(form, 4)
        assert node.attributes["is_causal"].as_int() == ("causal" in form)
        assert all(v is not None and v.shape is not None and len(v.shape) == 3 for v in node.inputs)


@pytest.mark.parametrize(
    ("form", "heads"), [("chunk, bias added", 4), ("chunk, masked_fill", 1), ("sdpa bool mask", 1)]
)
def test_mask_is_a_constant_by_head(form: str, heads: int, x: torch.Tensor) -> None:
    node = nodes(load(legacy_export(FORMS[form][0], x)), "Attention")[0]
    mask = node.inputs[3]
    assert mask is not None
    assert mask.const_value is not None
    assert mask.const_value.numpy().shape == (heads, 9, 9)


def test_all_projections_feed_attention_directly(x: torch.Tensor) -> None:
    node = nodes(load(legacy_export(FORMS["timm"][0], x)), "Attention")[0]
    makers = [v.producer() for v in node.inputs if v is not None]
    assert [m.op_type for m in makers if m is not None] == ["Linear"] * 3
    weights = [m.inputs[1].const_value.numpy() for m in makers]  # type: ignore[union-attr]
    joint = FORMS["timm"][0].qkv.weight.detach().numpy()  # type: ignore[union-attr, operator]
    np.testing.assert_array_equal(np.concatenate(weights), joint)


def onnx_attention(
    q: list[int], k: list[int], v: list[int], constants: dict[str, Array], **attributes: Any
) -> onnx.ModelProto:
    """ONNX's Attention of three reshaped Linears of x [1, 6, 16] (the last four rows: k and v)."""
    rng = np.random.default_rng(5)
    weights = {
        n: rng.normal(size=(16, s)).astype(np.float32)
        for n, s in zip("ABC", (16, 16, 16), strict=True)
    }
    width = [np.prod(s) // (6 if i == 0 else 4) for i, s in enumerate((q, k, v))]
    weights = {n: w[:, :c] for (n, w), c in zip(weights.items(), width, strict=True)}
    bounds = {n: np.array([i], np.int64) for n, i in (("two", 2), ("six", 6), ("one", 1))}
    shapes = {f"{n}s": np.array(s, np.int64) for n, s in zip("qkv", (q, k, v), strict=True)}
    graph = [
        make("Slice", ["x", "two", "six", "one"], ["m"]),
        make("MatMul", ["x", "A"], ["a"]),
        make("MatMul", ["m", "B"], ["b"]),
        make("MatMul", ["m", "C"], ["c"]),
        make("Reshape", ["a", "qs"], ["q"]),
        make("Reshape", ["b", "ks"], ["k"]),
        make("Reshape", ["c", "vs"], ["v"]),
        make("Attention", ["q", "k", "v", *constants], ["y"], **attributes),
    ]
    return graph_model(graph, [1, 6, 16], {**weights, **bounds, **shapes, **constants})


MASKS: dict[str, dict[str, Array]] = {
    "none": {},
    "float": {"mask": np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)},
    "bool by head": {"mask": np.random.default_rng(1).random((1, 4, 6, 4)) > 0.4},
    "very negative": {"mask": np.where(np.eye(6, 4) > 0, np.float32(-1e9), np.float32(0))},
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [0, 1])
def test_onnx_attention_3d(mask: str, causal: int) -> None:
    proto = onnx_attention(
        *([1, 6, 16], [1, 4, 8], [1, 4, 6]),
        MASKS[mask],
        q_num_heads=4,
        kv_num_heads=2,
        is_causal=causal,
    )
    check_onnx_attention(proto, heads=4, kv_heads=2, scale=4**-0.5)


@pytest.mark.parametrize("mask", MASKS)
def test_onnx_attention_4d_reads_heads_in_memory_order(mask: str) -> None:
    proto = onnx_attention([1, 4, 6, 4], [1, 4, 4, 4], [1, 4, 4, 4], MASKS[mask], scale=0.7)
    model = load(proto)
    x = np.random.default_rng(0).normal(size=(1, 6, 16)).astype(np.float32)
    assert_same(model, x, run(proto, x)[0])
    assert nodes(model, "Attention")[0].attributes["scale"].as_float() == pytest.approx(0.7)


def check_onnx_attention(
    proto: onnx.ModelProto, heads: int, kv_heads: int, scale: float
) -> FloatModel:
    model = load(proto)
    x = np.random.default_rng(0).normal(size=(1, 6, 16)).astype(np.float32)
    assert_same(model, x, run(proto, x)[0])
    assert counts(model) == {"Slice": 1, "Linear": 3, "Attention": 1}
    attributes = nodes(model, "Attention")[0].attributes
    assert attributes["q_num_heads"].as_int() == heads
    assert attributes["kv_num_heads"].as_int() == kv_heads
    assert attributes["scale"].as_float() == pytest.approx(scale)
    return model


def test_causal_of_unlike_lengths_becomes_a_mask() -> None:
    proto = onnx_attention(
        [1, 6, 16], [1, 4, 16], [1, 4, 16], {}, q_num_heads=4, kv_num_heads=4, is_causal=1
    )
    node = nodes(check_onnx_attention(proto, 4, 4, 0.5), "Attention")[0]
    assert node.attributes["is_causal"].as_int() == 0
    assert len(node.inputs) == 4


def test_computed_mask_is_refused() -> None:
    graph = [
        make("MatMul", ["x", "W"], ["m"]),
        make("Attention", ["x", "x", "x", "m"], ["y"], "att", q_num_heads=2, kv_num_heads=2),
    ]
    weight = np.ones((16, 6), np.float32)
    with pytest.raises(UnsupportedOpError, match=r"mask of node 'att' \(Attention\) is not const"):
        load(graph_model(graph, [1, 6, 16], {"W": weight}))


def test_softcap_is_refused() -> None:
    graph = [make("Attention", ["x"] * 3, ["y"], "att", q_num_heads=2, kv_num_heads=2, softcap=9.0)]
    with pytest.raises(UnsupportedOpError, match=r"'att' \(Attention\) uses softcap"):
        load(graph_model(graph, [1, 6, 16]))


def test_attention_of_the_input_itself() -> None:
    graph = [make("Attention", ["x", "x", "x"], ["y"], q_num_heads=2, kv_num_heads=2)]
    proto = graph_model(graph, [1, 6, 16])
    x = np.random.default_rng(0).normal(size=(1, 6, 16)).astype(np.float32)
    model = load(proto)
    assert counts(model) == {"Attention": 1}
    assert_same(model, x, run(proto, x)[0])


FILLS = (float(np.finfo(np.float32).min), -1e9, -1e4)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("how", ["Add", "Where", "Where of Add", "Add of Where"])
@pytest.mark.parametrize("seen", ["none", "left padding"])
def test_a_row_masked_everywhere_by_a_number_means_what_it_means_in_onnx(
    fill: float, how: str, seen: str
) -> None:
    """Uniform where the number drowns or replaces the logits, the plain softmax where it does not.

    In float and in integers. Left padding with causal attention makes such rows.
    """
    rng = np.random.default_rng(5)
    size, width = 6, 8
    keep = np.tril(np.ones((size, size), bool))
    keep[:, :2] = False
    if seen == "none":
        keep[2:] = False
    weights = {n: rng.normal(size=(width, width)).astype(np.float32) for n in ("wq", "wk", "wv")}
    bias = rng.normal(size=(size, size)).astype(np.float32)
    constants: dict[str, Array] = {
        **weights,
        "mask": np.where(keep, 0, fill).astype(np.float32),
        "keep": keep,
        "fill": np.array(fill, np.float32),
        "bias": bias,
    }
    nodes_of = {
        "Add": [helper.make_node("Add", ["s", "mask"], ["m"])],
        "Where": [helper.make_node("Where", ["keep", "s", "fill"], ["m"])],
        "Where of Add": [
            helper.make_node("Add", ["s", "bias"], ["b"]),
            helper.make_node("Where", ["keep", "b", "fill"], ["m"]),
        ],
        "Add of Where": [
            helper.make_node("Where", ["keep", "s", "fill"], ["w"]),
            helper.make_node("Add", ["w", "bias"], ["m"]),
        ],
    }[how]
    graph = helper.make_graph(
        [
            *(helper.make_node("MatMul", ["x", f"w{n}"], [n]) for n in "qkv"),
            helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["q", "kt"], ["s"]),
            *nodes_of,
            helper.make_node("Softmax", ["m"], ["p"], axis=-1),
            helper.make_node("MatMul", ["p", "v"], ["y"]),
        ],
        "masked",
        [helper.make_tensor_value_info("x", 1, [1, size, width])],
        [helper.make_tensor_value_info("y", 1, [1, size, width])],
        [numpy_helper.from_array(np.asarray(data), name) for name, data in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    model = load(proto)
    x = 0.5 * rng.normal(size=(32, size, width)).astype(np.float32)
    wanted = np.concatenate([run(proto, one[None])[0] for one in x])
    drowned = how == "Add of Where" and fill < -1e6  # float32 rounds the bias away as well
    if not drowned:
        for one, expected in zip(x[:4], wanted[:4], strict=True):
            assert_same(model, one[None], expected[None], rtol=1e-3)
    compiled = microformer.compile(model, x, "host", effort="low")
    got = microformer.predict(compiled, x)
    if not drowned:
        noise = float(np.square(got - wanted).mean())
        assert 10 * np.log10(float(np.square(wanted).mean()) / noise) > 24
    assert microformer.run(compiled, x[:2]).bit_exact
