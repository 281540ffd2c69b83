"""The IntGraph under construction."""

from dataclasses import dataclass, field

import numpy as np

from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.ops import Op
from microformer.graph.tensor import Array, QParams, Tensor, constant


@dataclass
class Builder:
    """Collects tensors and nodes with unique names."""

    name: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _node_names: set[str] = field(default_factory=set)

    def tensor(
        self, name: str, shape: tuple[int, ...], qparams: QParams | None, source: str = ""
    ) -> str:
        """A new activation of its scale's type; returns its (unique) name."""
        unique = self._unique(name, self.tensors)
        dtype = "int8" if qparams is None else qparams.dtype
        self.tensors[unique] = Tensor(unique, shape, dtype, qparams, None, source)
        return unique

    def constant(self, name: str, data: Array, qparams: QParams | None = None) -> str:
        """A new constant; returns its (unique) name."""
        unique = self._unique(name, self.tensors)
        self.tensors[unique] = constant(unique, data, qparams)
        return unique

    def node(self, name: str, op: Op, inputs: tuple[str, ...], output: str) -> str:
        """A new node; returns its output's name."""
        unique = self._unique(name, self._node_names)
        self._node_names.add(unique)
        self.nodes.append(Node(unique, op, inputs, output))
        return output

    def table(self, name: str, entries: Array) -> str:
        """A table of a function; the same table is stored once."""
        for known in self.tensors.values():
            if (
                known.data is not None
                and known.shape == entries.shape
                and known.dtype == str(entries.dtype)
                and np.array_equal(known.data, entries)
            ):
                return known.name
        return self.constant(name, entries)

    def graph(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...], kept: tuple[str, ...] = ()
    ) -> IntGraph:
        """What was built, without what neither an output nor one of ``kept`` needs."""
        nodes, notes = tuple(self.nodes), tuple(self.notes)
        return IntGraph(self.name, self.tensors, nodes, inputs, outputs, notes).pruned(kept)

    @staticmethod
    def _unique(name: str, taken: dict[str, Tensor] | set[str]) -> str:
        candidate, count = name, 2
        while candidate in taken:
            candidate, count = f"{name}_{count}", count + 1
        return candidate
