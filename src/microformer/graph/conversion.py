"""What ``quantize`` makes before any pass rewrites it: every float value still has its tensor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.int_graph import IntGraph


@dataclass(frozen=True, eq=False)
class Conversion:
    """An IntGraph node by node of its FloatModel.

    ``tensors`` maps the name of each computed float value [1, ...] to the int tensor that stands
    for it, of as many elements in the same order. ``nodes`` maps the name of each float node to
    the names of the integer nodes that do its work; none where another node's saturation does it.
    ``parts`` has the groups of rows (start, stop, int tensor) of a value that has such; its own
    tensor is all of them at one scale then.
    """

    model: FloatModel
    ranges: Ranges
    graph: IntGraph
    tensors: Mapping[str, str]
    nodes: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, tuple[tuple[int, int, str], ...]] = field(default_factory=dict)
