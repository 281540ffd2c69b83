"""One-hot vectors of indices, times a matrix: rows of a table, an embedding.

    Cast(Equal(index, 0..V-1)), OneHot(index, V, [0, 1])   rows of the unit matrix
    rows of a table times a constant matrix, plus a bias    rows of the product

Jax and older Keras write an embedding so.
"""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from microformer.load import edit
from microformer.load.patterns.linear import parameters_of

_MOST = 4096
"""Entries of a one-hot vector: a unit matrix of more would be no small table."""
_SAME = ("Cast", "Identity", "Reshape", "Expand", "Unsqueeze", "Squeeze")


def lower_one_hot(model: ir.Model) -> None:
    """One-hot vectors of integers become rows of the unit matrix, once constants are folded."""
    modified = False
    for node in list(model.graph):
        shape = node.outputs[0].shape
        if node.op_type not in ("Cast", "OneHot") or shape is None or not shape.is_static():
            continue  # what has no shape is refused by a sentence of its own
        found = _of_equal(node) if node.op_type == "Cast" else _of_operator(node)
        if found is None:
            continue
        index, size = found
        sizes = edit.shape_of(node.outputs[0])
        moved = edit.constant(node, np.array(sizes[:-1], np.int64))
        rows = edit.insert(node, "Reshape", [index, moved], sizes[:-1])
        table = edit.constant(node, np.eye(size, dtype=np.float32))
        made = edit.insert(node, "Gather", [table, rows], sizes, {"axis": 0})
        edit.replace(node.outputs[0], made)
        edit.add_note(
            model.graph,
            f"Indices of one-hot vectors must lie in 0..{size - 1}: a program takes the nearest "
            "row for others, where the model has zeros.",
        )
        modified = True
    if modified:
        common.RemoveUnusedNodesPass()(model)


def _of_equal(node: ir.Node) -> tuple[ir.Value, int] | None:
    """(index, V) where ``node`` is Cast(Equal(index, 0..V-1)) over a last axis of V."""
    equal = edit.producer(node.inputs[0], "Equal")
    if equal is None or node.outputs[0].dtype not in (None, ir.DataType.FLOAT):
        return None
    shape = edit.shape_of(node.outputs[0])
    size = shape[-1] if shape else 0
    for value, other in (equal.inputs, equal.inputs[::-1]):
        numbers = edit.array_of(other)
        if value is None or numbers is None or not 1 < size <= _MOST:
            continue
        if numbers.shape[-1:] != (size,) or numbers.dtype.kind not in "iu":
            continue
        index = _index(value, shape)
        if index is not None and (numbers == np.arange(size)).all():
            return index, size
    return None


def _of_operator(node: ir.Node) -> tuple[ir.Value, int] | None:
    """(index, V) of OneHot(index, V, [0, 1]) over the last axis."""
    if node.op_type != "OneHot" or node.domain or node.inputs[0] is None:
        return None
    shape, values = edit.shape_of(node.outputs[0]), edit.array_of(node.inputs[2])
    last = edit.int_attribute(node, "axis", -1) in (-1, len(shape) - 1)
    plain = values is not None and values.tolist() == [0.0, 1.0]
    return (node.inputs[0], shape[-1]) if last and plain and 1 < shape[-1] <= _MOST else None


def _index(value: ir.Value, shape: tuple[int, ...]) -> ir.Value | None:
    """The integers of which ``value`` repeats each along the last axis of ``shape``, or None."""
    while True:
        if edit.shape_of(value) == (*shape[:-1], 1):
            return value if edit.array_of(value) is None else None
        node = edit.producer(value, *_SAME)
        if node is None or node.inputs[0] is None:
            return None
        value = node.inputs[0]


def fold_tables(graph: ir.Graph) -> bool:
    """A Linear behind rows of a constant table that nobody else reads: the table's product."""
    modified = False
    for node in list(graph):
        if edit.linear_of(node.outputs[0]) is None:
            continue
        gather = edit.producer(node.inputs[0], "Gather")
        table = None if gather is None else edit.array_of(gather.inputs[0])
        parameters = parameters_of(node)
        if gather is None or table is None or parameters is None or table.ndim != 2:
            continue
        if edit.int_attribute(gather, "axis", 0) or edit.only_user(gather.outputs[0]) is not node:
            continue
        weight, bias = parameters
        if table.shape[0] * weight.shape[0] > table.size + weight.size:
            continue  # the product would be larger than both
        made = table.astype(np.float64) @ weight.T.astype(np.float64) + bias
        inputs = [edit.constant(node, made.astype(np.float32)), gather.inputs[1]]
        shape = edit.shape_of(node.outputs[0])
        edit.replace(node.outputs[0], edit.insert(node, "Gather", inputs, shape, {"axis": 0}))
        modified = True
    return modified
