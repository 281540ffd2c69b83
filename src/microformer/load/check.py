"""What may be in a model, before and after canonicalisation, and what to say if it is not."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from microformer.analysis.pointwise import EVALUATE, NAME, kind_of
from microformer.errors import ModelError, UnsupportedOpError
from microformer.load import edit
from microformer.load.cut import offer
from microformer.load.layout import EVALUATED
from microformer.load.limits import (
    INTEGER_FORM,
    INTEGER_OPS,
    LIMITS,
    MASK,
    OF_TOKENS,
    PAGE,
    UNKNOWN,
)
from microformer.load.naming import module_path
from microformer.load.patterns.attention_onnx import is_canonical as attention_is_canonical
from microformer.load.patterns.linear_maps import LINEAR_MAPS
from microformer.load.patterns.written_out import WRITTEN_OUT

RECURRENT = ("GRU", "LSTM")
_PLAIN = (
    *("Add", "Mul", "Relu", "Gelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Concat"),
    *("ReduceMean", "MaxPool", "AveragePool", "Transpose"),
)
UNDERSTOOD = {
    *_PLAIN,
    *EVALUATE,
    *("MatMul", "Gemm", "Conv", "Attention", "LayerNormalization", "RMSNormalization", "Softmax"),
    *("BatchNormalization", "Pad", "GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceSum"),
    *("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Slice", "Split", "Gather"),
    *("Expand", "Tile", "Where", "Cast", "Dropout", "IsNaN", "Einsum", "Requantize"),
    *RECURRENT,
    *EVALUATED,
    *WRITTEN_OUT,
    *LINEAR_MAPS,
}


def refuse(node: ir.Node, reason: str = "") -> UnsupportedOpError:
    """The error for a node: its name, operator and module, and what would help."""
    hint = (
        reason
        or _of_tokens(node)
        or _where(node)
        or LIMITS.get(node.op_type, "it is not supported yet; replace or remove it")
    )
    path = module_path(node)
    where = f" in module {path!r}" if path else ""
    page = f" ({PAGE})" if node.op_type in UNDERSTOOD and not node.domain else ""
    return UnsupportedOpError(f"Cannot compile {edit.describe(node)}{where}: {hint}{page}.")


def _of_tokens(node: ir.Node) -> str:
    """What else is wrong where integers that are not constant are computed with."""
    whole = (ir.DataType.INT32, ir.DataType.INT64)
    given = [v for v in node.inputs if v is not None and edit.array_of(v) is None]
    return OF_TOKENS if any(v.dtype in whole for v in given) and node.op_type != "Gather" else ""


def _where(node: ir.Node) -> str:
    """What else is wrong with a Where whose condition is constant."""
    if node.op_type != "Where" or edit.array_of(node.inputs[0]) is None:
        return ""
    return (
        "its condition is constant, but it is no mask of attention's logits: that puts -inf, or "
        "-1e4 and less, where a position is left out; elsewhere multiply by 0 and 1"
    )


def check_understood(graph: ir.Graph) -> None:
    """Right after folding: every operator is one that some pass knows, every shape is static.

    The refusal says where the model may be cut, if all that is not known lies at one end.
    """
    try:
        _check_understood(graph)
    except UnsupportedOpError as error:
        bad = [n for n in graph if n.op_type not in UNDERSTOOD or n.domain not in ("", edit.DOMAIN)]
        # names of a torch module's tensors are nobody's own
        cuts = offer(graph, bad) if bad and not any(map(module_path, graph)) else ""
        raise UnsupportedOpError(f"{str(error).rstrip('.')}{cuts}.") from None


def _check_understood(graph: ir.Graph) -> None:
    for node in graph:
        if node.domain == edit.UNKNOWN:
            hint = INTEGER_FORM if node.op_type in INTEGER_OPS else UNKNOWN
            raise refuse(node, hint)
        if node.domain not in ("", edit.DOMAIN):
            raise refuse(
                node, "operators outside ONNX's own set are not supported; export plain ONNX"
            )
        if node.op_type not in UNDERSTOOD:
            raise refuse(node)
        for value in node.outputs[:1]:
            if value.shape is None or not value.shape.is_static():
                if node.op_type in ("Reshape", "Expand", "Slice", "Tile"):
                    raise refuse(
                        node, "its parameters are not constant; export the model with fixed shapes"
                    )
                raise refuse(node, _shapeless(node))
            if 0 in value.shape.numpy():
                raise refuse(node, f"its output is empty, of shape {value.shape}")
        inputs = [v for v in node.inputs if v is not None]
        if all(edit.array_of(v) is not None for v in inputs):
            raise refuse(node, "its constant inputs cannot be evaluated; check them")
        reshapes = node.op_type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
        if reshapes and edit.size_of(inputs[0]) != edit.size_of(node.outputs[0]):
            shapes = f"{edit.shape_of(inputs[0])} to {edit.shape_of(node.outputs[0])}"
            raise refuse(node, f"it changes the number of elements, from {shapes}")


def _shapeless(node: ir.Node) -> str:
    """Why a node's output has no shape: its operands', if those are known."""
    shapes = [v.shape for v in node.inputs if v is not None]
    if any(shape is None or not shape.is_static() for shape in shapes):
        return "its output has no static shape; export the model with fixed shapes"
    listed = " and ".join(str(list(shape.numpy())) for shape in shapes if shape is not None)
    return f"its operands {listed} do not fit together; export the model again"


def check_canonical(graph: ir.Graph) -> None:
    """At the end: every node has the form that ``FloatModel`` promises."""
    for output in graph.outputs:
        if output.is_graph_input() and output.dtype != ir.DataType.FLOAT:
            raise ModelError(
                f"The model's output {output.name!r} is its integer input: leave it out."
            )
        if output.producer() is None and not output.is_graph_input():
            raise ModelError(
                f"The model's output {output.name!r} is constant: it computes nothing of an input."
            )
    for node in graph:
        kind = kind_of(node)
        if kind not in _FORMS or node.domain != (edit.DOMAIN if kind in _OWN else ""):
            raise refuse(node)
        complaint = _FORMS[kind](node)
        if complaint:
            raise refuse(node, complaint)
        _check_values(node)
    for output in graph.outputs:
        shape = edit.shape_of(output)
        if shape and shape[0] != 1:
            raise ModelError(
                f"The model's output {output.name!r} has shape {shape}: its first axis must be the "
                "batch of 1; transpose or wrap the model."
            )


def _check_values(node: ir.Node) -> None:
    output = node.outputs[0]
    if output.dtype != ir.DataType.FLOAT:
        raise refuse(node)
    if edit.shape_of(output)[:1] != (1,) and not output.is_graph_output():
        raise refuse(
            node, f"its output of shape {edit.shape_of(output)} has no batch axis in front"
        )
    masked = node.inputs[3] if node.op_type == "Attention" and len(node.inputs) > 3 else None
    for value in node.inputs:
        data = edit.array_of(value)
        if value is None or data is None or data.dtype.kind != "f" or node.op_type == "Clip":
            continue
        if np.isnan(data).any() or (value is not masked and np.isinf(data).any()):
            raise ModelError(
                f"A constant of {edit.describe(node)} holds NaN or infinite values: train or "
                "export the model again."
            )


def _no_complaint(node: ir.Node) -> str:
    return ""


def _constants(node: ir.Node, *indices: int) -> bool:
    return all(i < len(node.inputs) and edit.array_of(node.inputs[i]) is not None for i in indices)


def _weighted(node: ir.Node) -> str:
    return "" if _constants(node, 1, 2) else "its weight and bias must be constants"


def _conv(node: ir.Node) -> str:
    rank = len(edit.shape_of(node.outputs[0]))
    if rank not in (3, 4):
        return "only 1-D and 2-D convolutions are compiled"
    return _weighted(node)


def _pool(node: ir.Node) -> str:
    names = {"kernel_shape", "strides", "pads"}
    if node.op_type == "AveragePool":
        names.add("count_include_pad")
    if len(edit.shape_of(node.outputs[0])) not in (3, 4) or set(node.attributes) != names:
        return "only 1-D and 2-D pools without dilation or rounding up are compiled"
    return ""


def _matmul(node: ir.Node) -> str:
    if edit.array_of(node.inputs[0]) is not None:
        return "its constant weight is on the left; write x @ W with the weight on the right"
    if edit.array_of(node.inputs[1]) is not None:
        return "a constant weight must be one matrix of two axes"
    shapes = [edit.shape_of(v) for v in node.inputs if v is not None]
    if len(shapes[0]) < 3 or shapes[0][:-2] != shapes[1][:-2]:
        return "in a product of two activations all axes but the last two must be equal"
    return ""


def _norm(node: ir.Node) -> str:
    if not _constants(node, *range(1, len(node.inputs))):
        return "its scale and bias must be constants"
    return "" if edit.int_attribute(node, "axis", -1) == -1 else "only the last axis is normalised"


def _attention(node: ir.Node) -> str:
    if any(edit.array_of(v) is not None for v in node.inputs[:3]):
        return "constant queries, keys or values are not supported yet; compute them from the input"
    if len(node.inputs) > 3 and edit.array_of(node.inputs[3]) is None:
        return MASK
    return "" if attention_is_canonical(node) else "this form of attention is not supported yet"


def _softmax(node: ir.Node) -> str:
    rank = len(edit.shape_of(node.outputs[0]))
    last = edit.int_attribute(node, "axis", -1) in (-1, rank - 1)
    return "" if last else "softmax is compiled over the last axis only; transpose around it"


def _binary(node: ir.Node) -> str:
    data = [edit.array_of(v) is not None for v in node.inputs]
    return "it adds or multiplies constants only" if all(data) else ""


def _gather(node: ir.Node) -> str:
    index = node.inputs[1]
    table = edit.array_of(node.inputs[0])
    if table is None and edit.array_of(index) is not None:
        taken = edit.int_attribute(node, "axis", 0) == 1 and len(edit.shape_of(node.inputs[0])) == 3  # type: ignore[arg-type]
        return "" if taken else LIMITS["Gather"]
    if table is None or table.ndim != 2 or index is None or edit.int_attribute(node, "axis", 0):
        return LIMITS["Gather"]
    if not index.is_graph_input():
        return "token indices must be the model's own input"
    return ""


def _constant_rest(node: ir.Node) -> str:
    count = len(node.inputs)
    return "" if _constants(node, *range(1, count)) else "its parameters are not constant"


def _recurrent(node: ir.Node) -> str:
    return "" if _constants(node, 1, 2) else "its weight and bias must be constants"


_OWN = ("Linear", "Silu", "Requantize", "Lstm", "Gru", NAME)
_FORMS: dict[str, Callable[[ir.Node], str]] = {
    **dict.fromkeys(_PLAIN, _no_complaint),
    "Silu": _no_complaint,
    "Requantize": _no_complaint,
    NAME: _no_complaint,
    "Erf": _no_complaint,
    "Linear": _weighted,
    "Lstm": _recurrent,
    "Gru": _recurrent,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LayerNormalization": _norm,
    "RMSNormalization": _norm,
    "Attention": _attention,
    "Softmax": _softmax,
    "Add": _binary,
    "Mul": _binary,
    "Gather": _gather,
    "MatMul": _matmul,
    **dict.fromkeys(("Clip", "Reshape", "Slice", "ReduceMean"), _constant_rest),
}
