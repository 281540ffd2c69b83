"""One operator on constants, as onnxruntime computes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx import ModelProto, helper, numpy_helper

from microformer.analysis.float_run import session
from microformer.errors import ModelError
from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.functions import OPSET


def evaluate(node: ir.Node, inputs: Sequence[Array | None]) -> Array:
    """The one output of ``node`` on other inputs, None where one is absent.

    Raises ModelError, naming the node, where onnxruntime refuses it.
    """
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    try:
        return run(node.op_type, inputs, attributes)
    except Exception as error:  # onnxruntime has an error class for each of its parts
        text = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{edit.describe(node).capitalize()} has constant inputs that cannot be evaluated: "
            f"{text}."
        ) from None


def run(op_type: str, inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array:
    """One ONNX operator on arrays, with its attributes as Python values."""
    names = ["" if data is None else f"x{i}" for i, data in enumerate(inputs)]
    plain = {k: v for k, v in attributes.items() if v is not None}
    for name, value in plain.items():
        plain[name] = ir.to_proto(value) if isinstance(value, ir.TensorProtocol) else value
    node = helper.make_node(op_type, names, ["y"], **plain)
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(data).reshape(data.shape), name)
        for name, data in zip(names, inputs, strict=True)
        if data is not None
    ]
    output = helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node], "one", [], [output], constants)
    proto: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    proto.ir_version = 10
    return np.asarray(session(proto.SerializeToString(), optimise=False).run(None, {})[0])
