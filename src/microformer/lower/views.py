"""Which tensors need no bytes of their own: reshapes, contiguous slices, parts of a Concat."""

import math

from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import View
from microformer.graph.ops import Concat, Reshape, Slice
from microformer.graph.tensor import Tensor


def find_views(graph: IntGraph) -> tuple[dict[str, View], frozenset[str]]:
    """Tensors that live inside another's buffer: name -> (buffer, byte offset), no chains.

    Also the names among them that nothing has to compute (another name for bytes already there).

    Reshape: the same bytes. Slice of step 1 along the outermost axis longer than 1: a run of
    bytes. Concat along the outermost axis: each part is written in place by its producer, if
    that is all the part is for.
    """
    direct: dict[str, View] = {}
    for node in graph.nodes:
        if isinstance(node.op, Reshape) and graph.tensors[node.inputs[0]].data is None:
            direct[node.output] = View(node.inputs[0], 0)
        elif isinstance(node.op, Slice):
            offset = _slice_offset(node.op, graph.tensors[node.inputs[0]])
            if offset is not None:
                direct[node.output] = View(node.inputs[0], offset)
    aliases = frozenset(direct)
    readers = graph.consumers()
    for node in graph.nodes:
        if isinstance(node.op, Concat) and _is_outermost(node, graph):
            for name, offset in _parts(graph, node):
                home = _own_buffer(graph, name, readers, direct)
                if home:
                    direct[home] = View(node.output, offset)
    return {name: _root(direct, name) for name in direct}, aliases


def _root(direct: dict[str, View], name: str) -> View:
    view = direct[name]
    while view.base in direct:
        outer = direct[view.base]
        view = View(outer.base, outer.offset + view.offset)
    return view


def _slice_offset(op: Slice, source: Tensor) -> int | None:
    """Byte offset of a slice that is one run of bytes, None if it is not."""
    if op.step != 1 or math.prod(source.shape[: op.axis]) != 1:
        return None
    return op.start * source.nbytes // source.shape[op.axis]


def _is_outermost(node: Node, graph: IntGraph) -> bool:
    assert isinstance(node.op, Concat)
    return math.prod(graph.tensors[node.output].shape[: node.op.axis]) == 1


def _parts(graph: IntGraph, node: Node) -> list[tuple[str, int]]:
    """(part, byte offset) for the parts of a Concat along its outermost axis."""
    offset, parts = 0, []
    for name in node.inputs:
        parts.append((name, offset))
        offset += graph.tensors[name].nbytes
    return parts


def _own_buffer(
    graph: IntGraph, name: str, readers: dict[str, list[Node]], direct: dict[str, View]
) -> str:
    """The buffer that a part is written to, if it serves this Concat alone; else empty.

    Walks back through reshapes, which have no buffer of their own.
    """
    while True:
        if graph.tensors[name].data is not None or name in {*graph.inputs, *graph.outputs}:
            return ""
        if len(readers[name]) != 1 or readers[name][0].inputs.count(name) != 1:
            return ""
        if name not in direct:
            return name
        base = direct[name].base
        if direct[name].offset or graph.tensors[base].nbytes != graph.tensors[name].nbytes:
            return ""
        name = base
