"""Every attribute of every operator that is read: honoured, without a say, or refused.

An attribute, a mode or a further output can change what an operator means. None is ignored in
silence: what no line here knows is refused, so that a newer file cannot be misread.
"""

import math
from collections.abc import Callable, Set
from typing import Any

import onnx_ir as ir

from microformer.load import edit
from microformer.load.check import refuse

Allowed = Callable[[Any], bool]


def honoured(_value: Any) -> bool:
    """A pass reads it, and refuses there what it does not compile."""
    return True


def no_say(_value: Any) -> bool:
    """It changes precision, a random number or an output that is refused, not the result."""
    return True


def _only(*values: Any) -> Allowed:
    return lambda value: value in values


_WINDOW: dict[str, Allowed] = dict.fromkeys(
    ("auto_pad", "dilations", "kernel_shape", "pads", "strides"), honoured
)
_POOL = _WINDOW | {"ceil_mode": honoured}
_REDUCE: dict[str, Allowed] = {"keepdims": honoured, "noop_with_empty_axes": honoured}
_NORM: dict[str, Allowed] = {"axis": honoured, "epsilon": honoured, "stash_type": no_say}
_LEVELS: dict[str, Allowed] = {
    "axis": honoured,
    "block_size": honoured,
    "saturate": no_say,  # of 8-bit floats, which are refused
    "output_dtype": no_say,  # the zero point's type, or the output's, which is asked
    "precision": no_say,
}
_RECURRENT: dict[str, Allowed] = {
    **dict.fromkeys(("activations", "clip", "direction", "hidden_size", "layout"), honoured),
    "activation_alpha": no_say,  # of activations that are refused
    "activation_beta": no_say,
}
ATTRIBUTES: dict[str, dict[str, Allowed]] = {
    "Attention": {
        "is_causal": honoured,
        "kv_num_heads": honoured,
        "left_window_size": _only(-1),
        "q_num_heads": honoured,
        "qk_matmul_output_mode": no_say,
        "right_window_size": _only(-1),
        "scale": honoured,
        "softcap": honoured,
        "softmax_precision": no_say,
    },
    "AveragePool": _POOL | {"count_include_pad": honoured},
    "BatchNormalization": {
        "epsilon": honoured,
        "momentum": no_say,  # of the running mean, which inference does not write
        "training_mode": _only(0),
        "spatial": _only(1),
    },
    "Cast": {"to": honoured, "saturate": no_say, "round_mode": no_say},
    "Clip": {"min": honoured, "max": honoured},
    "Concat": {"axis": honoured},
    "Conv": _WINDOW | {"group": honoured},
    "DequantizeLinear": _LEVELS,
    "Dropout": {"seed": no_say, "ratio": no_say},
    "Einsum": {"equation": honoured},
    "Flatten": {"axis": honoured},
    "Col2Im": dict.fromkeys(("dilations", "pads", "strides"), honoured),
    "CumSum": {"exclusive": honoured, "reverse": honoured},
    "ConvTranspose": _WINDOW
    | {"group": honoured, "output_padding": honoured, "output_shape": honoured},
    "Celu": {"alpha": honoured},
    "DFT": {"inverse": honoured, "onesided": honoured, "axis": honoured},
    "DepthToSpace": {"blocksize": honoured, "mode": honoured},
    "Elu": {"alpha": honoured},
    "Gather": {"axis": honoured},
    "GatherElements": {"axis": honoured},
    "GatherND": {"batch_dims": honoured},
    "Gelu": {"approximate": honoured},
    "Gemm": dict.fromkeys(("alpha", "beta", "transA", "transB"), honoured),
    "GroupNormalization": {"epsilon": honoured, "num_groups": honoured, "stash_type": no_say},
    "HardSigmoid": {"alpha": honoured, "beta": honoured},
    "InstanceNormalization": {"epsilon": honoured},
    "GRU": _RECURRENT | {"linear_before_reset": honoured},
    "LSTM": _RECURRENT | {"input_forget": honoured},
    "LayerNormalization": _NORM,
    "LeakyRelu": {"alpha": honoured},
    "LogSoftmax": {"axis": honoured},
    "LpNormalization": {"axis": honoured, "p": _only(2)},
    "MaxPool": _POOL | {"storage_order": no_say},
    "Pad": {"mode": honoured},
    "QuantizeLinear": _LEVELS,
    "RMSNormalization": _NORM,
    **dict.fromkeys(
        (
            *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax"),
            *("ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare"),
        ),
        _REDUCE,
    ),
    "Resize": dict.fromkeys(
        (
            *("antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a"),
            *("exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy", "mode"),
            "nearest_mode",
        ),
        honoured,
    ),
    "ScatterElements": {"axis": honoured, "reduction": _only("none")},
    "ScatterND": {"reduction": _only("none")},
    "Selu": {"alpha": honoured, "gamma": honoured},
    "Shrink": {"bias": honoured, "lambd": honoured},
    "SpaceToDepth": {"blocksize": honoured, "mode": honoured},
    "ThresholdedRelu": {"alpha": honoured},
    "Trilu": {"upper": honoured},
    "Reshape": {"allowzero": no_say},  # where it matters the output is empty, which is refused
    "Softmax": {"axis": honoured},
    "Split": {"axis": honoured, "num_outputs": honoured},
    "Swish": {"alpha": honoured},
    "Transpose": {"perm": honoured},
}
"""By operator of ONNX's own set. One that is not here has no attributes."""

