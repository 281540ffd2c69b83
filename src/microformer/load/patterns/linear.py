"""Linear from MatMul and Gemm with a constant matrix, and the bias that follows it."""

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit


def recognise_linear(graph: ir.Graph) -> bool:
    """MatMul(x, W) and Gemm(x, W, C) with constant W become ``Linear``; x of any rank >= 2."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "MatMul"):
            modified |= _from_matmul(node)
        elif edit.producer(node.outputs[0], "Gemm"):
            modified |= _from_gemm(node)
    return modified


def linear(
    before: ir.Node,
    x: ir.Value,
    weight: Array,
    bias: Array | None,
    lead: tuple[int, ...],
    grid: Array | None = None,
) -> ir.Value:
    """Insert a Linear: x [*lead, K], weight [N, K], bias [N] (zeros if None) -> [*lead, N].

    ``grid`` is the imported step of the weight, of its shape.
    """
    rows = weight.shape[0]
    bias = np.zeros(rows, np.float32) if bias is None else bias
    constants = [edit.constant(before, weight, grid=grid), edit.constant(before, bias)]
    return edit.insert(before, "Linear", [x, *constants], [*lead, rows], domain=edit.DOMAIN)


def parameters_of(node: ir.Node) -> tuple[Array, Array] | None:
    """The constant weight [N, K] and bias [N] of a Linear (or Conv) node, or None."""
    weight, bias = edit.array_of(node.inputs[1]), edit.array_of(node.inputs[2])
    return None if weight is None or bias is None else (weight, bias)


def _from_matmul(node: ir.Node) -> bool:
    x, weight = node.inputs[0], edit.array_of(node.inputs[1])
    if x is None or weight is None or edit.array_of(x) is not None or weight.ndim < 2:
        return False
    shape = edit.shape_of(node.outputs[0])
    if weight.size != weight.shape[-1] * weight.shape[-2] or len(edit.shape_of(x)) != len(shape):
        return False
    matrix, grid = weight.reshape(weight.shape[-2:]).T, edit.grid_of(node.inputs[1])
    grid = None if grid is None else grid.reshape(weight.shape[-2:]).T
    edit.replace(node.outputs[0], linear(node, x, matrix, None, shape[:-1], grid))
    return True


def _from_gemm(node: ir.Node) -> bool:
    x, weight = node.inputs[0], edit.array_of(node.inputs[1])
    if x is None or weight is None or edit.array_of(x) is not None:
        return False
    rows, columns = edit.shape_of(node.outputs[0])
    if edit.int_attribute(node, "transA", 0):
        x = edit.insert(node, "Transpose", [x], edit.shape_of(x)[::-1], {"perm": [1, 0]})
    alpha = node.attributes.get_float("alpha", 1.0)
    grid = edit.grid_of(node.inputs[1])
    if not edit.int_attribute(node, "transB", 0):
        weight, grid = weight.T, None if grid is None else grid.T
    matrix, grid = weight * alpha, None if grid is None else grid * abs(alpha)
    beta = node.attributes.get_float("beta", 1.0)
    addend = node.inputs[2] if len(node.inputs) > 2 else None
    constant = edit.array_of(addend)
    bias = None if constant is None else channel_vector(constant * beta, columns)
    result = linear(node, x, matrix, bias, (rows,), grid)
    if addend is not None and bias is None:
        if constant is not None:
            addend = edit.constant(node, constant * beta)
        elif beta != 1.0:
            factor = edit.constant(node, np.array(beta))
            addend = edit.insert(node, "Mul", [addend, factor], edit.shape_of(addend))
        result = edit.insert(node, "Add", [result, addend], (rows, columns))
    edit.replace(node.outputs[0], result)
    return True


def channel_vector(array: Array, channels: int) -> Array | None:
    """A constant that varies over the last axis only, as [channels]; None if it varies elsewhere.

    Scalars are repeated. The constant must not enlarge what it is combined with: its last axis is
    ``channels`` or 1, all others are 1.
    """
    if array.size == 1:
        return np.repeat(array.reshape(-1), channels)
    if array.ndim and array.shape[-1] == array.size == channels:
        return array.reshape(-1)
    return None


def absorb_bias(graph: ir.Graph) -> bool:
    """Add(Linear(x), constant [N]), either way round, becomes the Linear's bias."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "Add"):
            continue
        for value, other in (node.inputs, node.inputs[::-1]):
            source, addend = edit.linear_of(value), edit.array_of(other)
            if source is None or value is None or addend is None or edit.only_user(value) is None:
                continue
            parameters = parameters_of(source)
            shape = edit.shape_of(value)
            if parameters is None or addend.ndim > len(shape):
                continue
            vector = channel_vector(addend, shape[-1])
            if vector is not None and source.inputs[0] is not None:
                weight, bias = parameters
                grid = edit.grid_of(source.inputs[1])
                x = source.inputs[0]
                result = linear(node, x, weight, bias + vector, shape[:-1], grid)
                edit.replace(node.outputs[0], result)
                modified = True
                break
    return modified
