"""Layouts: what a chain of Reshape, Transpose, Slice ... does, as one array of indices.

A chain of operations that only move elements is a ``View``: a base value and, for each element of
the result, its index in the flattened base. Whatever spelling an exporter chose, the index array is
the same, so that patterns ask it ("is this the row-major order?", "which rows of the weight are
these?") and never look at the chain. ``load.steps`` writes an index array as the fewest canonical
operations.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.constants import evaluate
from microformer.load.steps import Index, Step, plan

MAX_ELEMENTS = (1 << 24) - 1
"""Larger values are not traced: no microcontroller holds such an activation."""

_RESHAPING = ("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity")
_MOVING = ("Transpose", "Slice", "Gather", "Expand", "Tile")
EVALUATED = ("GatherElements", "GatherND", "DepthToSpace", "SpaceToDepth", "Pad", "Resize")
"""What also moves elements, if its parameters are constant: onnxruntime says where to."""


@dataclass(frozen=True, eq=False)
class View:
    """A value as elements of another: ``index`` has the value's shape and points into ``base``."""

    base: ir.Value
    index: Index

    def of(self, inner: "View") -> "View":
        """The same elements over ``inner.base``, where ``inner`` is a view of ``self.base``."""
        return View(inner.base, inner.index.reshape(-1)[self.index])


def layout_node(value: ir.Value) -> ir.Node | None:
    """The node that makes ``value`` by moving elements of one activation only, or None."""
    node = edit.producer(value, *_RESHAPING, *_MOVING, *EVALUATED)
    if (
        node is None
        or not _only_moves(node)
        or node.inputs[0] is None
        or edit.array_of(node.inputs[0]) is not None
    ):
        return None
    if max(edit.size_of(value), edit.size_of(node.inputs[0])) > MAX_ELEMENTS:
        return None
    parameters = [v for v in node.inputs[1:] if v is not None]
    if node.op_type not in _RESHAPING and any(edit.array_of(v) is None for v in parameters):
        return None
    return node


def _only_moves(node: ir.Node) -> bool:
    """Whether a Pad or Resize makes no values of its own."""
    if node.op_type == "Pad":
        return node.attributes.get_string("mode", "constant") != "constant"
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Resize":
        return node.attributes.get_string("mode", "nearest") == "nearest" and "crop" not in mode
    return True


def chain_of(value: ir.Value) -> tuple[ir.Value, list[tuple[ir.Node, ir.Value]]]:
    """The value that layout operations started from, and they with their outputs, in order."""
    chain: list[tuple[ir.Node, ir.Value]] = []
    while (node := layout_node(value)) is not None and node.inputs[0] is not None:
        chain.insert(0, (node, value))
        value = node.inputs[0]
    return value, chain


def trace(value: ir.Value) -> View:
    """Follow layout operations back from ``value`` to the value that they started from."""
    base, chain = chain_of(value)
    index = indices(edit.shape_of(base))
    for node, output in chain:
        index = apply(node, output, index)
    return View(base, index)


def indices(shape: tuple[int, ...]) -> Index:
    """The elements of a base of that shape, in its own order."""
    return np.arange(math.prod(shape)).reshape(shape)


def apply(node: ir.Node, output: ir.Value, index: Index) -> Index:
    """What one layout operation makes of an index array of its input's shape."""
    shape = edit.shape_of(output)
    if node.op_type in _RESHAPING:
        return index.reshape(shape)
    if node.op_type == "Transpose":
        return index.transpose(edit.ints_attribute(node, "perm", list(reversed(range(index.ndim)))))
    if node.op_type == "Gather":
        axis = edit.int_attribute(node, "axis", 0)
        rows = edit.array_of(node.inputs[1])
        return np.take(index, np.asarray(rows, np.int64), axis=axis).reshape(shape)
    if node.op_type == "Tile":
        return np.tile(index, edit.integers_of(node.inputs[1]) or [1])
    if node.op_type == "Slice":
        for step in slice_steps(node, index.shape):
            axis, start, stop, stride = step.value
            index = np.take(index, range(start, stop, stride), axis=axis)
        return index
    if node.op_type in EVALUATED:
        data = index.astype(np.float32)  # all of them take it: exact, MAX_ELEMENTS is below 2^24
        rest = [edit.array_of(v) for v in node.inputs[1:]]
        return evaluate(node, [data, *rest]).astype(np.int64).reshape(shape)
    return np.broadcast_to(index, shape)


def slice_steps(node: ir.Node, shape: Sequence[int]) -> list[Step]:
    """An ONNX Slice node with constant parameters, one axis at a time, bounds made explicit."""
    starts, ends, axes, steps = (
        edit.integers_of(node.inputs[i]) if i < len(node.inputs) else None for i in range(1, 5)
    )
    starts, ends = starts or [], ends or []
    axes = axes if axes is not None else list(range(len(starts)))
    result = []
    for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(starts), strict=True):
        size = shape[axis]
        first, last, stride = slice(start, end, step).indices(size)
        if (first, last, stride) != (0, size, 1):
            result.append(Step("Slice", (axis % len(shape), first, last, stride)))
    return result


