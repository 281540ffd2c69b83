"""Pending transposes: of which tensor, and what doing one emits."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import Array, Tensor, constant
from microformer.kernels.permute import PERMUTE_RANK

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PendingTranspose:
    """A value that exists in another order only: value = stored.transpose(perm).reshape(shape)."""

    stored: str
    perm: tuple[int, ...]
    shape: Shape

    def same_order(self, other: "PendingTranspose") -> bool:
        """True if equal bytes stored mean equal values."""
        return (self.perm, self.shape) == (other.perm, other.shape)


def moves_nothing(shape: Shape, perm: tuple[int, ...]) -> bool:
    """True if transposing ``shape`` by ``perm`` leaves every byte where it is."""
    moving = [axis for axis in perm if shape[axis] != 1]
    return moving == sorted(moving)


def compose(first: tuple[int, ...], then: tuple[int, ...]) -> tuple[int, ...]:
    """x.transpose(first).transpose(then) = x.transpose(compose(first, then))."""
    return tuple(first[axis] for axis in then)


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    """The transpose that undoes ``perm``."""
    return tuple(int(axis) for axis in np.argsort(perm))


def stored_source_perm(value: Tensor, perm: tuple[int, ...]) -> tuple[int, ...]:
    """``source_perm`` of the tensor that, transposed by ``perm``, is ``value``."""
    return compose(value.source_perm or tuple(range(len(perm))), inverse(perm))


def regroup(
    shape: Shape, perm: tuple[int, ...], target: Shape
) -> tuple[Shape, tuple[int, ...]] | None:
    """Reshape first, transpose later: (stored shape, perm) that give the same value, or None.

    ``shape`` is stored; its transpose by ``perm`` is reshaped to ``target``. Possible where each
    run of axes that the reshape merges or splits also lies together, in order, in ``shape``.
    """
    value = [shape[axis] for axis in perm]
    groups: list[tuple[list[int], list[int]]] = []  # (stored axes, target axes), both in order
    i = j = 0
    while i < len(value) or j < len(target):
        mine: list[int] = []
        theirs: list[int] = []
        left = right = 1
        while left != right or not (mine or theirs):
            if (left <= right and i < len(value)) or j >= len(target):
                if i >= len(value):
                    return None
                left, i = left * value[i], i + 1
                mine.append(perm[i - 1])
            else:
                right, j = right * target[j], j + 1
                theirs.append(j - 1)
        groups.append((mine, theirs))
    moving = [[a for a in mine if shape[a] != 1] for mine, _ in groups]
    rank = {a: r for r, a in enumerate(a for a in range(len(shape)) if shape[a] != 1)}
    for axes in moving:
        if any(rank[b] != rank[a] + 1 for a, b in pairwise(axes)):
            return None
    order = sorted(range(len(groups)), key=lambda g: (rank[moving[g][0]] if moving[g] else -1, g))
    axes_in_order = [axis for g in order for axis in groups[g][1]]
    return tuple(target[a] for a in axes_in_order), inverse(tuple(axes_in_order))


def apart(shape: Shape, perm: tuple[int, ...]) -> int:
    """How many axes a transpose moves: neighbours that stay together are one."""
    order = [axis for axis in perm if shape[axis] != 1]
    place = {axis: i for i, axis in enumerate(sorted(order))}
    return len(order) - sum(place[b] == place[a] + 1 for a, b in pairwise(order))


def in_steps(shape: Shape, perm: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Transposes one after another that are ``perm``, none of more axes than the kernel moves.

    Each brings as many as it can of the first axes to their places, the others as they stand.
    """
    if apart(shape, perm) <= PERMUTE_RANK:
        return [perm]
    for placed in range(len(perm), 0, -1):
        first = (*perm[:placed], *sorted(perm[placed:]))
        if 1 < apart(shape, first) <= PERMUTE_RANK:
            moved = tuple(shape[axis] for axis in first)
            return [first, *in_steps(moved, compose(inverse(first), perm))]
    raise AssertionError(perm)  # one axis in front alone moves three at most


