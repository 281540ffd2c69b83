"""Transposes absorbed by layouts: they sink through what does not mind, and meet, and cancel.

A convolution wants its channels last, the user's model has them first, so ``quantize`` puts a
Transpose before each and one after it. One sweep in execution order takes every Transpose out and
remembers it as pending of its output (pending.py). An operation that can work on the stored bytes
does so and hands it on; for one that cannot it is done. Two that are each other's inverse
never cost anything.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import Array, constant
from microformer.quantize.passes.pending import (
    PendingTranspose,
    Rebuilt,
    compose,
    inverse,
    regroup,
    stored_source_perm,
)

Moved = Callable[[int], ops.Op]


def transposed_bytes(graph: IntGraph) -> int:
    """Bytes that Transposes copy in one inference."""
    copied = (node for node in graph.nodes if isinstance(node.op, ops.Transpose))
    return sum(graph.tensors[node.output].nbytes for node in copied)


def label_sources(graph: IntGraph) -> tuple[IntGraph, bool]:
    """A tensor without a float counterpart takes that of the Transpose or Reshape behind it.

    Ensures: SQNR per layer finds a convolution's output once the Transpose behind it is gone.
    """
    tensors = dict(graph.tensors)
    for node in reversed(graph.nodes):
        if not isinstance(node.op, ops.Transpose | ops.Reshape):
            continue
        before, after = tensors[node.inputs[0]], tensors[node.output]
        if before.source or not after.source or before.data is not None:
            continue
        if isinstance(node.op, ops.Transpose):
            perm = stored_source_perm(after, node.op.perm)
            tensors[before.name] = replace(before, source=after.source, source_perm=perm)
        elif after.source_perm is None:
            tensors[before.name] = replace(before, source=after.source)
    changed = any(tensors[name] is not graph.tensors[name] for name in tensors)
    return replace(graph, tensors=tensors), changed


def sink_transposes(graph: IntGraph) -> tuple[IntGraph, bool]:
    """As many Transposes as layouts can absorb are gone; kept only if fewer bytes are copied.

    Requires: ``label_sources``. Ensures: the same outputs, bit for bit. Idempotent: a second
    sweep finds nothing that is cheaper.
    """
    before = transposed_bytes(graph)
    if before == 0:
        return graph, False
    swept = _Sweep(graph).run()
    return (swept, True) if transposed_bytes(swept) < before else (graph, False)


def collapse_leading(data: Array) -> Array:
    """``data`` without leading axes over which it only repeats itself."""
    while data.ndim > 1 and (data == data[:1]).all():
        data = data[0]
    return data


class _Sweep:
    """One pass over the nodes in execution order."""

    def __init__(self, graph: IntGraph) -> None:
        self._graph = graph
        self._made = Rebuilt(graph)

    def run(self) -> IntGraph:
        """The new graph."""
        for node in self._graph.nodes:
            if not self._sunk(node):
                self._made.apply(node.inputs)
                self._made.emit(node)
        for name in self._graph.outputs:
            self._made.settle(name)
        nodes, tensors = tuple(self._made.nodes), self._made.tensors
        return replace(self._graph, tensors=tensors, nodes=nodes).pruned()

    def _sunk(self, node: Node) -> bool:
        """True if the node became pending, or was emitted on stored bytes."""
        op = node.op
        match op:
            case ops.Transpose():
                return self._transpose(node, op)
            case ops.Reshape():
                return self._reshape(node, op)
            case ops.Lut() | ops.Requantize():
                return self._elementwise(node, 1)
            case ops.Add() | ops.Mul():
                return self._elementwise(node, 2)
            case ops.Linear():
                return self._last_axis(node) or self._shuffled_linear(node)
            case ops.LayerNorm() | ops.Softmax() | ops.FineSoftmax():
                return self._last_axis(node)
            case ops.Slice() | ops.Concat():
                return self._along(node, op)
            case ops.Mean():
                return self._mean(node, op)
            case _:
                return False

    def _plain(self, name: str) -> PendingTranspose | None:
        """A pending Transpose, and no Reshape after it."""
        pending = self._made.get(name)
        if pending is None:
            return None
        stored = self._made.tensors[pending.stored].shape
        return pending if tuple(stored[axis] for axis in pending.perm) == pending.shape else None

    def _transpose(self, node: Node, op: ops.Transpose) -> bool:
        source, shape = node.inputs[0], self._graph.tensors[node.output].shape
        data = self._graph.tensors[source].data
        if data is not None:
            qparams = self._graph.tensors[node.output].qparams
            self._made.tensors[node.output] = constant(
                node.output, data.transpose(op.perm), qparams
            )
            return True
        if self._made.get(source) is not None and self._plain(source) is None:
            self._made.settle(source)
        pending = self._made.get(source) or PendingTranspose(
            source, tuple(range(len(shape))), shape
        )
        self._made.defer(
            node.output, PendingTranspose(pending.stored, compose(pending.perm, op.perm), shape)
        )
        return True

    def _reshape(self, node: Node, op: ops.Reshape) -> bool:
        pending = self._made.get(node.inputs[0])
        if pending is None:
            return False
        stored = self._made.tensors[pending.stored].shape
        grouped = regroup(stored, pending.perm, op.shape) if self._plain(node.inputs[0]) else None
        if grouped is None:
            self._made.defer(node.output, replace(pending, shape=op.shape))
            return True
        view = self._made.view(pending.stored, grouped[0])
        self._made.defer(node.output, PendingTranspose(view, grouped[1], op.shape))
        return True

    def _elementwise(self, node: Node, operands: int) -> bool:
        """The same operation on the stored bytes, whatever their order."""
        names = node.inputs[:operands]
        pending = next((d for d in map(self._made.get, names) if d is not None), None)
        if pending is None:
            return False
        stored = self._made.tensors[pending.stored].shape
        shape = self._graph.tensors[node.output].shape
        inputs = list(node.inputs)
        for i, name in enumerate(names):
            data, mine = self._graph.tensors[name].data, self._made.get(name)
            if data is not None:
                laid = np.empty(int(np.prod(stored)), data.dtype)
                laid[self._made.order(pending).reshape(-1)] = np.broadcast_to(data, shape).reshape(
                    -1
                )
                inputs[i] = self._made.constant(name, collapse_leading(laid.reshape(stored)))
            elif mine is not None and mine.same_order(pending):
                if self._made.tensors[mine.stored].shape != stored:
                    return False
                inputs[i] = mine.stored
            else:
                return False
        self._made.hand_on(node, node.op, tuple(inputs), stored, pending)
        return True

    def _last_axis(self, node: Node) -> bool:
        """Works along the last axis: the axes before it may stand in any order."""
        pending = self._plain(node.inputs[0])
        if pending is None or pending.perm[-1] != len(pending.perm) - 1:
            return False
        stored = self._made.tensors[pending.stored].shape
        shape = (*stored[:-1], self._graph.tensors[node.output].shape[-1])
        self._made.hand_on(node, node.op, (pending.stored, *node.inputs[1:]), shape, pending)
        return True

    def _shuffled_linear(self, node: Node) -> bool:
        """An order of the columns that all rows share goes into the weights.

        The row x'[j] = x[order[j]] times w is x times w' with w'[order[j]] = w[j].
        """
        pending = self._made.get(node.inputs[0])
        weight = self._graph.tensors[node.inputs[1]].data
        if pending is None or weight is None:
            return False
        width = int(weight.shape[1])
        order = self._made.order(pending).reshape(-1, width)
        columns = order[0]
        starts = np.arange(len(order))[:, None] * width
        if columns.max() >= width or not (order == starts + columns).all():
            return False
        laid = np.empty_like(weight)
        laid[:, columns] = weight
        x = self._made.view(pending.stored, pending.shape)
        inputs = (x, self._made.constant(node.inputs[1], laid), *node.inputs[2:])
        self._made.emit(replace(node, inputs=inputs))
        return True

    def _along(self, node: Node, op: ops.Slice | ops.Concat) -> bool:
        """Cuts or joins along one axis, which is another one of the stored tensors."""
        pending = next((d for d in map(self._plain, node.inputs) if d is not None), None)
        if pending is None:
            return False
        back = inverse(pending.perm)
        inputs = []
        for name in node.inputs:
            data, mine = self._graph.tensors[name].data, self._plain(name)
            if data is not None:
                inputs.append(self._made.constant(name, data.transpose(back)))
            elif mine is not None and mine.perm == pending.perm:
                inputs.append(mine.stored)
            else:
                return False
        shape = self._graph.tensors[node.output].shape
        stored = tuple(shape[axis] for axis in back)
        moved = replace(op, axis=pending.perm[op.axis])
        self._made.hand_on(node, moved, tuple(inputs), stored, pending)
        return True

    def _mean(self, node: Node, op: ops.Mean) -> bool:
        """Averages other axes; those that are left keep their order among themselves."""
        pending = self._plain(node.inputs[0])
        if pending is None:
            return False
        axes = tuple(sorted(pending.perm[axis] for axis in op.axes))
        if axes != tuple(range(axes[0], axes[0] + len(axes))):
            return False
        left = [axis for i, axis in enumerate(pending.perm) if i not in op.axes]
        place = {axis: i for i, axis in enumerate(sorted(left))}
        stored = self._made.tensors[pending.stored].shape
        shape = tuple(d for i, d in enumerate(stored) if i not in axes)
        deferred = PendingTranspose(pending.stored, tuple(place[axis] for axis in left), ())
        self._made.hand_on(node, replace(op, axes=axes), (pending.stored,), shape, deferred)
        return True
