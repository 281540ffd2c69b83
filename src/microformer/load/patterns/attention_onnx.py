"""ONNX's own Attention operator (opset 23), in its 3-D and 4-D forms, made canonical."""

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.layout import View, trace
from microformer.load.patterns.attention_node import Operand, fuse, strip_scale

_CANONICAL = {"q_num_heads", "kv_num_heads", "scale", "is_causal"}


def normalise_attention(graph: ir.Graph) -> bool:
    """Rewrite each Attention that is not canonical yet: inputs 3-D, scale explicit, mask float."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "Attention") and not is_canonical(node):
            modified |= _normalise(node)
    return modified


def is_canonical(node: ir.Node) -> bool:
    """Whether an Attention node has the form that ``FloatModel`` promises."""
    shapes = [edit.shape_of(v) for v in node.inputs[:3] if v is not None]
    if any(len(s) != 3 for s in shapes) or len(node.outputs) > 1 or len(node.inputs) > 4:
        return False
    if set(node.attributes) != _CANONICAL or any(s[0] != 1 for s in shapes):
        return False
    if len(node.inputs) > 3 and node.inputs[3] is not None:
        mask, value = edit.array_of(node.inputs[3]), node.inputs[3]
        if mask is None or mask.dtype != np.float32 or len(edit.shape_of(value)) != 3:
            return False
    causal = node.attributes.get_int("is_causal", 0)
    return causal == 0 or (causal == 1 and shapes[0][1] == shapes[1][1])


def _normalise(node: ir.Node) -> bool:
    _refuse_extras(node)
    q, k, v = node.inputs[:3]
    assert q is not None and k is not None and v is not None  # the checker saw to it
    heads = node.attributes.get_int("q_num_heads", 0) or edit.shape_of(q)[1]
    kv_heads = node.attributes.get_int("kv_num_heads", 0) or edit.shape_of(k)[1]
    group = heads // kv_heads
    # V keeps its scalar factors: they are not part of the logits
    queries = _by_head(strip_scale(q), heads, 1)
    keys = _by_head(strip_scale(k), kv_heads, group)
    values = _by_head(Operand(trace(v)), kv_heads, group)
    size = queries.view.index.shape[2]
    scale = node.attributes.get_float("scale", 0.0) or size**-0.5
    mask = _mask(node, heads, edit.shape_of(q)[0])
    causal = node.attributes.get_int("is_causal", 0) == 1
    shape = edit.shape_of(node.outputs[0])
    joined = shape[0] if len(shape) == 3 else 0
    return fuse(node, (queries, keys, values), scale, mask, causal, joined=joined)


def _by_head(operand: Operand, heads: int, group: int) -> Operand:
    """[B, H, S, P] or [B, S, H*P] as [B * H * group, S, P], a head repeated ``group`` times.

    A batch of windows or frames is more heads.
    """
    index = operand.view.index
    if index.ndim == 3:
        index = index.reshape(*index.shape[:2], heads, -1).transpose(0, 2, 1, 3)
    index = index.reshape(-1, *index.shape[2:])
    return Operand(View(operand.view.base, np.repeat(index, group, axis=0)), operand.factor)


def _mask(node: ir.Node, heads: int, batch: int) -> Array | None:
    """The constant mask as offsets [1 or B * H, Sq, Sk], or None if there is none."""
    value = node.inputs[3] if len(node.inputs) > 3 else None
    if value is None:
        return None
    mask = edit.array_of(value)
    if mask is None:
        raise UnsupportedOpError(
            f"The mask of {edit.describe(node)} is not constant: build it from constants when the "
            "model is made, or leave it out."
        )
    if mask.dtype == bool:
        mask = np.where(mask, 0.0, -np.inf)
    mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    if mask.shape[0] not in (1, batch) or mask.shape[1] not in (1, heads):
        raise UnsupportedOpError(
            f"The mask of {edit.describe(node)} has shape {mask.shape}, not one for {batch} times "
            f"{heads} heads: give a mask for one sample."
        )
    if mask.shape[:2] != (1, 1):
        mask = np.broadcast_to(mask, (batch, heads, *mask.shape[2:]))
    return mask.reshape(-1, *mask.shape[2:])


def _refuse_extras(node: ir.Node) -> None:
    found = "softcap" if node.attributes.get_float("softcap", 0.0) else ""
    if any(v is not None for v in node.inputs[4:]):
        found = "past keys and values"
    elif any(v.uses() or v.is_graph_output() for v in node.outputs[1:]):
        found = "more than one output"
    if found:
        raise UnsupportedOpError(
            f"The {edit.describe(node)} uses {found}, which is not supported: export the encoder's "
            "plain attention."
        )