class Rebuilt:
    """The graph under reconstruction, and the transposes that are pending in it."""

    def __init__(self, graph: IntGraph) -> None:
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.nodes: list[Node] = []
        self._open: dict[str, PendingTranspose] = {}
        self._views: dict[tuple[str, Shape], str] = {}
        self._names = {node.name for node in graph.nodes}

    def get(self, name: str) -> PendingTranspose | None:
        """The pending transpose of a tensor, None if it is there as it is."""
        return self._open.get(name)

    def emit(self, node: Node) -> None:
        """Append a node."""
        self.nodes.append(node)

    def defer(self, name: str, pending: PendingTranspose) -> None:
        """``name`` is made from ``pending.stored`` if asked for; at once where that is free."""
        self._open[name] = pending
        if moves_nothing(self.tensors[pending.stored].shape, pending.perm):
            self.settle(name)

    def order(self, pending: PendingTranspose) -> Array:
        """Flat index into the stored bytes for every element of the value: int64 [*shape]."""
        shape = self.tensors[pending.stored].shape
        indices = np.arange(math.prod(shape)).reshape(shape)
        return indices.transpose(pending.perm).reshape(pending.shape)

    def apply(self, names: tuple[str, ...]) -> None:
        """Do every transpose that is pending among ``names``."""
        for name in names:
            self.settle(name)

    def settle(self, name: str) -> None:
        """Emit what makes tensor ``name`` itself."""
        pending = self._open.pop(name, None)
        if pending is None:
            return
        stored = self.tensors[pending.stored]
        moved = tuple(stored.shape[axis] for axis in pending.perm)
        for part, perm in enumerate(in_steps(stored.shape, pending.perm)[:-1]):
            shape = tuple(stored.shape[axis] for axis in perm)
            between = f"{name}.turned{part}"
            self.tensors[between] = Tensor(between, shape, stored.dtype, stored.qparams)
            self.emit(Node(self._name(between), ops.Transpose(perm), (stored.name,), between))
            left = compose(inverse(perm), pending.perm)
            pending, stored = replace(pending, perm=left), self.tensors[between]
        if moves_nothing(stored.shape, pending.perm):
            self.emit(Node(self._name(name), ops.Reshape(pending.shape), (stored.name,), name))
        elif moved == pending.shape:
            self.emit(Node(self._name(name), ops.Transpose(pending.perm), (stored.name,), name))
        else:
            middle = f"{name}.moved"
            self.tensors[middle] = Tensor(middle, moved, stored.dtype, stored.qparams)
            node = Node(self._name(middle), ops.Transpose(pending.perm), (stored.name,), middle)
            self.emit(node)
            self.emit(Node(self._name(name), ops.Reshape(pending.shape), (middle,), name))

    def view(self, name: str, shape: Shape) -> str:
        """The same bytes under another shape: ``name`` itself where it has it."""
        tensor = self.tensors[name]
        if tensor.shape == shape:
            return name
        key = (name, shape)
        if key not in self._views:
            made = f"{name}.as_{'x'.join(map(str, shape))}"
            self.tensors[made] = Tensor(made, shape, tensor.dtype, tensor.qparams)
            self.emit(Node(self._name(made), ops.Reshape(shape), (name,), made))
            self._views[key] = made
        return self._views[key]

    def constant(self, name: str, data: Array) -> str:
        """A constant like ``name`` with its elements in another order."""
        made, count = f"{name}.laid", 2
        while made in self.tensors:
            made, count = f"{name}.laid{count}", count + 1
        self.tensors[made] = constant(made, data, self.tensors[name].qparams)
        return made

    def hand_on(
        self,
        node: Node,
        op: ops.Op,
        inputs: tuple[str, ...],
        stored: Shape,
        pending: PendingTranspose,
    ) -> None:
        """Emit ``node`` as ``op`` on stored bytes; what its input was pending, its output is."""
        value = self.tensors[node.output]
        name = f"{node.output}.stored"
        plain = tuple(stored[axis] for axis in pending.perm) == value.shape
        self.tensors[name] = replace(
            value,
            name=name,
            shape=stored,
            source=value.source if plain else "",
            source_perm=stored_source_perm(value, pending.perm) if plain else None,
        )
        self.emit(Node(node.name, op, inputs, name))
        self.defer(node.output, PendingTranspose(name, pending.perm, value.shape))

    def _name(self, wish: str) -> str:
        name, count = wish, 2
        while name in self._names:
            name, count = f"{wish}_{count}", count + 1
        self._names.add(name)
        return name
