"""Operators that are products with a constant matrix: written as the Linear or Conv that they are.

A running sum, a discrete Fourier transform, resampling by interpolation, a constant on the left of
a product, constant weights for each head, a transposed convolution.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.constants import run
from microformer.load.patterns.linear import linear
from microformer.load.patterns.reshapes import reshape
from microformer.load.patterns.transposed_conv import convolved, folded_columns, transposed_conv


def lower_linear_maps(graph: ir.Graph) -> bool:
    """Replace each node that ``_FORMS`` knows by products."""
    return edit.rewrite(graph, _FORMS)


def _mapped(node: ir.Node, x: ir.Value, axes: Sequence[int], matrix: Array) -> ir.Value:
    """x [..., over ``axes``: K ...] times matrix [N, K], the result N along the first of them.

    The axes are flattened in the order given; all others but the first of them become 1.
    """
    shape = edit.shape_of(x)
    rest = [a for a in range(len(shape)) if a not in axes]
    perm = [*rest, *axes]
    value = _turned(node, x, perm)
    lead = tuple(shape[a] for a in rest)
    value = reshape(value, (*lead, matrix.shape[1]), node)
    value = linear(node, value, matrix, None, lead)
    made = [matrix.shape[0], *[1] * (len(axes) - 1)]
    value = reshape(value, (*lead, *made), node)
    return _turned(node, value, edit.inverse(perm))


def _turned(node: ir.Node, x: ir.Value, perm: Sequence[int]) -> ir.Value:
    if list(perm) == list(range(len(perm))):
        return x
    shape = [edit.shape_of(x)[a] for a in perm]
    return edit.insert(node, "Transpose", [x], shape, {"perm": list(perm)})


def _cumsum(node: ir.Node) -> ir.Value | None:
    x, axis = node.inputs[0], edit.integers_of(node.inputs[1])
    if x is None or axis is None:
        return None
    size = edit.shape_of(x)[axis[0]]
    matrix = np.tri(size, size, -edit.int_attribute(node, "exclusive", 0))
    if edit.int_attribute(node, "reverse", 0):
        matrix = matrix.T
    return _mapped(node, x, [axis[0] % len(edit.shape_of(x))], matrix)


def _fourier(node: ir.Node) -> ir.Value | None:
    """DFT of [..., N, ..., 1 or 2] over one axis: real and imaginary parts are the last axis."""
    x = node.inputs[0]
    if x is None or (len(node.inputs) > 1 and node.inputs[1] is not None):
        return None
    shape = edit.shape_of(x)
    rank = len(shape)
    given = edit.integers_of(node.inputs[2]) if len(node.inputs) > 2 else None
    axis = (given[0] if given else edit.int_attribute(node, "axis", -2)) % rank
    inverse, size = edit.int_attribute(node, "inverse", 0), shape[axis]
    if edit.shape_of(node.outputs[0])[-1] != 2 or (inverse and shape[-1] != 2):
        return None  # of half a spectrum
    if inverse and edit.int_attribute(node, "onesided", 0):
        return None
    outputs = edit.shape_of(node.outputs[0])[axis]
    angle = 2j * np.pi * np.outer(np.arange(outputs), np.arange(size)) / size
    turn = np.exp(angle if inverse else -angle) / (size if inverse else 1)  # [out, in]
    real, imaginary = turn.real, turn.imag
    blocks = np.array([[real, -imaginary], [imaginary, real]])  # [part out, part in, out, in]
    source, parts = _without_zero_part(x)
    matrix = blocks[:, :parts].transpose(2, 0, 3, 1).reshape(outputs * 2, size * parts)
    # the two axes side by side, the parts last; the result is [..., out * 2] there
    rest = [a for a in range(rank) if a not in (axis, rank - 1)]
    value = _turned(node, source, [*rest, axis, rank - 1])
    lead = tuple(shape[a] for a in rest)
    value = linear(node, reshape(value, (*lead, size * parts), node), matrix, None, lead)
    value = reshape(value, (*lead, outputs, 2), node)
    return _turned(node, value, edit.inverse([*rest, axis, rank - 1]))


def _without_zero_part(x: ir.Value) -> tuple[ir.Value, int]:
    """(real part, 1) where the imaginary part of x is a constant zero, else (x, its parts)."""
    joined = edit.producer(x, "Concat")
    last = len(edit.shape_of(x)) - 1
    if joined is not None and len(joined.inputs) == 2:
        real, zeros = joined.inputs[0], edit.array_of(joined.inputs[1])
        axis = edit.int_attribute(joined, "axis", 0) % (last + 1)
        if axis == last and real is not None and zeros is not None and not zeros.any():
            return real, 1
    return x, edit.shape_of(x)[-1]


MAX_MATRIX = 1 << 22
"""Elements of a matrix that an interpolation may become."""


def _resize(node: ir.Node) -> ir.Value | None:
    """Linear and cubic interpolation: a matrix an axis, as onnxruntime interpolates unit vectors.

    Nearest neighbours are moved (``load.layout``).
    """
    mode = node.attributes.get_string("mode", "nearest")
    how = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    x = node.inputs[0]
    if x is None or mode == "nearest" or how == "tf_crop_and_resize":
        return None
    shape, target = edit.shape_of(x), edit.shape_of(node.outputs[0])
    scales = edit.array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    axes = edit.ints_attribute(node, "axes", range(len(shape)))
    attributes = {k: a.value for k, a in node.attributes.items() if k != "axes"}
    value = x
    for axis, (size, wanted) in enumerate(zip(shape, target, strict=True)):
        if size == wanted:
            continue
        if size * wanted > MAX_MATRIX:
            return None
        given = None if scales is None or scales.size == 0 else float(scales[axes.index(axis)])
        if given is not None and how == "align_corners" and given * size != wanted:
            return None  # onnxruntime and ONNX's own reference differ there
        matrix = _interpolation(size, wanted, given, attributes)
        value = _mapped(node, value, [axis], matrix)
    return value


def _interpolation(
    size: int, wanted: int, scale: float | None, attributes: dict[str, object]
) -> Array:
    """[wanted, size]: what Resize makes of each unit vector along the height of an image."""
    unit = np.eye(size, dtype=np.float32).reshape(1, size, size, 1)
    attributes = {**attributes, "keep_aspect_ratio_policy": "stretch"}
    if scale is not None:
        numbers: list[Array | None] = [unit, None, np.array([1, 1, scale, 1], np.float32)]
    else:
        numbers = [unit, None, None, np.array([1, size, wanted, 1], np.int64)]
    return run("Resize", numbers, attributes)[0, :, :, 0].T


def _product(node: ir.Node) -> ir.Value | None:
    """A constant on the left, C x = (x^T C^T)^T; and constant weights of each head's own."""
    a, b = node.inputs
    left, right = edit.array_of(a), edit.array_of(b)
    if a is None or b is None or (left is None) == (right is None):
        return None
    rank = len(edit.shape_of(node.outputs[0]))
    if left is not None:
        if left.ndim < 2 or len(edit.shape_of(b)) != rank:
            return None
        if math.prod(left.shape[:-2]) == 1:
            return _mapped(node, b, [rank - 2], left.reshape(left.shape[-2:]))
        swap = [*range(rank - 2), rank - 1, rank - 2]
        weights = np.swapaxes(left, -1, -2)
        value = _by_head(node, _turned(node, b, swap), weights)
        return None if value is None else _turned(node, value, swap)
    assert right is not None
    if right.ndim < 3 or math.prod(right.shape[:-2]) == 1 or len(edit.shape_of(a)) != rank:
        return None
    return _by_head(node, a, right)


