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
    with 1, so that a result that does not is made by a Reshape. None means that elements repeat,
    or do not lie at regular strides.
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
    if perm is not None and index.shape[0] == 1:
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
    """``flat`` as nested loops, outermost first: (count, stride) each; None if it is not."""
    loops: list[tuple[int, int]] = []
    while flat.size > 1:
        stride = int(flat[1] - flat[0])
        breaks = np.flatnonzero(np.diff(flat) != stride)
        count = int(breaks[0]) + 1 if breaks.size else flat.size
        if stride == 0 or flat.size % count:
            return None
        rows = flat.reshape(-1, count)
        if np.any(rows != rows[:, :1] + stride * np.arange(count)):
            return None
        loops.insert(0, (count, stride))
        flat = rows[:, 0]
    return loops


def _mixed_radix(index: Index, base_shape: tuple[int, ...]) -> list[Step] | None:
    """Strided loops as Reshape to the radices of the strides, Slices, Transpose, flips, Reshape."""
    loops = _loops(index.reshape(-1))
    if not loops:
        return None
    counts, strides = [c for c, _ in loops], [abs(s) for _, s in loops]
    # the least element: where loops that run backwards end
    offset = int(index.reshape(-1)[0]) + sum((c - 1) * s for c, s in loops if s < 0)
    order = sorted(range(len(loops)), key=lambda i: -strides[i])  # base axes, outermost first
    bound, extents, starts = math.prod(base_shape), [], []
    for i in order:
        extents.append(bound // strides[i])
        starts.append(offset // strides[i] % extents[-1])
        if bound % strides[i] or starts[-1] + counts[i] > extents[-1]:
            return None
        bound = strides[i]
    if bound > 1:  # elements between those of the innermost stride
        extents.append(bound)
        starts.append(offset % bound)
    kept = [*(counts[i] for i in order), *([1] if bound > 1 else [])]
    steps = [] if (1, *extents) == base_shape else [Step("Reshape", (1, *extents))]
    for axis, (extent, start, count) in enumerate(zip(extents, starts, kept, strict=True), start=1):
        if count < extent:
            steps.append(Step("Slice", (axis, start, start + count, 1)))
    if bound > 1:
        steps.append(Step("Reshape", (1, *kept[:-1])))
    return steps + _turned(index.shape, loops, order)


def _turned(shape: tuple[int, ...], loops: list[tuple[int, int]], order: list[int]) -> list[Step]:
    """From axes in the base's ``order`` to the loops' own, backwards where they run so."""
    steps = []
    perm = (0, *(order.index(i) + 1 for i in range(len(loops))))
    if perm != tuple(range(len(perm))):
        steps.append(Step("Transpose", perm))
    for axis, (count, stride) in enumerate(loops, start=1):
        if stride < 0:
            steps.append(Step("Slice", (axis, count - 1, -1, -1)))
    if (1, *(count for count, _ in loops)) != shape:
        steps.append(Step("Reshape", shape))
    return steps
