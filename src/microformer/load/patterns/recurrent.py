"""LSTM and GRU: a Linear for all steps' inputs, and what is left of the layer behind it.

ONNX's operators hold both products. The first is one matrix product over all steps, as fast as any;
``microformer::Lstm`` and ``microformer::Gru`` have the second. Two directions are two layers.
"""

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.check import RECURRENT, refuse
from microformer.load.layout import emit
from microformer.load.patterns.linear import linear
from microformer.load.patterns.reshapes import reshape
from microformer.load.steps import Step

_GATES = {"LSTM": 4, "GRU": 3}
_USUAL = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh")}


def lower_recurrent(graph: ir.Graph) -> bool:
    """Replace each LSTM and GRU; refused by name is what has no such form."""
    modified = False
    for node in list(graph):
        if node.op_type in RECURRENT and not node.domain:
            _lower(node)
            graph.remove(node, safe=True)
            modified = True
    return modified


def _operand(node: ir.Node, index: int, what: str) -> Array | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    data = edit.array_of(value)
    if value is not None and data is None:
        raise refuse(node, f"its {what} must be constant")
    return data


def _lower(node: ir.Node) -> None:
    x = node.inputs[0]
    assert x is not None
    first = edit.int_attribute(node, "layout", 0) == 1
    steps, batch, features = (edit.shape_of(x)[i] for i in ((1, 0, 2) if first else (0, 1, 2)))
    weight, recurrent = _operand(node, 1, "weight"), _operand(node, 2, "weight")
    if weight is None or recurrent is None or batch != 1:
        raise refuse(node, "its batch must be 1 and its weights constant")
    gates, directions = _GATES[node.op_type], weight.shape[0]
    units = recurrent.shape[2]
    stored = _operand(node, 3, "bias")
    bias = np.zeros((directions, 2 * gates * units), np.float32) if stored is None else stored
    _check(node, steps, directions)
    rows = reshape(x, (1, steps, features), node)
    made = []
    for k in range(directions):
        parts = weight[k], recurrent[k], bias[k]
        made.append(_one_way(node, rows, parts, _backward(node, k)))
    _replace(node, made, steps, units, first)


def _backward(node: ir.Node, which: int) -> bool:
    """Whether the first (0) or second direction of a layer goes from the last step on."""
    alone = str(node.attributes.get_string("direction", "forward")).lower()
    return which == 1 or alone == "reverse"


def _check(node: ir.Node, steps: int, directions: int) -> None:
    """Refuse what the canonical layers do not have."""
    lengths = _operand(node, 4, "lengths of sequences")
    if lengths is not None and (lengths != steps).any():
        raise refuse(node, "sequences shorter than its input are not compiled")
    for index, what in ((5, "first state"), (6, "first cell"), (7, "peepholes")):
        if index < len(node.inputs) and (node.op_type == "LSTM" or index == 5):
            data = _operand(node, index, what)
            if data is not None and data.any():
                raise refuse(node, f"its {what} must be zeros")
    given = node.attributes.get("activations")
    names = tuple(str(name).lower() for name in given.as_strings()) if given is not None else ()
    if names and names != _USUAL[node.op_type] * directions:
        raise refuse(node, "only sigmoid and tanh are compiled as its activations")
    if node.attributes.get_float("clip", 0.0) or edit.int_attribute(node, "input_forget", 0):
        raise refuse(node, "clipped gates and coupled input and forget gates are not compiled")
    cell = node.outputs[2] if len(node.outputs) > 2 else None
    if cell is not None and (cell.uses() or cell.is_graph_output()):
        raise refuse(node, "its last cell is used; only its outputs are compiled")


def _one_way(
    node: ir.Node, x: ir.Value, parts: tuple[Array, Array, Array], backward: bool
) -> ir.Value:
    """x [1, S, I] through one layer: [1, S, H], in the order of x."""
    weight, recurrent, bias = parts
    steps, count = edit.shape_of(x)[1], len(weight)
    turn = Step("Slice", (1, steps - 1, -1, -1))
    ahead, inside = bias[:count], bias[count:]
    after = edit.int_attribute(node, "linear_before_reset", 0)
    if node.op_type == "LSTM" or not after:
        ahead, inside = ahead + inside, np.zeros_like(inside)
    else:  # the reset gate works on the new value's own bias too
        new = 2 * recurrent.shape[1]
        ahead = np.concatenate([ahead[:new] + inside[:new], ahead[new:]])
        inside = np.concatenate([np.zeros_like(inside[:new]), inside[new:]])
    rows = emit(x, [turn], node) if backward and steps > 1 else x
    gates = linear(node, rows, weight, ahead, (1, steps))
    inputs = [gates, edit.constant(node, recurrent), edit.constant(node, inside)]
    units = recurrent.shape[1]
    attributes = {"hidden_size": units}
    if node.op_type == "GRU":
        attributes["reset_after"] = after
    kind = node.op_type.capitalize()
    value = edit.insert(node, kind, inputs, (1, steps, units), attributes, domain=edit.DOMAIN)
    return emit(value, [turn], node) if backward and steps > 1 else value


def _replace(node: ir.Node, made: list[ir.Value], steps: int, units: int, first: bool) -> None:
    """Outputs Y and Y_h from [1, S, H] of each direction."""
    if len(made) == 1:
        every = made[0]
    else:
        wide = (1, steps, 2 * units)
        every = edit.insert(node, "Concat", made, wide, {"axis": 2})
    for output, index in zip(node.outputs, range(2), strict=False):
        if not (output.uses() or output.is_graph_output()):
            continue
        shape = edit.shape_of(output)
        if index == 0:
            edit.replace(output, reshape(every, shape, node))
            continue
        last = []
        for k, value in enumerate(made):
            at = 0 if _backward(node, k) else steps - 1
            last.append(emit(value, [Step("Slice", (1, at, at + 1, 1))] * (steps > 1), node))
        joined = last[0]
        if len(last) > 1:
            joined = edit.insert(node, "Concat", last, (1, 1, 2 * units), {"axis": 2})
        edit.replace(output, reshape(joined, shape, node))