def _by_head(node: ir.Node, x: ir.Value, weights: Array) -> ir.Value | None:
    """x [..., S, K] times a matrix [K, N] for each of its leading indices: a grouped Conv."""
    *lead, rows, inner = edit.shape_of(x)
    columns = weights.shape[-1]
    if edit.shape_of(node.outputs[0])[:-2] != tuple(lead):
        return None  # both are repeated
    if weights.shape[:-2] != tuple(lead)[-len(weights.shape[:-2]) :]:
        weights = np.broadcast_to(weights, (*lead, inner, columns))
    full = np.broadcast_to(weights, (*lead, inner, columns)).reshape(-1, inner, columns)
    heads = full.shape[0]
    value = reshape(x, (heads, rows, inner), node)
    value = _turned(node, value, [0, 2, 1])
    value = reshape(value, (1, heads * inner, rows), node)
    kernel = full.transpose(0, 2, 1).reshape(heads * columns, inner, 1)
    value = convolved(node, value, kernel, heads, [1], [0, 0], rows)
    value = reshape(value, (heads, columns, rows), node)
    return reshape(_turned(node, value, [0, 2, 1]), (*lead, rows, columns), node)


_FORMS: dict[str, Callable[[ir.Node], ir.Value | None]] = {
    "CumSum": _cumsum,
    "DFT": _fourier,
    "Col2Im": folded_columns,
    "Resize": _resize,
    "MatMul": _product,
    "ConvTranspose": transposed_conv,
}
LINEAR_MAPS = tuple(_FORMS)