MICROSOFT: dict[str, dict[str, Allowed]] = {
    "Attention": {
        "do_rotary": _only(0),
        "mask_filter_value": lambda value: value <= -1e4,
        "num_heads": honoured,
        "past_present_share_buffer": _only(0),
        "qkv_hidden_sizes": honoured,
        "rotary_embedding_dim": _only(0),
        "scale": honoured,
        "unidirectional": honoured,
    },
    "BiasGelu": {},
    "EmbedLayerNormalization": {"epsilon": honoured, "mask_index_type": no_say},
    "FastGelu": {},
    "Gelu": {},
    "LayerNormalization": _NORM,
    "MultiHeadAttention": {
        "mask_filter_value": lambda value: value <= -1e4,
        "num_heads": honoured,
        "scale": honoured,
        "unidirectional": honoured,
    },
    "QuickGelu": {"alpha": honoured},
    "SimplifiedLayerNormalization": _NORM,
    "SkipLayerNormalization": {"epsilon": honoured},
    "SkipSimplifiedLayerNormalization": {"epsilon": honoured},
}
"""By operator of onnxruntime's own domain, as patterns/microsoft.py reads them."""

_SEVERAL = ("Split", "GRU", "LSTM")
"""Operators of which every output is read."""


def check_attributes(graph: ir.Graph, domain: str = "", understood: Set[str] = frozenset()) -> None:
    """Refuse each node of ``domain`` that has an attribute, mode or output that is not known.

    ``understood`` are further operators that are read, and have no attributes.
    """
    known = ATTRIBUTES if domain in ("", "ai.onnx") else MICROSOFT
    for node in graph:
        if node.domain != domain or not (node.op_type in known or node.op_type in understood):
            continue  # refused by its name
        allowed = known.get(node.op_type, {})
        for name, attribute in node.attributes.items():
            value = attribute.value
            if name not in allowed:
                raise refuse(node, f"its attribute {name!r} is not known; leave it out")
            if not allowed[name](value):
                raise refuse(node, f"{name} = {_shown(value)} is not compiled")
        _check_mode(node)
        if node.op_type in _SEVERAL or domain:
            continue
        for output in node.outputs[1:]:
            if output.uses() or output.is_graph_output():
                raise refuse(node, "an output of it beside the first is used")


def _check_mode(node: ir.Node) -> None:
    """Dropout in training: its mode is an input."""
    mode = node.inputs[2] if node.op_type == "Dropout" and len(node.inputs) > 2 else None
    if mode is None:
        return
    data = edit.array_of(mode)
    if data is None or data.any():
        raise refuse(node, "it is in training mode; export the model for inference")


def _shown(value: Any) -> str:
    number = isinstance(value, float) and math.isfinite(value)
    return f"{value:g}" if number else str(value)[:40]