def emit(base: ir.Value, steps: Sequence[Step], before: ir.Node) -> ir.Value:
    """Insert the steps of a plan as nodes before ``before``; returns the last output."""
    value = base
    for step in steps:
        shape = edit.shape_of(value)
        if step.kind == "Reshape":
            target = edit.constant(before, np.array(step.value, np.int64))
            value = edit.insert(before, "Reshape", [value, target], step.value)
        elif step.kind == "Transpose":
            turned = [shape[i] for i in step.value]
            value = edit.insert(before, "Transpose", [value], turned, {"perm": list(step.value)})
        else:
            axis, start, stop, stride = step.value
            end = stop if stop >= 0 else -shape[axis] - 1  # ONNX: -1 is the last element
            bounds = [
                edit.constant(before, np.array([n], np.int64)) for n in (start, end, axis, stride)
            ]
            cut = [*shape[:axis], len(range(start, stop, stride)), *shape[axis + 1 :]]
            value = edit.insert(before, "Slice", [value, *bounds], cut)
    return value


def take(view: View, before: ir.Node) -> ir.Value:
    """A view that no steps realise: blocks of its base picked by a constant list, a Gather.

    The longer the blocks the better: of an image all channels of a pixel move together, so that
    its axes are turned first where that makes them longer.
    """
    shape, target = edit.shape_of(view.base), view.index.shape
    width = _block(view.index.reshape(-1), math.prod(shape))
    if len(shape) in (3, 4) and len(target) == len(shape) and shape[0] == target[0] == 1:
        perm, back = (0, *range(2, len(shape)), 1), (0, len(shape) - 1, *range(1, len(shape) - 1))
        where = np.empty(math.prod(shape), np.int64)  # of each element of the base, its new place
        where[indices(shape).transpose(perm).reshape(-1)] = np.arange(where.size)
        turned = where[view.index.transpose(perm)]
        longer = _block(turned.reshape(-1), where.size)
        if longer > width:
            shape, target = tuple(shape[a] for a in perm), turned.shape
            base = emit(view.base, [Step("Transpose", perm)], before)
            return emit(_gather(base, turned, longer, before), [Step("Transpose", back)], before)
    return _gather(view.base, view.index, width, before)


def _block(flat: Index, size: int) -> int:
    """The largest w for which ``flat`` consists of runs of w that begin at multiples of w."""
    breaks = np.flatnonzero(np.diff(flat) != 1) + 1
    starts = np.concatenate([[0], breaks, [flat.size]])
    return math.gcd(size, *(int(i) for i in starts), *(int(i) for i in flat[starts[:-1]]))


def _gather(base: ir.Value, index: Index, width: int, before: ir.Node) -> ir.Value:
    blocks = index.reshape(-1, width)[:, 0] // width
    rows = emit(base, [Step("Reshape", (1, edit.size_of(base) // width, width))], before)
    chosen = edit.constant(before, blocks.astype(np.int64))
    value = edit.insert(before, "Gather", [rows, chosen], (1, blocks.size, width), {"axis": 1})
    return emit(value, [Step("Reshape", index.shape)], before)


def place(view: View, before: ir.Node) -> ir.Value | None:
    """Make a view a value: rows of a Linear's weight where that will do, else a plan's steps.

    None if there is no plan. A view of a constant is a constant.
    """
    data = edit.array_of(view.base)
    if data is not None:
        return edit.constant(before, data.reshape(-1)[view.index])
    chosen = linear_rows(view, before)
    if chosen is not None:
        return chosen
    steps = plan(view.index, edit.shape_of(view.base))
    return None if steps is None else emit(view.base, steps, before)


def linear_rows(view: View, before: ir.Node) -> ir.Value | None:
    """A view that picks or reorders the last axis of a Linear: a Linear of just those rows.

    None if the view is of no Linear, moves other axes too, or leaves the last axis as it is.
    """
    node = edit.linear_of(view.base)
    if node is None:
        return None
    *lead, width = edit.shape_of(view.base)
    rows = _rows(view.index, math.prod(lead), width)
    weight, bias = edit.array_of(node.inputs[1]), edit.array_of(node.inputs[2])
    if rows is None or weight is None or bias is None:
        return None
    grid = edit.grid_of(node.inputs[1])
    chosen = edit.constant(before, weight[rows], grid=None if grid is None else grid[rows])
    inputs = [node.inputs[0], chosen, edit.constant(before, bias[rows])]
    value = edit.insert(before, "Linear", inputs, [*lead, rows.size], domain=edit.DOMAIN)
    qparams = edit.quant_of(view.base)
    if qparams is not None:
        edit.set_quant(value, qparams)
    if edit.shape_of(value) == view.index.shape:
        return value
    return emit(value, [Step("Reshape", view.index.shape)], before)


def _rows(index: Index, count: int, width: int) -> Index | None:
    """The same choice of columns in each of ``count`` rows of ``width``; None if it is no choice.

    That is, index[r, j] = r * width + chosen[j], with all chosen unlike and not simply 0, 1, 2 ...
    """
    if index.size % count or not index.size:
        return None
    table = index.reshape(count, -1)
    chosen = table[0]
    if chosen.size > width or chosen.max() >= width or np.unique(chosen).size != chosen.size:
        return None
    if np.any(table != chosen + width * np.arange(count)[:, None]):
        return None
    return None if np.array_equal(chosen, np.arange(width)) else chosen
