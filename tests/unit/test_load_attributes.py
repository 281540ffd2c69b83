"""No attribute, mode or further output is ignored in silence."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from microformer.errors import MicroformerError, UnsupportedOpError
from microformer.load import load
from microformer.load.attributes import ATTRIBUTES, MICROSOFT
from microformer.load.check import UNDERSTOOD
from microformer.load.patterns.microsoft import _LOWER

OPSET = 23
OWN = {"Requantize", "Silu"}
"""Ours: no file has them."""


@pytest.mark.parametrize("op", sorted(UNDERSTOOD - OWN))
def test_every_attribute_of_every_operator_that_is_read_has_a_line(op: str) -> None:
    """Of the operator at the opset that files are brought to, and of every later version."""
    every = onnx.defs.get_all_schemas_with_history()
    schemas = [s for s in every if s.name == op and not s.domain]
    assert schemas, f"ONNX knows no {op}"
    first = max((s.since_version for s in schemas if s.since_version <= OPSET), default=OPSET)
    for schema in schemas:
        if not first <= schema.since_version <= onnx.defs.onnx_opset_version():
            continue
        missing = set(schema.attributes) - set(ATTRIBUTES.get(op, {}))
        assert not missing, f"{op} {schema.since_version}: {missing}"


@pytest.mark.parametrize("op", sorted(_LOWER))
def test_every_attribute_of_onnxruntimes_own_operators_has_a_line(op: str) -> None:
    found = [
        s for s in runtime.get_all_operator_schema() if s.name == op and s.domain == "com.microsoft"
    ]
    missing = {name for s in found for name in s.attributes} - set(MICROSOFT[op])
    assert not missing, missing


def batchnorm(training: int) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    constants = {n: rng.uniform(0.5, 1.5, 4).astype(np.float32) for n in ("g", "b", "m", "v")}
    constants["w"] = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    outputs = ["y"] if not training else ["y", "rm", "rv"]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node(
                "BatchNormalization", ["c", *"gbmv"], outputs, training_mode=training, epsilon=1e-2
            ),
        ],
        "bn",
        [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", 1, [1, 4, 6, 6])],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_batchnorm_in_training_is_refused_one_at_inference_is_folded() -> None:
    assert load(batchnorm(0)).output_shape == (1, 4, 6, 6)
    with pytest.raises(UnsupportedOpError, match="training_mode = 1 is not compiled"):
        load(batchnorm(1))


@pytest.mark.parametrize("training", [True, False])
def test_a_dropout_in_training_is_refused(training: bool) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Dropout", ["x", "ratio", "mode"], ["d"]),
            helper.make_node("MatMul", ["d", "w"], ["y"]),
        ],
        "dropout",
        [helper.make_tensor_value_info("x", 1, [1, 3, 4])],
        [helper.make_tensor_value_info("y", 1, [1, 3, 4])],
        [
            numpy_helper.from_array(np.array(0.5, np.float32), "ratio"),
            numpy_helper.from_array(np.array(training), "mode"),
            numpy_helper.from_array(np.eye(4, dtype=np.float32), "w"),
        ],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if training:
        with pytest.raises(UnsupportedOpError, match="training mode"):
            load(proto)
    else:
        assert load(proto).output_shape == (1, 3, 4)


@pytest.mark.parametrize(
    ("op", "second"), [("MaxPool", "indices"), ("LayerNormalization", "mean"), ("Dropout", "mask")]
)
def test_a_further_output_that_is_used_is_refused(op: str, second: str) -> None:
    """Its values, cast to real numbers, are the model's output."""
    attributes: dict[str, Any] = {"kernel_shape": [2, 2]} if op == "MaxPool" else {}
    inputs = ["x", "scale"] if op == "LayerNormalization" else ["x"]
    graph = helper.make_graph(
        [
            helper.make_node(op, inputs, ["first", second], **attributes),
            helper.make_node("Cast", [second], ["real"], to=1),
            helper.make_node("Relu", ["real"], ["y"]),
        ],
        "second",
        [helper.make_tensor_value_info("x", 1, [1, 2, 4, 4])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(np.ones(4, np.float32), "scale")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(MicroformerError):
        load(proto)


def test_an_attribute_of_the_future_is_refused() -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
        "future",
        [helper.make_tensor_value_info("x", 1, [1, 3, 4])],
        [helper.make_tensor_value_info("y", 1, [1, 3, 4])],
        [numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnxruntime.InferenceSession(proto.SerializeToString())
    graph.node[1].attribute.append(helper.make_attribute("slope", 0.3))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(Exception, match="slope"):
        load(proto)
