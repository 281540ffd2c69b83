"""Products of two activations: one sample's stack of matrices on either side, equally many."""

import math

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.reshapes import reshape


def normalise_products(graph: ir.Graph) -> bool:
    """A batch of 1 in front, ranks equal; a matrix that all rows share takes them at once."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "MatMul"):
            continue
        a, b = node.inputs
        if a is not None and b is not None and edit.array_of(a) is edit.array_of(b) is None:
            modified |= _normalise(node, a, b)
    return modified


def _normalise(node: ir.Node, a: ir.Value, b: ir.Value) -> bool:
    if 1 in (len(edit.shape_of(a)), len(edit.shape_of(b))):
        return _of_vectors(node, a, b)
    (*first, rows, inner), (*second, _, columns) = edit.shape_of(a), edit.shape_of(b)
    rank = max(len(first), len(second))
    leads = [(1,) * (rank - len(lead)) + tuple(lead) for lead in (first, second)]
    if leads[0] == leads[1]:
        lead = leads[0] if leads[0][:1] == (1,) else (1, *leads[0])
    elif math.prod(leads[1]) == 1:
        lead, rows = (1,), rows * math.prod(leads[0])
    else:
        return False
    left, right = (*lead, rows, inner), (*lead, inner, columns)
    if (edit.shape_of(a), edit.shape_of(b)) == (left, right):
        return False
    inputs = [reshape(a, left, node), reshape(b, right, node)]
    result = edit.insert(node, "MatMul", inputs, (*lead, rows, columns))
    output = node.outputs[0]
    edit.keep_quant(output, result, ("Reshape", (*lead, rows, columns)))
    edit.replace(output, reshape(result, edit.shape_of(output), node))
    return True


def _of_vectors(node: ir.Node, a: ir.Value, b: ir.Value) -> bool:
    """A vector on the left is a row, on the right a column; the product lacks that axis."""
    left, right = edit.shape_of(a), edit.shape_of(b)
    row, column = len(left) == 1, len(right) == 1
    given = reshape(a, (1, *left) if row else left, node)
    other = reshape(b, (*right, 1) if column else right, node)
    output = node.outputs[0]
    lead = edit.shape_of(output)[: len(edit.shape_of(output)) - (not row) - (not column)]
    shape = (*lead, 1 if row else left[-2], 1 if column else right[-1])
    result = edit.insert(node, "MatMul", [given, other], shape)
    edit.replace(output, reshape(result, edit.shape_of(output), node))
    return True


def recognise_contractions(graph: ir.Graph) -> bool:
    """The sum over an axis of a product that broadcasts is a matrix product: nothing is rounded
    in between, and the product, as large as both operands together, is never stored."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "ReduceSum", "ReduceMean"):
            modified |= _contract(node)
    return modified


def _contract(node: ir.Node) -> bool:
    source = node.inputs[0]
    product = edit.producer(source, "Mul")
    axes = edit.integers_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if product is None or source is None or axes is None or len(axes) != 1:
        return False
    shape = edit.shape_of(source)
    axis = axes[0] % len(shape)
    values = [v for v in product.inputs if v is not None and edit.array_of(v) is None]
    alone = edit.only_user(source) is node and shape[axis] > 1
    if len(values) != 2 or values[0] is values[1] or not alone:
        return False
    terms: list[str] = []
    operands: list[ir.Value] = []
    for value in values:
        own = (1,) * (len(shape) - len(edit.shape_of(value))) + edit.shape_of(value)
        kept = [a for a, size in enumerate(own) if size == shape[a] and size > 1]
        terms.append("".join(_LETTERS[a] for a in kept))
        operands.append(reshape(value, [shape[a] for a in kept], node))
    summed = _LETTERS[axis]
    if any(summed not in term for term in terms) or set(terms[0]) == set(terms[1]):
        return False
    rest = [a for a in range(len(shape)) if a != axis and shape[a] > 1]
    equation = f"{','.join(terms)}->{''.join(_LETTERS[a] for a in rest)}"
    sizes = [shape[a] for a in rest]
    value = edit.insert(node, "Einsum", operands, sizes, {"equation": equation})
    if node.op_type == "ReduceMean":
        factor = edit.constant(node, np.array(1.0 / shape[axis]))
        value = edit.insert(node, "Mul", [value, factor], sizes)
    edit.replace(node.outputs[0], reshape(value, edit.shape_of(node.outputs[0]), node))
    return True


_LETTERS = "abcdefgh"
