"""TFLite's sequence of a long short-term memory, as ONNX's LSTM."""

import numpy as np

from microformer.graph.tensor import Array
from microformer.load.tflite import Operator
from microformer.load.tflite_onnx import Writer
from microformer.load.tflite_parts import out_shape, refuse, shaped

_GATES = (0, 3, 1, 2)
"""ONNX's order (input, output, forget, cell) among TFLite's (input, forget, cell, output)."""
_WITHOUT = {"peepholes": range(9, 12), "a projection": range(16, 18), "norms": range(20, 24)}
_TANH = 4


def lstm(w: Writer, op: Operator) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM: x [1, S, I] (or [S, 1, I]) to [1, S, H]; state from zero."""
    options = op.options
    for what, places in _WITHOUT.items():
        if any(_given(op, place) for place in places):
            raise refuse(w.graph, op, f"{what} inside a recurrent layer are not compiled")
    if not all(_given(op, place) for place in range(1, 9)):
        raise refuse(w.graph, op, "coupled input and forget gates are not compiled")
    if options is None or options.FusedActivationFunction() != _TANH:
        raise refuse(w.graph, op, "only tanh is compiled as its activation")
    if options.CellClip() or options.ProjClip():
        raise refuse(w.graph, op, "clipped cells are not compiled")
    rows = [[_real(w, op, first + gate) for gate in _GATES] for first in (1, 5)]
    biases = [_real(w, op, 12 + gate) for gate in _GATES]
    units = len(biases[0])
    weight, recurrent = (np.concatenate(parts)[None] for parts in rows)
    bias = np.concatenate([*biases, np.zeros(4 * units)])[None]
    inputs = [w.read(op.inputs[0])]
    inputs += [w.constant(np.asarray(a, np.float32)) for a in (weight, recurrent, bias)]
    value = w.node("LSTM", inputs, hidden_size=units, layout=0 if options.TimeMajor() else 1)
    w.write(op, shaped(w, value, out_shape(w, op)))


def _given(op: Operator, place: int) -> bool:
    return place < len(op.inputs) and op.inputs[place] >= 0


def _real(w: Writer, op: Operator, place: int) -> Array:
    """The real values of a constant operand."""
    tensor = w.stored(op.inputs[place])
    if tensor.data is None:
        raise refuse(w.graph, op, "its weights must be constant")
    data = np.asarray(tensor.data, np.float64)
    if not tensor.scale.size:
        return data
    shape = [-1] + [1] * (data.ndim - 1) if tensor.scale.size > 1 else [1] * data.ndim
    return np.asarray((data - tensor.zero.reshape(shape)) * tensor.scale.reshape(shape))
