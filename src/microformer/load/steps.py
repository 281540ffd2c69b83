"""The fewest canonical layout operations that realise an array of indices."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """One canonical layout operation: its kind, and its shape, perm or slice as integers.

    A slice is (axis, start, stop, step).
    """

    kind: str
    value: tuple[int, ...]


def plan(index: Index, base_shape: tuple[int, ...]) -> list[Step] | None:
    """The fewest Slice, Reshape and Transpose steps that give ``index``, or None.

    ``index`` (any shape) points into a row-major array of ``base_shape``. Slices come first, then
    a Reshape, a Transpose and a Reshape, each only where it is needed. Intermediate shapes begin
    with 1. None means that elements repeat, or do not lie at regular strides.
    """
    flat = index.reshape(-1)
    if flat.size == math.prod(base_shape) and _in_order(flat):
        return [] if index.shape == base_shape else [Step("Reshape", index.shape)]
    sliced = _slices(flat, base_shape)
    if sliced is not None:
        steps, flat, shape = sliced
        rest = _permutation(flat.reshape(index.shape), shape)
        if rest is not None:
            return steps + rest
    return _mixed_radix(index, base_shape)


def _in_order(flat: Index) -> bool:
    return bool(np.array_equal(flat, np.arange(flat.size)))


def _slices(
    flat: Index, shape: tuple[int, ...]
) -> tuple[list[Step], Index, tuple[int, ...]] | None:
    """Slices of the base's own axes that keep just the elements of ``flat``, if there are such."""
    steps, counts, positions = [], [], []
    for axis, coordinate in enumerate(np.unravel_index(flat, shape)):
        used = np.unique(coordinate)
        stride = int(used[1] - used[0]) if used.size > 1 else 1
        if np.any(np.diff(used) != stride):
            return None
        counts.append(used.size)
        positions.append((coordinate - used[0]) // stride)
        start, stop = int(used[0]), int(used[-1]) + 1
        if used.size < shape[axis]:
            steps.append(Step("Slice", (axis, start, stop, stride)))
    if math.prod(counts) != flat.size:
        return None
    moved = np.ravel_multi_index(tuple(positions), tuple(counts)).astype(np.int64)
    return steps, moved, tuple(counts)


def _permutation(index: Index, shape: tuple[int, ...]) -> list[Step] | None:
    """Reshape, Transpose, Reshape for an index array that is a bijection onto ``shape``."""
    flat = index.reshape(-1)
    if _in_order(flat):
        return [] if index.shape == shape else [Step("Reshape", index.shape)]
    perm = _single_transpose(index, shape)
    if perm is not None:
        return [Step("Transpose", perm)]
    return _mixed_radix(index, shape)


def _single_transpose(index: Index, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The perm with which one Transpose of ``shape`` gives ``index``, or None."""
    if index.ndim != len(shape):
        return None
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    units = [axis for axis, size in enumerate(shape) if size == 1]
    perm = []
    for axis, size in enumerate(index.shape):
        if size == 1:
            if not units:
                return None
            perm.append(units.pop(0))
            continue
        origin = [0] * index.ndim
        origin[axis] = 1
        stride = int(index[tuple(origin)] - index.reshape(-1)[0])
        found = [a for a, s in enumerate(shape) if s == size and strides[a] == stride]
        if not found:
            return None
        perm.append(found[0])
    if sorted(perm) != list(range(len(shape))):
        return None
    candidate = np.arange(math.prod(shape)).reshape(shape).transpose(perm)
    return tuple(perm) if np.array_equal(candidate, index) else None


def _loops(flat: Index) -> list[tuple[int, int]] | None:
    """``flat`` as nested loops, innermost first: (count, stride) each; None if it is not."""
    loops = []
    while flat.size > 1:
        stride = int(flat[1] - flat[0])
        breaks = np.flatnonzero(np.diff(flat) != stride)
        count = int(breaks[0]) + 1 if breaks.size else flat.size
        if stride <= 0 or flat.size % count:
            return None
        rows = flat.reshape(-1, count)
        if np.any(rows != rows[:, :1] + stride * np.arange(count)):
            return None
        loops.append((count, stride))
        flat = rows[:, 0]
    return loops


def _mixed_radix(index: Index, base_shape: tuple[int, ...]) -> list[Step] | None:
    """Strided loops as Reshape to the radices of the strides, Slices, Transpose, Reshape."""
    flat = index.reshape(-1)
    loops = _loops(flat)
    if not loops:
        return None
    order = sorted(range(len(loops)), key=lambda i: -loops[i][1])  # base axes, outermost first
    bound, extents = math.prod(base_shape), []
    for i in order:
        if bound % loops[i][1] or bound // loops[i][1] < loops[i][0]:
            return None
        extents.append(bound // loops[i][1])
        bound = loops[i][1]
    shape = (1, *extents, *((bound,) if bound > 1 else ()))
    steps = [] if shape == base_shape else [Step("Reshape", shape)]
    offset = int(flat[0])
    for axis, i in enumerate(order, start=1):
        count, stride = loops[i]
        start = offset // stride % extents[axis - 1]
        if start + count > extents[axis - 1]:
            return None
        if count < extents[axis - 1]:
            steps.append(Step("Slice", (axis, start, start + count, 1)))
    shape = (1, *(loops[i][0] for i in order))
    if bound > 1:
        steps.append(Step("Slice", (len(shape), offset % bound, offset % bound + 1, 1)))
        steps.append(Step("Reshape", shape))
    perm = (0, *(order.index(i) + 1 for i in reversed(range(len(loops)))))
    if perm != tuple(range(len(perm))):
        steps.append(Step("Transpose", perm))
    if tuple(shape[i] for i in perm) != index.shape:
        steps.append(Step("Reshape", index.shape))
    return steps
