"""Fused attention from MatMul - Softmax - MatMul in any spelling, and from ONNX's Attention.

The pattern is structural. From the product of probabilities and V it walks back through the Softmax
and whatever scales or masks the logits to the product Q K^T. What Q, K and V are is asked of their
index arrays (``load.layout``), not of the chain of Reshape and Transpose that an exporter wrote.
``attention_node`` builds the result.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.layout import View, trace
from microformer.load.patterns.attention_node import (
    MASKED_BELOW,
    Operand,
    fuse,
    scaled_input,
    strip_scale,
)


@dataclass(frozen=True, eq=False)
class Logits:
    """factor * (Q K^T) + mask, with mask [H, Sq, Sk] or None, as found in front of a Softmax.

    ``even`` bool [H, Sq] or None: rows whose logits a Where replaced by one finite number, at every
    position, so that only what is added afterwards tells the positions apart.
    """

    product: ir.Node
    heads: int
    factor: float
    mask: Array | None
    even: Array | None


def fuse_attention(graph: ir.Graph) -> bool:
    """Replace MatMul(Softmax(Q K^T ...), V) by canonical Attention."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "MatMul") and not _kept_apart(graph, node):
            modified |= _from_matmul(node)
    return modified


def _kept_apart(graph: ir.Graph, node: ir.Node) -> bool:
    """Whether the probabilities are rounded by an imported model, which is to be kept exactly."""
    if not edit.is_exact(graph) or node.inputs[0] is None:
        return False
    return edit.quant_of(trace(node.inputs[0]).base) is not None


def _from_matmul(node: ir.Node) -> bool:
    probabilities, v = node.inputs
    if probabilities is None or v is None or edit.array_of(v) is not None:
        return False
    view = trace(probabilities)
    softmax = edit.producer(_without_nan_guard(view.base), "Softmax")
    if softmax is None or not _keeps_matrix(view.index.shape, edit.shape_of(view.base)):
        return False
    if not np.array_equal(view.index.reshape(-1), np.arange(view.index.size)):
        return False
    logits = _walk_back(softmax)
    if logits is None:
        return False
    q, k = logits.product.inputs
    lead = edit.shape_of(logits.product.outputs[0])[:-2]
    assert q is not None and k is not None  # _walk_back saw both
    queries = _by_head(strip_scale(q), lead, transposed=False)
    keys = _by_head(strip_scale(k), lead, transposed=True)
    values = _by_head(Operand(trace(v)), edit.shape_of(node.outputs[0])[:-2], transposed=False)
    if {o.view.index.shape[0] for o in (queries, keys, values)} != {logits.heads}:
        return False  # V is broadcast over more heads than the logits have
    operands = (queries, keys, values)
    return fuse(node, operands, logits.factor, logits.mask, even=logits.even)


def _without_nan_guard(value: ir.Value) -> ir.Value:
    """p where ``value`` is Where(IsNaN(p), 0, p): torch's guard for wholly masked rows."""
    node = edit.producer(value, "Where")
    test = edit.producer(node.inputs[0], "IsNaN") if node is not None else None
    if node is None or test is None or edit.scalar_of(node.inputs[1]) != 0.0:
        return value
    guarded = node.inputs[2]
    return guarded if guarded is not None and guarded is test.inputs[0] else value


def _keeps_matrix(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return len(a) >= 2 and len(b) >= 2 and a[-2:] == b[-2:]


def _by_head(operand: Operand, lead: tuple[int, ...], transposed: bool) -> Operand:
    """A MatMul operand as [H, S, P]: leading axes broadcast and flattened, K^T turned back."""
    index = operand.view.index
    index = np.broadcast_to(index, (*lead, *index.shape[-2:]))
    index = index.reshape(-1, *index.shape[-2:])
    if transposed:
        index = index.transpose(0, 2, 1)
    return Operand(View(operand.view.base, index), operand.factor)


def _walk_back(softmax: ir.Node) -> Logits | None:
    """From a Softmax over the last axis to the MatMul of two activations behind it."""
    value = softmax.inputs[0]
    axis = edit.int_attribute(softmax, "axis", -1)
    if value is None or axis not in (-1, len(edit.shape_of(softmax.outputs[0])) - 1):
        return None
    rows, columns = edit.shape_of(value)[-2:]
    heads = edit.size_of(value) // (rows * columns)
    factor, mask = 1.0, np.zeros((1, 1, 1))
    even = np.zeros((heads, rows), bool)
    while (node := value.producer()) is not None and node.op_type != "MatMul":
        scaled = scaled_input(value)
        if scaled is not None:
            value, factor = scaled[0], factor * scaled[1]
            continue
        found = _masked(node) or _same_matrix(node)
        if found is None:
            return None
        offset = found[1]
        if offset is not None:
            full = np.broadcast_to(offset, edit.shape_of(value)).reshape(heads, rows, columns)
            # what was added before a Where replaced the whole row is gone with the logits
            before = mask
            mask = before + np.where(even[..., None], 0.0, factor * full.astype(np.float64))
            if found[2]:
                gone = np.isneginf(full).all(-1) & ~even
                even |= gone
                mask = np.where(gone[..., None], before, mask)
        value = found[0]
        if not _keeps_matrix(edit.shape_of(value), (rows, columns)):
            return None
    if node is None or None in node.inputs:
        return None
    if edit.size_of(value) != heads * rows * columns:
        return None
    masks, rows_even = (mask if np.any(mask) else None), (even if even.any() else None)
    return Logits(node, heads, factor, masks, rows_even)


def _same_matrix(node: ir.Node) -> tuple[ir.Value, None, bool] | None:
    """A node that only regroups the leading axes of the logits."""
    source = node.inputs[0] if node.inputs else None
    if source is None or node.op_type not in ("Reshape", "Squeeze", "Unsqueeze", "Identity"):
        return None
    return source, None, False


def _masked(node: ir.Node) -> tuple[ir.Value, Array, bool] | None:
    """(logits, constant offset, whether they are replaced by a finite number) of a mask's node."""
    if node.op_type in ("Add", "Sub") and len(node.inputs) == 2:
        a, b = node.inputs
        if node.op_type == "Add" and edit.array_of(a) is not None:
            a, b = b, a
        offset = edit.array_of(b)
        if a is None or offset is None or edit.shape_of(a) != edit.shape_of(node.outputs[0]):
            return None
        return a, (offset if node.op_type == "Add" else -offset), False
    if node.op_type != "Where":
        return None
    condition, first, second = (edit.array_of(v) for v in node.inputs)
    kept, fill = (node.inputs[1], second) if first is None else (node.inputs[2], first)
    if condition is None or kept is None or fill is None or np.any(fill > MASKED_BELOW):
        return None
    if edit.shape_of(kept) != edit.shape_of(node.outputs[0]):
        return None
    keep = condition.astype(bool) if first is None else ~condition.astype(bool)
    return kept, np.where(keep, 0.0, -np.inf), bool(fill.size == 1 and np.isfinite(fill).all())
