"""Products of two activations: one sample's stack of matrices on either side, equally many."""

import math

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
