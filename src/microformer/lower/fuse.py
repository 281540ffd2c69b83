"""Operations that a kernel does as one: attention and projections, convolution and pooling."""

from dataclasses import replace

from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.ops import (
    Attention,
    AttentionBlock,
    Conv2d,
    ConvPool,
    Linear,
    MaxPool2d,
    Reshape,
)
from microformer.kernels.prices import cycles as price
from microformer.kernels.registry import candidates, select
from microformer.targets import Target


def fuse(graph: IntGraph, target: Target, preferred: frozenset[str] = frozenset()) -> IntGraph:
    """``graph`` with AttentionBlock and ConvPool wherever they gain.

    Where kernels are ``preferred``, wherever one of those can do it, and nowhere else.

    They are no slower then, and need no more memory, or fit L1. Wanted of attention: q, k and v are
    Linear of one x, the context goes to a Linear, none has a table, and nobody else reads what lies
    between.
    """
    for node in graph.nodes:
        if isinstance(node.op, Attention):
            graph = _fused(graph, node, target, preferred)
    return _pooled(graph, target, preferred)


def _fused(graph: IntGraph, node: Node, target: Target, preferred: frozenset[str]) -> IntGraph:
    makers = {n.output: n for n in graph.nodes}
    readers = graph.consumers()
    inner = (*node.inputs[:3], node.output)
    if len(set(inner)) < 4 or any(len(readers.get(t, [])) != 1 for t in inner):
        return graph
    if set(inner) & {*graph.outputs, *graph.inputs}:
        return graph
    projections = [makers.get(name) for name in node.inputs[:3]] + [readers[node.output][0]]
    found = [p for p in projections if p is not None and _is_plain(graph, p)]
    if len(found) < 4 or len({p.inputs[0] for p in found[:3]}) > 1:
        return graph
    shifts = [p.op.shift for p in found if isinstance(p.op, Linear)]
    assert isinstance(node.op, Attention)
    op = AttentionBlock(node.op, (shifts[0], shifts[1], shifts[2]), shifts[3])
    constants = [name for p in found for name in p.inputs[1:4]]
    block = Node(node.name, op, (found[0].inputs[0], *constants, *node.inputs[3:]), found[3].output)
    if not _pays(graph, block, [*found, node], target, preferred):
        return graph
    gone = {p.name for p in found[:3]} | {node.name}
    kept = [block if n.name == found[3].name else n for n in graph.nodes if n.name not in gone]
    return replace(graph, nodes=tuple(kept)).pruned()


def _is_plain(graph: IntGraph, node: Node) -> bool:
    """A matrix product of rows, without a table."""
    if not isinstance(node.op, Linear) or node.op.acc64 or node.op.bits > 8 or any(node.inputs[4:]):
        return False
    x = graph.tensors[node.inputs[0]]
    return len(x.shape) == 2 and x.data is None


def _pays(
    graph: IntGraph, block: Node, parts: list[Node], target: Target, preferred: frozenset[str]
) -> bool:
    """True if the best kernel of the block costs no more cycles and bytes than its parts'."""
    operands, output = graph.operands(block), graph.tensors[block.output]
    choices = candidates(block.op, operands, output, target)
    if preferred:
        return any(kernel.symbol in preferred for kernel in choices)
    if all(kernel.isa == "ref" for kernel in choices):
        return False
    kernel = select(block.op, operands, output, target)
    cycles, scratch = 0.0, 0
    for part in parts:
        given, made = graph.operands(part), graph.tensors[part.output]
        chosen = select(part.op, given, made, target)
        cycles += price(chosen, part.op, given, made, target)
        scratch = max(scratch, chosen.scratch(part.op, given, made, target))
    between = sum(graph.tensors[p.output].nbytes for p in parts if p.output != block.output)
    if (
        not kernel.weighed
        and kernel.scratch(block.op, operands, output, target) > between + scratch
    ):
        return False
    return price(kernel, block.op, operands, output, target) <= 1.02 * cycles


def _pooled(graph: IntGraph, target: Target, preferred: frozenset[str]) -> IntGraph:
    """``graph`` with ConvPool for a convolution whose only reader is a max pooling.

    Only where a kernel faster than the reference does both, and no window touches padding.
    """
    kept: dict[str, Node] = {node.output: node for node in graph.nodes}
    for node in graph.nodes:
        if not isinstance(node.op, Conv2d) or node.op.acc64:
            continue
        behind = _only_reader(graph, node)
        pool = behind.op if behind is not None else None
        if behind is None or not isinstance(pool, MaxPool2d) or any(pool.pads):
            continue
        op = ConvPool(node.op, pool.kernel, pool.stride)
        both = Node(node.name, op, node.inputs, behind.output)
        if _pays(graph, both, [node, behind], target, preferred):
            del kept[node.output]
            kept[both.output] = both
    return replace(graph, nodes=tuple(kept.values())).pruned()


def _only_reader(graph: IntGraph, node: Node) -> Node | None:
    """The one node that reads the result of ``node``, behind Reshapes that change nothing."""
    found = graph.consumers().get(node.output, [])
    if len(found) != 1 or node.output in graph.outputs:
        return None
    (reader,) = found
    same = graph.tensors[reader.output].shape == graph.tensors[node.output].shape
    if isinstance(reader.op, Reshape) and same:
        return _only_reader(graph, reader)
    return reader
