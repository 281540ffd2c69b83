"""Chains of layout operations made minimal, or moved into the weights that they reorder."""

from itertools import pairwise

import onnx_ir as ir

from microformer.load import edit
from microformer.load.layout import (
    apply,
    chain_of,
    emit,
    indices,
    layout_node,
    linear_rows,
    slice_steps,
    take,
    trace,
)
from microformer.load.steps import Step, plan


def simplify_layouts(graph: ir.Graph) -> bool:
    """Rewrite each maximal chain of layout operations as its plan, or into its Linear's rows."""
    modified = False
    for node in list(graph):
        for output in node.outputs:
            if layout_node(output) is None:
                continue
            readers = [u.node for u in output.uses() if not _continues(u.node, output)]
            if readers or output.is_graph_output():
                modified |= _simplify(output, readers)
    return modified


def _continues(reader: ir.Node, value: ir.Value) -> bool:
    """Whether ``reader`` is a layout operation on ``value``."""
    return reader.inputs[0] is value and layout_node(reader.outputs[0]) is not None


def _simplify(value: ir.Value, readers: list[ir.Node]) -> bool:
    node = value.producer()
    assert node is not None
    view = trace(value)
    result = linear_rows(view, node)
    if result is None:
        steps = plan(view.index, edit.shape_of(view.base))
        old = _steps_of(value)
        if steps is None and _is_take(value):
            return False
        if steps is None:
            steps = _piecewise(value)
            if steps is not None and old is not None and len(old) <= len(steps):
                return False
        if steps is not None and steps == old:
            return False
        result = take(view, node) if steps is None else emit(view.base, steps, node)
    if value.is_graph_output():
        edit.replace(value, result)
    else:
        edit.redirect(value, result, readers)
    return True


def _piecewise(value: ir.Value) -> list[Step] | None:
    """The plans of the longest regular stretches of a chain one after the other.

    Each operation is regular by itself unless it repeats elements; then the answer is None.
    """
    base, chain = chain_of(value)
    steps: list[Step] = []
    shape = edit.shape_of(base)
    index = indices(shape)
    for node, output in chain:
        longer = apply(node, output, index)
        if plan(longer, shape) is None:
            before = index.shape
            joint = index.reshape(1, *(before[1:] if before[0] == 1 else before))
            steps += plan(joint, shape) or []
            shape = joint.shape
            longer = apply(node, output, indices(shape).reshape(before))
            if plan(longer, shape) is None:
                return None
        index = longer
    last = plan(index, shape)
    return None if last is None else steps + last


def _is_take(value: ir.Value) -> bool:
    """Whether a chain is what ``take`` makes: rows of a matrix by a list, between plain steps."""
    chain = chain_of(value)[1]
    every = [node.op_type for node, _ in chain]
    if any(a == b == "Reshape" for a, b in pairwise(every)):
        return False
    kinds = [kind for kind in every if kind != "Reshape"]
    while kinds[:1] == ["Transpose"] == kinds[-1:] and len(kinds) == 3:
        kinds = kinds[1:-1]
    gather = next((n for n, _ in chain if n.op_type == "Gather"), None)
    if kinds != ["Gather"] or gather is None or gather.inputs[0] is None:
        return False
    return edit.int_attribute(gather, "axis", 0) == 1 and len(edit.shape_of(gather.inputs[0])) == 3


def _steps_of(value: ir.Value) -> list[Step] | None:
    """The canonical steps that a chain consists of, or None if it has others or odd shapes."""
    steps: list[Step] = []
    for node, output in chain_of(value)[1]:
        if edit.shape_of(output)[:1] != (1,) and output is not value:
            return None
        if node.op_type == "Reshape":
            steps.append(Step("Reshape", edit.shape_of(output)))
        elif node.op_type == "Transpose":
            steps.append(Step("Transpose", tuple(edit.ints_attribute(node, "perm", []))))
        elif node.op_type == "Slice" and node.inputs[0] is not None:
            own = slice_steps(node, edit.shape_of(node.inputs[0]))
            if len(own) != 1:
                return None
            steps.extend(own)
        else:
            return None
    return steps
