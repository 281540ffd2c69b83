"""Scales are shared only where that costs nobody anything; else a part is requantised."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.graph.tensor import Array
from microformer.load import load

WIDTH, LENGTH = 8, 5


def joined(
    nodes: list[onnx.NodeProto], parts: list[str], spread: float = 1.0
) -> tuple[microformer.FloatModel, Array]:
    """A model that ends in Concat of ``parts``; "small" and "large" are products of x."""
    rng = np.random.default_rng(0)
    constants: dict[str, Array] = {
        "ws": rng.normal(0, 0.02, (WIDTH, WIDTH)).astype(np.float32),
        "wl": rng.normal(0, spread, (WIDTH, WIDTH)).astype(np.float32),
        "g": np.ones(WIDTH, np.float32),
        "z": np.zeros(WIDTH, np.float32),
        **{f"b{i}": np.array([n], np.int64) for i, n in enumerate((0, 4, 2))},
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "ws"], ["small"]),
            helper.make_node("MatMul", ["x", "wl"], ["large"]),
            *nodes,
            helper.make_node("Concat", parts, ["y"], axis=2),
        ],
        "joined",
        [helper.make_tensor_value_info("x", 1, [1, LENGTH, WIDTH])],
        [helper.make_tensor_value_info("y", 1, [1, LENGTH, WIDTH * len(parts)])],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    x = rng.normal(0, 1, (64, LENGTH, WIDTH)).astype(np.float32)
    return load(proto), x


def decibels(model: microformer.FloatModel, x: Array, parts: int) -> list[float]:
    """SQNR of each part of the output, against float."""
    compiled = microformer.compile(model, x, "host", effort="low")
    got = microformer.predict(compiled, x).reshape(len(x), LENGTH, -1)
    runner = FloatRunner(model)
    wanted = np.concatenate([runner(one[None])[model.output_name] for one in x])
    assert microformer.run(compiled, x[:2]).bit_exact
    columns = [slice(i * WIDTH, (i + 1) * WIDTH) for i in range(parts)]
    return [sqnr_db(wanted[..., c], got[..., c]) for c in columns]


NORM = helper.make_node("LayerNormalization", ["small", "g", "z"], ["n"], axis=-1)


def test_a_small_part_keeps_its_scale_for_its_other_readers() -> None:
    *_, norm = decibels(*joined([NORM], ["small", "large", "n"]), 3)
    assert norm > 30


@pytest.mark.parametrize("spread", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("function", ["Softmax", "Sigmoid", "Tanh"])
def test_a_part_of_a_scale_of_its_own_leaves_its_partner_alone(
    function: str, spread: float
) -> None:
    nodes = [helper.make_node(function, ["small"], ["f"])]
    partner, _ = decibels(*joined(nodes, ["large", "f"], spread), 2)
    assert partner > 34


def test_parts_that_nobody_else_reads_are_written_at_the_joint_scale() -> None:
    """No table in between: that costs nothing."""
    model, x = joined([], ["small", "large"])
    kinds = [n.op.kind for n in microformer.quantize(model, x, effort="low").nodes]
    assert "Lut" not in kinds and kinds.count("Concat") == 1


def test_a_slice_and_its_whole_are_joined_without_hurting_a_concat() -> None:
    """The part's group has a reader by way of the slice's source."""
    slices = helper.make_node("Slice", ["small", "b0", "b1", "b2"], ["half"])
    twice = helper.make_node("Concat", ["half", "half"], ["both"], axis=2)
    model, x = joined([NORM, slices, twice], ["both", "large", "n"])
    *_, norm = decibels(model, x, 3)
    assert norm > 30


def test_a_norm_of_nearly_equal_probabilities() -> None:
    """Steps of 1/256 hide what a LayerNorm amplifies."""
    nodes = [
        helper.make_node("Softmax", ["small"], ["p"], axis=-1),
        helper.make_node("LayerNormalization", ["p", "g", "z"], ["n"], axis=-1),
    ]
    _, norm = decibels(*joined(nodes, ["large", "n"]), 2)
    assert norm > 20
