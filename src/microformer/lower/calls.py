"""Nodes to kernel calls: the variant is chosen, constants are packed, arguments laid out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from microformer.graph.cost import describe, macs
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import Arg, KernelCall, View
from microformer.graph.ops import Concat
from microformer.graph.tensor import Tensor
from microformer.kernels.registry import select
from microformer.kernels.signatures import arguments


@dataclass
class Lowering:
    """The KernelGraph under construction. ``aliases`` are tensors that nothing computes."""

    graph: IntGraph
    views: dict[str, View]
    aliases: frozenset[str]
    isas: tuple[str, ...]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    calls: list[KernelCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tensors.update(self.graph.tensors)
