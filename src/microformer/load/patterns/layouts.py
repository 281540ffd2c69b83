"""Layout chains made minimal, and Reshapes moved out of the way of what they do not concern."""

import onnx_ir as ir

from microformer.load import edit
from microformer.load.layout import emit, last_view, layout_node, linear_rows, slice_steps, trace
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
        if steps is None:
            return _simplify_one(value, node)
        if steps == _steps_of(value):
            return False
        result = emit(view.base, steps, node)
    if value.is_graph_output():
        edit.replace(value, result)
    else:
        edit.redirect(value, result, readers)
    return True


def _simplify_one(value: ir.Value, node: ir.Node) -> bool:
    """Make the last operation of an irregular chain canonical by itself."""
    source = node.inputs[0]
    if source is None or node.op_type in ("Reshape", "Transpose"):
        return False
    if node.op_type == "Slice":
        steps = slice_steps(node, edit.shape_of(source))
        if len(steps) == 1:
            return False
    else:
        found = plan(last_view(value).index, edit.shape_of(source))
        if found is None:
            return False
        steps = found
    edit.replace(value, emit(source, steps, node))
    return True


def _steps_of(value: ir.Value) -> list[Step] | None:
    """The canonical steps that a chain consists of, or None if it has other operations."""
    steps: list[Step] = []
    while (node := layout_node(value)) is not None and node.inputs[0] is not None:
        if node.op_type == "Reshape":
            steps.append(Step("Reshape", edit.shape_of(value)))
        elif node.op_type == "Transpose":
            steps.append(Step("Transpose", tuple(edit.ints_attribute(node, "perm", []))))
        elif node.op_type == "Slice":
            own = slice_steps(node, edit.shape_of(node.inputs[0]))
            if len(own) != 1:
                return None
            steps.extend(own)
        else:
            return None
        value = node.inputs[0]
    return steps[::-1]
