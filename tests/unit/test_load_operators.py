"""Operators one by one: what onnx.helper can write, against onnxruntime on the original."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from microformer.analysis.float_run import FloatRunner
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.load import load
from tests.exporters import legacy_export
from tests.models import (
    Activations,
    GatedMlp,
    HandNorm,
    TextClassifier,
    VisionTransformer,
    conv_stem_1d,
    conv_stem_2d,
    seeded,
)
from tests.unit.float_checks import assert_same, counts, graph_model, nodes, run, torch_output

make = onnx.helper.make_node
RNG = np.random.default_rng(11)


def real(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def integers(*values: int) -> Array:
    return np.array(values, np.int64)


def check(
    graph: list[onnx.NodeProto],
    shape: list[int],
    constants: dict[str, Array] | None = None,
    opset: int = 23,
) -> FloatModel:
    """Load a graph and compare it with itself as it was; returns the canonical model."""
    proto = graph_model(graph, list(shape), constants, opset)
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    model = load(proto)
    assert_same(model, x, run(proto, x)[0])
    return model


LINEAR: dict[str, tuple[list[onnx.NodeProto], list[int], dict[str, Array]]] = {
    "matmul": ([make("MatMul", ["x", "w"], ["y"])], [1, 5, 6], {"w": real(6, 4)}),
    "matmul 4-D": ([make("MatMul", ["x", "w"], ["y"])], [1, 3, 5, 6], {"w": real(1, 1, 6, 4)}),
    "bias behind": (
        [make("MatMul", ["x", "w"], ["m"]), make("Add", ["m", "b"], ["y"])],
        [1, 5, 6],
        {"w": real(6, 4), "b": real(4)},
    ),
    "bias in front": (
        [make("MatMul", ["x", "w"], ["m"]), make("Add", ["b", "m"], ["y"])],
        [1, 5, 6],
        {"w": real(6, 4), "b": real(1, 1, 4)},
    ),
    "bias is one number": (
        [make("MatMul", ["x", "w"], ["m"]), make("Add", ["m", "b"], ["y"])],
        [1, 5, 6],
        {"w": real(6, 4), "b": real(1)},
    ),
    "gemm": (
        [make("Gemm", ["x", "w", "b"], ["y"], transB=1, alpha=0.5, beta=2.0)],
        [1, 6],
        {"w": real(4, 6), "b": real(4)},
    ),
    "gemm without bias": ([make("Gemm", ["x", "w"], ["y"])], [1, 6], {"w": real(6, 4)}),
    "gemm, bias [1, N]": (
        [make("Gemm", ["x", "w", "b"], ["y"])],
        [1, 6],
        {"w": real(6, 4), "b": real(1, 4)},
    ),
    "scaled and shifted on both sides": (
        [
            make("Mul", ["x", "c"], ["a"]),
            make("Sub", ["a", "d"], ["b"]),
            make("MatMul", ["b", "w"], ["m"]),
            make("Div", ["m", "e"], ["f"]),
            make("Sub", ["g", "f"], ["y"]),
        ],
        [1, 5, 6],
        {"w": real(6, 4), "c": real(6), "d": real(), "e": real(4), "g": real(4)},
    ),
    "conv 1x1 behind a linear is left": (
        [make("MatMul", ["x", "w"], ["y"])],
        [1, 2, 2, 6],
        {"w": real(6, 4)},
    ),
    "einsum": (
        [make("Einsum", ["x", "w"], ["y"], equation="bsd,dhp->bshp")],
        [1, 5, 6],
        {"w": real(6, 2, 4)},
    ),
}


@pytest.mark.parametrize("case", LINEAR)
def test_linear(case: str) -> None:
    graph, shape, constants = LINEAR[case]
    model = check(graph, shape, constants)
    assert {k: v for k, v in counts(model).items() if k != "Reshape"} == {"Linear": 1}


def test_gemm_transposed_activation() -> None:
    graph = [
        make("Reshape", ["x", "s"], ["r"]),
        make("Gemm", ["r", "w", "b"], ["g"], transA=1),
        make("Unsqueeze", ["g", "zero"], ["y"]),
    ]
    constants = {"s": integers(6, 5), "w": real(6, 4), "b": real(5, 4), "zero": integers(0)}
    assert counts(check(graph, [1, 6, 5], constants))["Linear"] == 1


def test_sub_of_activations_and_square() -> None:
    graph = [
        make("MatMul", ["x", "w"], ["m"]),
        make("Pow", ["x", "two"], ["p"]),
        make("Sub", ["p", "m"], ["y"]),
    ]
    model = check(graph, [1, 5, 6], {"w": real(6, 6), "two": np.array([2.0], np.float32)})
    kinds = {kind.rstrip("0123456789"): count for kind, count in counts(model).items()}
    assert kinds == {"Linear": 1, "Pointwise": 1, "Add": 1}  # -1 went into the Linear


def test_einsum_of_heads_that_share_a_matrix() -> None:
    """No attention, as there is no softmax: the heads are rows of one product."""
    graph = [
        make("Reshape", ["x", "s"], ["q"]),
        make("MatMul", ["x", "w"], ["k"]),
        make("Einsum", ["q", "k"], ["e"], equation="bihd,bjd->bhij"),
        make("Relu", ["e"], ["r"]),
        make("Einsum", ["r", "k"], ["y"], equation="bhij,bjd->bihd"),
    ]
    model = check(graph, [1, 5, 12], {"s": integers(1, 5, 3, 4), "w": real(12, 4)})
    assert counts(model)["MatMul"] == 2
    for node in nodes(model, "MatMul"):
        shapes = [value.shape.numpy() for value in node.inputs if value and value.shape]
        assert [shape[:-2] for shape in shapes] == [(1,), (1,)]


LEGACY: dict[str, tuple[nn.Module, tuple[int, ...], dict[str, int]]] = {
    "conv 2d": (
        seeded(conv_stem_2d),
        (1, 3, 16, 16),
        {
            **{"Conv": 3, "Clip": 1, "HardSwish": 1, "Silu": 1, "MaxPool": 1, "AveragePool": 1},
            **{"ReduceMean": 1, "Reshape": 1, "Linear": 1},
        },
    ),
    "conv 1d": (
        seeded(conv_stem_1d),
        (1, 4, 40),
        {"Conv": 3, "Gelu": 1, "HardSigmoid": 1, "MaxPool": 1},
    ),
    "activations": (
        seeded(Activations),
        (1, 5, 16),
        {
            **{"Linear": 11, "Relu": 1, "Clip": 1, "Silu": 2, "Tanh": 1, "Sigmoid": 1},
            **{"HardSwish": 1, "HardSigmoid": 1, "Gelu": 3},
        },
    ),
    "norms": (
        seeded(HandNorm),
        (1, 5, 16),
        {"LayerNormalization": 1, "Linear": 1, "RMSNormalization": 1},
    ),
    "gated mlp": (seeded(GatedMlp), (1, 5, 16), {"Linear": 3, "Silu": 1, "Mul": 1, "Add": 1}),
    "vision transformer": (
        seeded(VisionTransformer),
        (1, 1, 8, 8),
        {
            **{"Conv": 1, "Reshape": 2, "Transpose": 1, "Concat": 1, "Slice": 1},
            **{"Add": 3, "LayerNormalization": 3, "Linear": 7, "Attention": 1, "Gelu": 1},
        },
    ),
}


@pytest.mark.parametrize("opset", [14, 17])
@pytest.mark.parametrize("case", LEGACY)
def test_older_exporter(case: str, opset: int) -> None:
    module, shape, expected = LEGACY[case]
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    model = load(legacy_export(module, x, opset))
    assert counts(model) == expected
    assert_same(model, x.numpy(), torch_output(module, x))


def test_dynamic_batch_and_tokens_of_the_older_exporter() -> None:
    module = seeded(TextClassifier)
    x = torch.randint(0, 50, (1, 12), generator=torch.Generator().manual_seed(1))
    data = legacy_export(module, x, input_names=["ids"], dynamic_axes={"ids": {0: "n"}})
    model = load(data)
    assert (model.input_name, model.input_shape, model.input_dtype) == ("ids", (1, 12), "int32")
    assert counts(model)["Attention"] == 1
    assert_same(model, x.numpy(), torch_output(module, x))


CONVS: dict[str, tuple[list[int], list[int], dict[str, Any]]] = {
    "same upper": ([1, 3, 7, 8], [4, 3, 3, 2], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same lower": ([1, 3, 7, 8], [4, 3, 4, 2], {"auto_pad": "SAME_LOWER", "strides": [1, 3]}),
    "valid": ([1, 3, 7, 8], [4, 3, 3, 2], {"auto_pad": "VALID"}),
    "dilated groups": ([1, 4, 9, 9], [6, 2, 3, 3], {"group": 2, "dilations": [2, 3]}),
    "pads": ([1, 3, 7, 8], [4, 3, 3, 2], {"pads": [0, 1, 2, 0]}),
    "1-D": ([1, 3, 9], [4, 3, 3], {"pads": [2, 1], "strides": [2]}),
}


@pytest.mark.parametrize("case", CONVS)
def test_conv(case: str) -> None:
    shape, weight, attributes = CONVS[case]
    model = check(
        [make("Conv", ["x", "w"], ["y"], **attributes)], shape, {"w": real(*weight)}, opset=18
    )
    (node,) = model.model.graph
    rank = len(weight) - 2
    assert node.op_type == "Conv"
    assert len(node.inputs) == 3
    assert set(node.attributes) == {"kernel_shape", "strides", "pads", "dilations", "group"}
    assert len(node.attributes["pads"].as_ints()) == 2 * rank


def test_pad_batchnorm_and_affine_fold_into_conv() -> None:
    graph = [
        make("Mul", ["x", "s"], ["a"]),
        make("Pad", ["a", "p"], ["b"]),
        make("Conv", ["b", "w"], ["c"], group=2, pads=[1, 0, 0, 0]),
        make("BatchNormalization", ["c", "g", "o", "m", "v"], ["d"], epsilon=1e-3),
        make("Div", ["d", "e"], ["y"]),
    ]
    constants = {
        **{"s": real(4, 1, 1), "p": integers(0, 0, 1, 2, 0, 0, 0, 1), "w": real(6, 2, 3, 3)},
        **{"g": real(6), "o": real(6), "m": real(6), "v": np.abs(real(6)), "e": real(1, 6, 1, 1)},
    }
    model = check(graph, [1, 4, 6, 6], constants)
    assert counts(model) == {"Conv": 1}
    pads = nodes(model, "Conv")[0].attributes["pads"].as_ints()
    assert list(pads) == [2, 2, 0, 1]


def test_input_normalisation_folds_where_nothing_is_padded() -> None:
    graph = [
        make("Sub", ["x", "m"], ["a"]),
        make("Div", ["a", "s"], ["b"]),
        make("Conv", ["b", "w"], ["y"]),
    ]
    constants = {"m": real(3, 1, 1), "s": real(3, 1, 1), "w": real(4, 3, 2, 2)}
    assert counts(check(graph, [1, 3, 5, 5], constants)) == {"Conv": 1}
    graph[-1] = make("Conv", ["b", "w"], ["y"], pads=[1, 1, 1, 1])
    assert counts(check(graph, [1, 3, 5, 5], constants)) == {"Add": 1, "Conv": 1}


def test_batchnorm_alone_is_a_depthwise_conv() -> None:
    constants = {"g": real(3), "o": real(3), "m": real(3), "v": np.abs(real(3))}
    graph = [make("BatchNormalization", ["x", "g", "o", "m", "v"], ["y"])]
    model = check(graph, [1, 3, 4, 4], constants)
    assert nodes(model, "Conv")[0].attributes["group"].as_int() == 3


POOLS: dict[str, tuple[str, list[int], dict[str, Any]]] = {
    "max": ("MaxPool", [1, 2, 7, 8], {"kernel_shape": [3, 2], "strides": [2, 2]}),
    "max pads": ("MaxPool", [1, 2, 7], {"kernel_shape": [3], "pads": [1, 1]}),
    "max ceil": (
        "MaxPool",
        [1, 2, 8, 8],
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ),
    "max same": (
        "MaxPool",
        [1, 2, 7, 8],
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ),
    "average": ("AveragePool", [1, 2, 7, 8], {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0]}),
    "average counting pads": (
        "AveragePool",
        [1, 2, 7, 8],
        {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1},
    ),
    "average ceil": (
        "AveragePool",
        [1, 2, 8],
        {"kernel_shape": [3], "strides": [2], "ceil_mode": 1},
    ),
    "global average": ("GlobalAveragePool", [1, 3, 4, 5], {}),
    "global max": ("GlobalMaxPool", [1, 3, 4, 5], {}),
}


@pytest.mark.parametrize("case", POOLS)
def test_pool(case: str) -> None:
    op, shape, attributes = POOLS[case]
    model = check([make(op, ["x"], ["y"], **attributes)], shape, opset=22)
    canonical = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "MaxPool"}
    assert counts(model) == {canonical.get(op, op): 1}
    for node in nodes(model, "MaxPool"):
        assert set(node.attributes) == {"kernel_shape", "strides", "pads"}


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum"])
@pytest.mark.parametrize("axes", [[1], [-1], [2, 1], [0, 2]])
def test_reduction(op: str, axes: list[int], keepdims: int) -> None:
    if 0 in axes and not keepdims:
        axes = [2]  # dropping the batch axis of the output is refused
    constants = {"a": integers(*axes)}
    model = check([make(op, ["x", "a"], ["y"], keepdims=keepdims)], [1, 4, 6], constants)
    assert counts(model)["ReduceMean"] == 1


def test_padding_elsewhere_is_a_concat_with_zeros() -> None:
    graph = [make("Pad", ["x", "p", "", "axes"], ["y"])]
    model = check(graph, [1, 5, 6], {"p": integers(1, -2, 2, 0), "axes": integers(1, 2)})
    assert counts(model) == {"Concat": 1, "Slice": 1}


def test_layernorm_over_two_axes_is_flattened() -> None:
    graph = [make("LayerNormalization", ["x", "g", "b"], ["y"], axis=1)]
    model = check(graph, [1, 3, 4], {"g": real(3, 4), "b": real(4)})
    assert counts(model) == {"Reshape": 2, "LayerNormalization": 1}


NORMS = {
    "reciprocal": [make("Sqrt", ["e"], ["r"]), make("Reciprocal", ["r"], ["i"])],
    "one over": [make("Sqrt", ["e"], ["r"]), make("Div", ["one", "r"], ["i"])],
    "power": [make("Pow", ["e", "half"], ["i"])],
}


@pytest.mark.parametrize("form", NORMS)
@pytest.mark.parametrize("centred", [True, False])
def test_norm_written_out(form: str, centred: bool) -> None:
    start = [make("ReduceMean", ["x", "last"], ["u"]), make("Sub", ["x", "u"], ["d"])]
    graph = [
        *(start if centred else [make("Identity", ["x"], ["d"])]),
        make("Mul", ["d", "d"], ["q"]),
        make("ReduceMean", ["q", "last"], ["v"]),
        make("Add", ["v", "eps"], ["e"]),
        *NORMS[form],
        make("Mul", ["i", "d"], ["n"]),
        make("Mul", ["n", "g"], ["y"]),
    ]
    constants = {"last": integers(-1), "eps": np.float32(1e-5), "one": np.float32(1)}
    constants |= {"half": np.float32(-0.5), "g": real(6)}
    used = {name for node in graph for name in node.input}
    model = check(graph, [1, 4, 6], {k: np.asarray(v) for k, v in constants.items() if k in used})
    assert counts(model) == {"LayerNormalization" if centred else "RMSNormalization": 1}


def test_softmax_embedding_and_cast_survive() -> None:
    graph = [make("Cast", ["x"], ["c"], to=11), make("Softmax", ["c"], ["d"], axis=-1)]
    graph += [make("Cast", ["d"], ["y"], to=1)]
    assert counts(check(graph, [1, 4, 6])) == {"Softmax": 1}


def test_half_precision_becomes_float32() -> None:
    graph = [make("MatMul", ["x", "w"], ["m"]), make("Cast", ["m"], ["y"], to=1)]
    proto = graph_model(graph, [1, 3, 4], {"w": real(4, 2).astype(np.float16)}, 23, 10)
    model = load(proto)
    x = real(1, 3, 4).astype(np.float16)
    assert counts(model) == {"Linear": 1}
    assert_same(model, x.astype(np.float32), run(proto, x)[0], rtol=5e-3)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_layout_chains_keep_their_meaning(data: st.DataObject) -> None:
    """Any chain of layout operations in front of a Linear, in the fewest operations or fewer."""
    shape = [1, *data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))]
    now = list(shape)
    graph: list[onnx.NodeProto] = []
    constants: dict[str, Array] = {"w": np.array([[2.0]], np.float32)}
    for step in range(data.draw(st.integers(1, 6))):
        name, out = (f"t{step - 1}" if step else "x"), f"t{step}"
        kind = data.draw(st.sampled_from(["Transpose", "Reshape", "Slice", "Unsqueeze"]))
        if kind == "Transpose":
            perm = data.draw(st.permutations(range(len(now))))
            graph.append(make("Transpose", [name], [out], perm=perm))
            now = [now[p] for p in perm]
        elif kind == "Slice":
            axis = data.draw(st.integers(0, len(now) - 1))
            start = data.draw(st.integers(0, now[axis] - 1))
            stride = data.draw(st.sampled_from([1, 1, 2, -1]))
            end = now[axis] if stride > 0 else -(2**40)
            size = len(range(now[axis])[slice(start, end, stride)])
            parameters = {
                f"{out}{i}": integers(v) for i, v in enumerate((start, end, axis, stride))
            }
            constants |= parameters
            graph.append(make("Slice", [name, *parameters], [out]))
            now[axis] = size
        else:
            total = int(np.prod(now))
            split = data.draw(st.sampled_from([d for d in range(1, total + 1) if total % d == 0]))
            now = [split, total // split] if kind == "Reshape" else [1, *now]
            constants[f"{out}s"] = integers(*now) if kind == "Reshape" else integers(0)
            graph.append(make(kind, [name, f"{out}s"], [out]))
    constants |= {"flat": integers(1, -1, 1)}
    last = graph[-1].output[0]
    graph += [make("Reshape", [last, "flat"], ["f"]), make("MatMul", ["f", "w"], ["y"])]
    check(graph, shape, constants)


@pytest.mark.parametrize("alpha", [None, 1.7])
def test_an_operator_newer_than_the_canonical_opset(alpha: float | None) -> None:
    attributes: dict[str, Any] = {} if alpha is None else {"alpha": alpha}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        helper.make_node("Swish", ["p"], ["y"], "swish", **attributes),
    ]
    weight = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11)
    model = load(file)
    x = np.random.default_rng(1).standard_normal((1, 3, 8)).astype(np.float32)
    p = x @ weight
    expected = p / (1 + np.exp(-(alpha or 1.0) * p))
    assert np.allclose(FloatRunner(model)(x)["y"], expected, atol=1e-5)
