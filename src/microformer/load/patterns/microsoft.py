"""Operators of onnxruntime's own domain as ONNX's: what its optimiser makes of transformers.

They are rewritten before shapes are inferred, as ONNX knows no shapes of theirs. What they mean is
onnxruntime's documentation of contrib operators.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.load import edit

DOMAIN = "com.microsoft"


def lower_microsoft(graph: ir.Graph) -> bool:
    """Rewrite each known operator of com.microsoft (in place); others are left to be refused."""
    modified = False
    for node in list(graph):
        lower = _LOWER.get(node.op_type) if node.domain == DOMAIN else None
        if lower is not None:
            lower(node)
            graph.remove(node, safe=True)
            modified = True
    return modified


def put(node: ir.Node, op: str, inputs: Sequence[ir.Value | None], **attributes: Any) -> ir.Value:
    """A new node before ``node``; its shape is inferred later."""
    value = edit.insert(node, op, inputs, (), attributes)
    value.shape = None
    return value


def optional(node: ir.Node, index: int) -> ir.Value | None:
    """The input at ``index``, None where there is none."""
    return node.inputs[index] if index < len(node.inputs) else None


def given(node: ir.Node, index: int) -> ir.Value:
    """The input at ``index``, which must be there."""
    value = optional(node, index)
    if value is None:
        raise UnsupportedOpError(f"The {edit.describe(node)} lacks its input {index}.")
    return value


def plus(node: ir.Node, x: ir.Value, other: ir.Value | None) -> ir.Value:
    """``x`` and ``other``, if it is there."""
    return x if other is None else put(node, "Add", [x, other])


def _gelu(approximate: str) -> Callable[[ir.Node], None]:
    def lower(node: ir.Node) -> None:
        x = plus(node, given(node, 0), optional(node, 1))
        edit.replace(node.outputs[0], put(node, "Gelu", [x], approximate=approximate))

    return lower


def _quick_gelu(node: ir.Node) -> None:
    x = given(node, 0)
    alpha = edit.constant(node, np.array(node.attributes.get_float("alpha", 1.702)))
    gate = put(node, "Sigmoid", [put(node, "Mul", [x, alpha])])
    edit.replace(node.outputs[0], put(node, "Mul", [x, gate]))


def _norm(node: ir.Node, x: ir.Value, gamma: ir.Value, beta: ir.Value | None, op: str) -> None:
    axis = edit.int_attribute(node, "axis", -1)
    default = 1e-12 if node.op_type.startswith(("Skip", "Embed")) else 1e-5
    epsilon = node.attributes.get_float("epsilon", default)
    inputs = [x, gamma] if beta is None else [x, gamma, beta]
    y = put(node, op, [*inputs], axis=axis, epsilon=epsilon)
    edit.replace(node.outputs[0], y)


def _layer_norm(op: str) -> Callable[[ir.Node], None]:
    def lower(node: ir.Node) -> None:
        _only_first_output(node, ())
        _norm(node, given(node, 0), given(node, 1), optional(node, 2), op)

    return lower


def _skip_norm(op: str) -> Callable[[ir.Node], None]:
    """Norm of input + skip + bias; the last output is that sum."""

    def lower(node: ir.Node) -> None:
        simple = op == "RMSNormalization"
        total = put(node, "Add", [given(node, 0), given(node, 1)])
        total = plus(node, total, optional(node, 3 if simple else 4))
        _only_first_output(node, (3,))
        if len(node.outputs) > 3:
            edit.replace(node.outputs[3], total)
        beta = None if simple else optional(node, 3)
        _norm(node, total, given(node, 2), beta, op)

    return lower


def _only_first_output(node: ir.Node, allowed: tuple[int, ...]) -> None:
    for index, value in enumerate(node.outputs):
        used = bool(value.uses()) or value.is_graph_output()
        if index and index not in allowed and used:
            raise UnsupportedOpError(
                f"The {edit.describe(node)} has an output {value.name!r} beside the first that is "
                "used; export the model without it."
            )


def _embed_norm(node: ir.Node) -> None:
    """Norm of word + position + segment embeddings."""
    _only_first_output(node, (2,))
    ids, places, segments = given(node, 0), optional(node, 8), optional(node, 1)
    total = put(node, "Gather", [given(node, 2), ids], axis=0)
    positions = given(node, 3)
    if places is not None:
        rows = put(node, "Gather", [positions, places], axis=0)
    else:
        zero, one = (edit.constant(node, np.array([n], np.int64)) for n in (0, 1))
        length = put(node, "Shape", [ids], start=1, end=2)
        length.dtype = ir.DataType.INT64
        rows = put(node, "Slice", [positions, zero, length, zero, one])
    total = put(node, "Add", [total, rows])
    if segments is not None:
        kinds = put(node, "Gather", [given(node, 4), segments], axis=0)
        total = put(node, "Add", [total, kinds])
    if len(node.outputs) > 2:
        edit.replace(node.outputs[2], total)
    _norm(node, total, given(node, 5), given(node, 6), "LayerNormalization")


def _attention(node: ir.Node) -> None:
    """One input and one matrix for q, k and v."""
    x, weight = given(node, 0), edit.array_of(optional(node, 1))
    if weight is None or any(optional(node, i) is not None for i in (4, 6)):
        raise UnsupportedOpError(
            f"The {edit.describe(node)} takes its weights or a past from computed tensors; export "
            "the encoder's plain attention."
        )
    sizes = edit.ints_attribute(node, "qkv_hidden_sizes", [weight.shape[1] // 3] * 3)
    joint = plus(node, put(node, "MatMul", [x, given(node, 1)]), optional(node, 2))
    parts = []
    for start, size in zip(np.cumsum([0, *sizes[:2]]), sizes, strict=True):
        bounds = [edit.constant(node, np.array([n], np.int64)) for n in (start, start + size, 2)]
        parts.append(put(node, "Slice", [joint, *bounds]))
    _attend(node, parts, optional(node, 3), optional(node, 5))


def _multi_head(node: ir.Node) -> None:
    """q, k and v [1, S, H P] apart, with one bias for all three."""
    if any(optional(node, i) is not None for i in (6, 7)) or optional(node, 1) is None:
        raise UnsupportedOpError(
            f"The {edit.describe(node)} has packed inputs or a past; export plain attention."
        )
    parts = [given(node, i) for i in range(3)]
    bias = edit.array_of(optional(node, 3))
    if bias is not None:
        width = bias.size // 3
        pieces = (bias[i * width : (i + 1) * width] for i in range(3))
        parts = [
            put(node, "Add", [p, edit.constant(node, b)])
            for p, b in zip(parts, pieces, strict=True)
        ]
    _attend(node, parts, optional(node, 4), optional(node, 5))


def _attend(
    node: ir.Node, parts: list[ir.Value], padding: ir.Value | None, bias: ir.Value | None
) -> None:
    """ONNX's Attention of q, k and v, with a key-padding mask [1, Sk] (constant) and a bias."""
    _only_first_output(node, ())
    heads = edit.int_attribute(node, "num_heads", 1)
    attributes: dict[str, Any] = {"q_num_heads": heads, "kv_num_heads": heads}
    scale = node.attributes.get_float("scale", 0.0)
    if scale:
        attributes["scale"] = scale
    if edit.int_attribute(node, "unidirectional", 0):
        attributes["is_causal"] = 1
    mask = bias
    if padding is not None:
        keep = edit.array_of(padding)
        if keep is None or keep.ndim != 2 or keep.shape[0] != 1:
            raise UnsupportedOpError(
                f"The mask of {edit.describe(node)} must be constant, one row of 0 and 1: fix "
                "the mask's input (--fix NAME=1)."
            )
        if not keep.all():
            # onnxruntime adds this number: it tells apart a row that is masked everywhere
            hidden = node.attributes.get_float("mask_filter_value", -10000.0)
            row = np.where(keep != 0, 0.0, hidden).astype(np.float32)[:, None, None, :]
            mask = plus(node, edit.constant(node, row), bias)
    inputs = [*parts] if mask is None else [*parts, mask]
    edit.replace(node.outputs[0], put(node, "Attention", [*inputs], **attributes))


_LOWER: dict[str, Callable[[ir.Node], None]] = {
    "Gelu": _gelu("none"),
    "BiasGelu": _gelu("none"),
    "FastGelu": _gelu("tanh"),
    "QuickGelu": _quick_gelu,
    "LayerNormalization": _layer_norm("LayerNormalization"),
    "SimplifiedLayerNormalization": _layer_norm("RMSNormalization"),
    "SkipLayerNormalization": _skip_norm("LayerNormalization"),
    "SkipSimplifiedLayerNormalization": _skip_norm("RMSNormalization"),
    "EmbedLayerNormalization": _embed_norm,
    "Attention": _attention,
    "MultiHeadAttention": _multi_head,
}
