"""What does nothing to a float32 model at inference: casts, copies, expansions that broadcast."""

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.constants import evaluate

_KINDS = {
    **dict.fromkeys((ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16), "float"),
    **dict.fromkeys((ir.DataType.INT64, ir.DataType.INT32), "int"),
}


def drop_copies(graph: ir.Graph) -> bool:
    """Remove Identity, Dropout, Cast between floats or between integers, and what adds nothing."""
    modified = False
    for node in list(graph):
        source = node.inputs[0] if node.inputs else None
        if source is None or node.domain or any(v.uses() for v in node.outputs[1:]):
            continue
        if node.op_type == "Cast":
            target = ir.DataType(node.attributes.get_int("to", 1))
            kind = _KINDS.get(source.dtype or ir.DataType.UNDEFINED)
            drop = kind is not None and kind == _KINDS.get(target)
        else:
            drop = node.op_type in ("Identity", "Dropout")
        if edit.producer(node.outputs[0], "Add", "Sub", "Mul", "Div"):
            drop, source = _neutral(node)
        if drop and source is not None:
            edit.replace(node.outputs[0], source)
            modified = True
    return modified


def _neutral(node: ir.Node) -> tuple[bool, ir.Value | None]:
    """(whether, x) of x + 0, x - 0, x * 1, x / 1 with a constant that does not enlarge x."""
    nothing = 0.0 if node.op_type in ("Add", "Sub") else 1.0
    pairs = [(node.inputs[0], node.inputs[1])]
    pairs += [(node.inputs[1], node.inputs[0])] if node.op_type in ("Add", "Mul") else []
    for x, other in pairs:
        data = edit.array_of(other)
        if x is None or data is None or edit.array_of(x) is not None:
            continue
        alike = edit.shape_of(x) == edit.shape_of(node.outputs[0])
        if alike and data.dtype.kind == "f" and bool(np.all(data == nothing)):
            return edit.quant_of(node.outputs[0]) in (None, edit.quant_of(x)), x
    return False, None


def drop_expands(graph: ir.Graph) -> bool:
    """Remove an Expand whose readers are Add and Mul that broadcast to the same shape anyway."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "Expand"):
            continue
        source, output = node.inputs[0], node.outputs[0]
        if source is None or output.is_graph_output():
            continue
        readers = [use.node for use in output.uses()]
        if all(_broadcasts(reader, output, source) for reader in readers):
            edit.redirect(output, source, readers)
            modified = True
    return modified


def _broadcasts(reader: ir.Node, old: ir.Value, new: ir.Value) -> bool:
    """Whether an Add or Mul gives the same shape with ``new`` in place of ``old``."""
    if reader.op_type not in ("Add", "Mul") or reader.inputs[0] is reader.inputs[1]:
        return False
    other = reader.inputs[1] if reader.inputs[0] is old else reader.inputs[0]
    return other is not None and edit.shape_of(other) == edit.shape_of(reader.outputs[0])


def fold_constant_nodes(graph: ir.Graph) -> bool:
    """What a pass has left with constant inputs only is a constant."""
    modified = False
    for node in list(graph):
        arrays = [edit.array_of(v) for v in node.inputs]
        absent = [v is None for v in node.inputs]
        if not arrays or any(a is None and not b for a, b in zip(arrays, absent, strict=True)):
            continue
        if node.domain or len(node.outputs) != 1 or node.outputs[0].is_graph_output():
            continue
        edit.replace(node.outputs[0], edit.constant(node, evaluate(node, arrays)))
        modified = True
    return modified


def expand_operands(graph: ir.Graph) -> bool:
    """Of a sum or product that repeats both its activations the larger is expanded before."""
    modified = False
    for node in list(graph):
        if not edit.producer(node.outputs[0], "Add", "Mul") or len(node.inputs) != 2:
            continue
        shape = edit.shape_of(node.outputs[0])
        values = [v for v in node.inputs if v is not None and edit.array_of(v) is None]
        if len(values) != len(node.inputs) or any(edit.shape_of(v) == shape for v in values):
            continue
        large = max(values, key=edit.size_of)
        target = edit.constant(node, np.array(shape, np.int64))
        full = edit.insert(node, "Expand", [large, target], shape)
        edit.redirect(large, full, [node])
        modified = True
    return modified
