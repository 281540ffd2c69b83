"""What the converters of TFLite's operators share: errors, shapes, fused activations."""

import numpy as np

from microformer.errors import UnsupportedOpError
from microformer.load.tflite import Operator, TfliteGraph
from microformer.load.tflite_onnx import Writer

FUSED = {1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH"}
CLIPS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}


def refuse(graph: TfliteGraph, operator: Operator, reason: str) -> UnsupportedOpError:
    """The error for an operator: its name, the tensor that it makes, and what would help."""
    made = graph.tensors[operator.outputs[0]].name if operator.outputs else "nothing"
    return UnsupportedOpError(
        f"Cannot compile {operator.name} (it makes {made!r}) of {graph.label}: {reason}."
    )


def shaped(w: Writer, value: str, shape: tuple[int, ...]) -> str:
    return w.node("Reshape", [value, w.ints(*shape)])


def out_shape(w: Writer, op: Operator) -> tuple[int, ...]:
    return w.stored(op.outputs[0]).shape


def done(w: Writer, op: Operator, value: str) -> None:
    """The fused activation, if the operator has one, then the output."""
    options = op.options
    kind = options.FusedActivationFunction() if hasattr(options, "FusedActivationFunction") else 0
    if kind:
        if kind not in FUSED:
            raise refuse(w.graph, op, "its fused activation is not supported")
        value = activated(w, value, FUSED[kind])
    w.write(op, value)


def activated(w: Writer, value: str, name: str) -> str:
    if name in CLIPS:
        bounds = [w.constant(np.array(b, np.float32)) for b in CLIPS[name]]
        return w.node("Clip", [value, *bounds])
    return w.node({"RELU": "Relu", "TANH": "Tanh"}[name], [value])
