"""IntGraph: the program of integers that ``quantize`` makes and every later stage obeys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.page.tables import html_table

ProgramKind = Literal["network", "front end"]
"""What a program is: a network, or what makes a network's input of a sensor's samples."""


@dataclass(frozen=True)
class Node:
    """One operation. ``name`` is unique and comes from the user's model where it can."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    output: str

    def __str__(self) -> str:
        return f"{self.output} = {self.op}({', '.join(self.inputs)})  # {self.name}"


@dataclass(frozen=True, eq=False, repr=False)
class IntGraph:
    """Nodes in topological order over named tensors (activations and constants).

    An empty string among a node's inputs means that an optional input is absent. ``notes`` are
    sentences about what quantising it could not do as well as one would expect. ``kind`` is what
    the program is to a firmware. ``states`` are pairs (input, output) of one shape and scale that
    are kept from call to call.
    """

    name: str
    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    kind: ProgramKind = "network"
    states: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def operands(self, node: Node) -> tuple[Tensor | None, ...]:
        """The node's input tensors in order, None where an optional one is absent."""
        return tuple(self.tensors[name] if name else None for name in node.inputs)

    def constants(self) -> Iterator[Tensor]:
        """All constant tensors, in the order of their definition."""
        return (t for t in self.tensors.values() if t.data is not None)

    def consumers(self) -> dict[str, list[Node]]:
        """For each tensor name, the nodes that read it, in order."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(n for n in node.inputs if n):
                readers.setdefault(name, []).append(node)
        return readers

    def pruned(self, kept: tuple[str, ...] = ()) -> "IntGraph":
        """The same graph without nodes and tensors that no output, and none of ``kept``, needs."""
        needed = {*self.outputs, *kept}
        nodes: list[Node] = []
        for node in reversed(self.nodes):
            if node.output in needed:
                nodes.append(node)
                needed.update(n for n in node.inputs if n)
        needed.update(self.inputs)
        tensors = {n: t for n, t in self.tensors.items() if n in needed}
        return replace(self, tensors=tensors, nodes=tuple(reversed(nodes)))

    def __repr__(self) -> str:
        ends = [*(("in ", n) for n in self.inputs), *(("out", n) for n in self.outputs)]
        shown = "".join(f"\n  {what} {self.tensors[name]}" for what, name in ends)
        size = sum(tensor.nbytes for tensor in self.constants())
        return f"IntGraph {self.name}, {len(self.nodes)} nodes, {size:,} B of constants{shown}"

    def _repr_html_(self) -> str:
        rows = [(n.name, n.op.kind, self.tensors[n.output]) for n in self.nodes]
        ends = [*(("input", n) for n in self.inputs), *(("output", n) for n in self.outputs)]
        whole = html_table(
            [(what, self.tensors[name]) for what, name in ends], caption=f"{self.name}, integers"
        )
        return whole + html_table(rows, ("node", "operation", "output"), fold=f"{len(rows)} nodes")

    def __str__(self) -> str:
        lines = [f"int graph {self.name}"]
        lines += [f"  in   {self.tensors[n]}" for n in self.inputs]
        for node in self.nodes:
            lines.append(f"  {self.tensors[node.output]}")
            lines.append(f"      = {node.op}({', '.join(n or '-' for n in node.inputs)})")
        lines += [f"  out  {self.tensors[n]}" for n in self.outputs]
        return "\n".join(lines)
