"""The canonical Attention node: from Q, K and V by head to 3-D inputs, mask and attributes.

``place`` takes the projections apart (a joint matrix becomes three Linear nodes by selecting rows
of its weight), so that no Transpose or Slice is left in front of the node.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.layout import View, place, trace
from microformer.load.steps import Index

MASKED_BELOW = -1e4
"""A logit offset below this leaves a position out: exp of it is zero in float32."""


DROWNED_BELOW = -float(2**24)
"""Below this the step of float32 is 2 and more: logits that it is added to are rounded away."""


@dataclass(frozen=True, eq=False)
class Operand:
    """Q, K or V: elements of a value (here [H, S, P]), times a scalar."""

    view: View
    factor: float = 1.0


def strip_scale(value: ir.Value) -> Operand:
    """Trace a value to its base through layouts and multiplications by a scalar constant."""
    operand = Operand(trace(value))
    while (found := scaled_input(operand.view.base)) is not None:
        source, factor = found
        operand = Operand(operand.view.of(trace(source)), operand.factor * factor)
    return operand


def scaled_input(value: ir.Value) -> tuple[ir.Value, float] | None:
    """(x, c) where ``value`` is x * c or x / c with one number c and the shape of x."""
    node = edit.producer(value, "Mul", "Div")
    if node is None:
        return None
    a, b = node.inputs
    if node.op_type == "Mul" and edit.array_of(a) is not None:
        a, b = b, a
    factor = edit.scalar_of(b)
    if a is None or factor is None or edit.array_of(a) is not None:
        return None
    if edit.shape_of(a) != edit.shape_of(value) or (node.op_type == "Div" and factor == 0):
        return None
    return a, (factor if node.op_type == "Mul" else 1 / factor)


def fuse(
    node: ir.Node,
    operands: tuple[Operand, Operand, Operand],
    factor: float,
    mask: Array | None,
    causal: bool = False,
    joined: int = 0,
    even: Array | None = None,
) -> bool:
    """Replace the output of ``node`` by Attention(Q [H, Sq, P], K [H, Sk, P], V [H, Sk, PV]).

    ``factor`` times the factors of Q and K is the scale; ``mask`` broadcasts to [H, Sq, Sk].
    ``causal`` counts from the upper left. The output of ``node`` must hold [H, Sq, PV] in row-major
    order, whatever its leading axes, or [B, Sq, H/B*PV] of a batch B ``joined``. Of the rows
    ``even`` [H, Sq] the logits do not count: their queries become zero. Returns False, with
    ``node`` left in place, if Q, K or V are not regular.
    """
    q, k, v = (operand.view.index for operand in operands)
    heads, rows, columns, width = q.shape[0], q.shape[1], k.shape[1], v.shape[2]
    group = next(g for g in range(heads, 0, -1) if heads % g == 0 and _shared(k, v, g))
    placed: list[ir.Value] = []
    for operand, index in zip(operands, (q, k[::group], v[::group]), strict=True):
        by_row = index.transpose(1, 0, 2).reshape(1, index.shape[1], -1)
        value = place(View(operand.view.base, by_row), node)
        if value is None:
            return False
        placed.append(value)
    mask, drowned = _settle_rows(mask, causal, heads, rows, columns)
    even = drowned if even is None else even | drowned
    if even.any():  # all logits of such a row are zero, exactly, in integers too
        count = np.repeat(~even.T, q.shape[2], axis=1)[None].astype(np.float32)
        shape = edit.shape_of(placed[0])
        placed[0] = edit.insert(node, "Mul", [placed[0], edit.constant(node, count)], shape)
    mask, causal = _canonical_mask(mask, causal, rows, columns)
    if mask is not None:
        placed.append(edit.constant(node, mask))
    attributes = {
        "q_num_heads": heads,
        "kv_num_heads": heads // group,
        "scale": factor * operands[0].factor * operands[1].factor,
        "is_causal": int(causal),
    }
    value = edit.insert(node, "Attention", placed, [1, rows, heads * width], attributes)
    index = np.arange(edit.size_of(value))
    if joined:
        each = index.reshape(rows, joined, heads // joined, width)
        index = each.transpose(1, 0, 2, 3)
    else:
        index = index.reshape(rows, heads, width).transpose(1, 0, 2)
    result = place(View(value, index.reshape(edit.shape_of(node.outputs[0]))), node)
    assert result is not None  # a Transpose of three axes is regular
    edit.replace(node.outputs[0], result)
    return True


def _settle_rows(
    mask: Array | None, causal: bool, heads: int, rows: int, columns: int
) -> tuple[Array | None, Array]:
    """Rows that are masked everywhere by finite numbers, as ONNX means them.

    (mask, bool [H, Sq]). A softmax sees differences only, so such a row keeps what is above its
    own largest offset; and where that is so large that float32 has no digits left for the logits,
    they drown in it.
    """
    drowned = np.zeros((heads, rows), bool)
    if mask is None:
        return None, drowned
    mask = np.broadcast_to(mask, (mask.shape[0], rows, columns)).astype(np.float64)
    seen = np.where(np.tri(rows, columns, dtype=bool) | (not causal), mask, -np.inf)
    most = seen.max(-1)  # [1 or H, Sq]
    out = np.isfinite(most) & (most <= MASKED_BELOW)
    with np.errstate(invalid="ignore"):  # -inf - most
        several = (seen - most[..., None] > MASKED_BELOW).sum(-1) > 1  # else nothing is to tell
        drowned |= out & (most <= DROWNED_BELOW) & several
        settled = np.where(out[..., None], mask - np.where(out, most, 0.0)[..., None], mask)
    return np.where(np.isneginf(mask), -np.inf, settled), drowned


def _shared(k: Index, v: Index, group: int) -> bool:
    """Whether every ``group`` neighbouring heads read the same keys and values."""
    return all(np.array_equal(index, np.repeat(index[::group], group, axis=0)) for index in (k, v))


def _canonical_mask(
    mask: Array | None, causal: bool, rows: int, columns: int
) -> tuple[Array | None, bool]:
    """The mask as float32 [1 or H, Sq, Sk] or None, and whether ``is_causal`` says the rest.

    Offsets that leave a position out become -inf. Causal attention of unlike lengths becomes a
    mask, since definitions of it differ; a mask that is just the causal triangle becomes a flag.
    """
    triangle = np.where(np.tri(rows, columns, dtype=bool), 0.0, -np.inf)[None]
    if causal and rows != columns:
        mask, causal = (triangle if mask is None else mask + triangle), False
    if mask is not None:
        mask = np.broadcast_to(mask, (mask.shape[0], rows, columns)).astype(np.float64)
        out = (mask + triangle if causal else mask) <= MASKED_BELOW
        mask = np.where(out & ~out.all(-1, keepdims=True), -np.inf, mask)
    if mask is not None and all(np.array_equal(m, mask[0]) for m in mask):
        mask = mask[:1]
        if rows == columns and np.array_equal(mask, triangle):
            return None, True
    return (None if mask is None or not mask.any() else mask.astype(np.float32)), causal
