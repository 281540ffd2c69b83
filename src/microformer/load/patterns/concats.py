"""Concats with constants in them (a class token): what is done to those is done once, here."""

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.layout import emit, slice_steps
from microformer.load.steps import Step


def fold_concats(graph: ir.Graph) -> bool:
    """A sum or product with a constant goes into a Concat's operands, a Slice into one of them."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "Add", "Mul") and len(node.inputs) == 2:
            modified |= _push(node)
        elif edit.producer(node.outputs[0], "Slice"):
            modified |= _pick(node)
    return modified


def _joined(value: ir.Value | None) -> tuple[ir.Node, int, list[tuple[int, int, ir.Value]]] | None:
    """A Concat, its axis, and (start, stop, operand) of each; none where scales were imported."""
    node = edit.producer(value, "Concat")
    if node is None or value is None or edit.quant_of(value) is not None:
        return None
    axis = edit.int_attribute(node, "axis", 0) % len(edit.shape_of(value))
    spans, at = [], 0
    for operand in node.inputs:
        assert operand is not None
        size = edit.shape_of(operand)[axis]
        spans.append((at, at + size, operand))
        at += size
    return node, axis, spans


def _push(node: ir.Node) -> bool:
    """Only where operands are picked from the result again: elsewhere one sum is shorter."""
    if not any(use.node.op_type == "Slice" for use in node.outputs[0].uses()):
        return False
    for value, other in (node.inputs, node.inputs[::-1]):
        data, found = edit.array_of(other), _joined(value)
        if data is None or found is None or value is None or edit.only_user(value) is None:
            continue
        shape = edit.shape_of(node.outputs[0])
        if edit.shape_of(value) != shape or all(edit.array_of(v) is None for *_, v in found[2]):
            continue
        _, axis, spans = found
        full = data.reshape((1,) * (len(shape) - data.ndim) + data.shape)
        parts: list[ir.Value | None] = []
        for start, stop, operand in spans:
            wide = full.shape[axis] > 1
            mine = full[(slice(None),) * axis + (slice(start, stop),)] if wide else full
            constant = edit.array_of(operand)
            if constant is not None:
                made = constant + mine if node.op_type == "Add" else constant * mine
                parts.append(edit.constant(node, np.broadcast_to(made, edit.shape_of(operand))))
            else:
                inputs = [operand, edit.constant(node, mine)]
                parts.append(edit.insert(node, node.op_type, inputs, edit.shape_of(operand)))
        joined = edit.insert(node, "Concat", parts, shape, {"axis": axis})
        joined.dtype = ir.DataType.FLOAT
        edit.replace(node.outputs[0], joined)
        return True
    return False


def _pick(node: ir.Node) -> bool:
    """Rows of one operand of a Concat: that operand, or a Slice of it."""
    source = node.inputs[0]
    found = _joined(source)
    if found is None or source is None:
        return False
    try:
        steps = slice_steps(node, edit.shape_of(source))
    except (IndexError, TypeError):
        return False
    _, axis, spans = found
    if len(steps) != 1 or steps[0].value[0] != axis or steps[0].value[3] != 1:
        return False
    _, first, last, _ = steps[0].value
    for start, stop, operand in spans:
        if not start <= first < last <= stop:
            continue
        data = edit.array_of(operand)
        cut = (slice(None),) * axis + (slice(first - start, last - start),)
        if data is not None:
            value = edit.constant(node, data[cut])
        elif (first, last) == (start, stop):
            value = operand
        else:
            rows = Step("Slice", (axis, first - start, last - start, 1))
            value = emit(operand, [rows], node)
        if node.outputs[0].is_graph_output() and edit.array_of(value) is not None:
            return False
        edit.replace(node.outputs[0], value)
        return True
    return False
