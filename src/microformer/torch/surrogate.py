"""The derivative's side of quantisation-aware training: canonical float nodes in torch.

Values never come from here, only gradients. Every function takes one sample with its leading axis
of 1, as the canonical model does; ``apply`` maps it over a batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  torch's own convention

from microformer.analysis.pointwise import NAME, kind_of, steps_of
from microformer.errors import UnsupportedOpError
from microformer.torch.recurrent import recurrent

Operand = Tensor | None
Real = Callable[[ir.Node, Sequence[Operand]], Tensor]


def _attribute(node: ir.Node, name: str, default: Any) -> Any:
    found = node.attributes.get(name)
    return default if found is None else found.value


def _given(operand: Operand) -> Tensor:
    assert operand is not None
    return operand


def _integers(operand: Operand) -> list[int]:
    return [int(v) for v in _given(operand).reshape(-1)]


def _linear(_node: ir.Node, a: Sequence[Operand]) -> Tensor:
    return F.linear(_given(a[0]), _given(a[1]), a[2] if len(a) > 2 else None)


def _frame(node: ir.Node, axes: int) -> list[int]:
    """ONNX's pads (all begins, then all ends) in the order of torch (last axis first)."""
    pads = _attribute(node, "pads", [0] * 2 * axes)
    return [int(p) for axis in reversed(range(axes)) for p in (pads[axis], pads[axis + axes])]


def _conv(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x, weight = _given(a[0]), _given(a[1])
    axes = x.dim() - 2
    padded = F.pad(x, _frame(node, axes))
    convolve: Callable[..., Tensor] = F.conv1d if axes == 1 else F.conv2d
    result: Tensor = convolve(
        padded,
        weight,
        a[2] if len(a) > 2 else None,
        stride=tuple(_attribute(node, "strides", [1] * axes)),
        dilation=tuple(_attribute(node, "dilations", [1] * axes)),
        groups=_attribute(node, "group", 1),
    )
    return result


def _by_head(x: Tensor, heads: int) -> Tensor:
    """x [1, S, heads * P] -> [1, heads, S, P]."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(-2, -3)


def _attention(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    heads = _attribute(node, "q_num_heads", 1)
    kv_heads = _attribute(node, "kv_num_heads", heads)
    q = _by_head(_given(a[0]), heads)
    k, v = (_by_head(_given(t), kv_heads) for t in a[1:3])
    k, v = (t.repeat_interleave(heads // kv_heads, -3) for t in (k, v))
    logits = q @ k.transpose(-1, -2) * _attribute(node, "scale", q.shape[-1] ** -0.5)
    if _attribute(node, "is_causal", 0):
        hidden = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(hidden, -1e9)
    if len(a) > 3 and a[3] is not None:
        logits = logits + a[3].clamp(min=-1e9)
    context: Tensor = logits.softmax(-1) @ v
    return context.transpose(-2, -3).flatten(-2)


def _layer_norm(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x, width = _given(a[0]), _given(a[0]).shape[-1]
    gamma = _given(a[1]).expand(width)
    beta = a[2].expand(width) if len(a) > 2 and a[2] is not None else None
    return F.layer_norm(x, (width,), gamma, beta, _attribute(node, "epsilon", 1e-5))


def _rms_norm(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x, width = _given(a[0]), _given(a[0]).shape[-1]
    return F.rms_norm(x, (width,), _given(a[1]).expand(width), _attribute(node, "epsilon", 1e-5))


def _clip(_node: ir.Node, a: Sequence[Operand]) -> Tensor:
    low, high = (a[i] if len(a) > i else None for i in (1, 2))
    return torch.clamp(_given(a[0]), low, high)


def _hard_sigmoid(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    alpha, beta = _attribute(node, "alpha", 0.2), _attribute(node, "beta", 0.5)
    slope: Tensor = _given(a[0]) * alpha + beta
    return slope.clamp(0, 1)


def _max_pool(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x = _given(a[0])
    axes = x.dim() - 2
    pool: Callable[..., Tensor] = F.max_pool1d if axes == 1 else F.max_pool2d
    padded = F.pad(x, _frame(node, axes), value=float("-inf"))
    stride = tuple(_attribute(node, "strides", [1] * axes))
    highest: Tensor = pool(padded, tuple(_attribute(node, "kernel_shape", ())), stride)
    return highest


def _average_pool(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x = _given(a[0])
    axes = x.dim() - 2
    pool: Callable[..., Tensor] = F.avg_pool1d if axes == 1 else F.avg_pool2d
    kernel = tuple(_attribute(node, "kernel_shape", ()))
    stride = tuple(_attribute(node, "strides", [1] * axes))
    frame = _frame(node, axes)
    mean: Tensor = pool(F.pad(x, frame), kernel, stride)
    if _attribute(node, "count_include_pad", 0):
        return mean
    return mean / pool(F.pad(torch.ones_like(x), frame), kernel, stride)


def _reduce_mean(node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x = _given(a[0])
    listed = _integers(a[1]) if len(a) > 1 else list(_attribute(node, "axes", ()))
    return x.mean(listed or list(range(1, x.dim())), bool(_attribute(node, "keepdims", 1)))


def _slice(_node: ir.Node, a: Sequence[Operand]) -> Tensor:
    x, starts, stops = _given(a[0]), _integers(a[1]), _integers(a[2])
    axes = _integers(a[3]) if len(a) > 3 and a[3] is not None else list(range(len(starts)))
    steps = _integers(a[4]) if len(a) > 4 and a[4] is not None else [1] * len(starts)
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        kept = list(range(*slice(start, stop, step).indices(x.shape[axis])))
        x = x.index_select(axis, torch.tensor(kept, device=x.device))
    return x


def _gather(_node: ir.Node, a: Sequence[Operand]) -> Tensor:
    """Rows of a table, or of an activation [1, N, W] by a constant list."""
    table, index = _given(a[0]), _given(a[1]).long()
    return table[:, index] if table.dim() == 3 else F.embedding(index, table)


_STEPS: dict[str, Callable[..., Tensor]] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "And": torch.logical_and,
    "Atan": torch.atan,
    "Ceil": torch.ceil,
    "Celu": F.celu,
    "Clip": torch.clamp,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Div": torch.div,
    "Elu": F.elu,
    "Equal": torch.eq,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Gelu": lambda x, approximate="none": F.gelu(x, approximate=approximate),
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: torch.clamp(alpha * x + beta, 0, 1),
    "HardSwish": F.hardswish,
    "LeakyRelu": lambda x, alpha=0.01: F.leaky_relu(x, alpha),
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Log": torch.log,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Mish": F.mish,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Or": torch.logical_or,
    "PRelu": F.prelu,
    "Pow": torch.pow,
    "Reciprocal": torch.reciprocal,
    "Relu": F.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Silu": F.silu,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softplus": F.softplus,
    "Softsign": F.softsign,
    "Sqrt": torch.sqrt,
    "Sub": torch.sub,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
    "Where": torch.where,
    "Xor": torch.logical_xor,
}
"""Operators of a function of one value, differentiable where the function is."""


def _pointwise(node: ir.Node, x: Tensor) -> Tensor:
    """The steps of a Pointwise node. Raises UnsupportedOpError for one that has no form here."""
    known = [x]
    for op, attributes, given in steps_of(node):
        arguments = [known[a] if isinstance(a, int) else _number(a, x) for a in given]
        if op == "Cast":
            known.append(arguments[0].to(x.dtype))  # type: ignore[union-attr]
        elif op in _STEPS:
            known.append(_STEPS[op](*arguments, **attributes))
        else:
            raise UnsupportedOpError(f"Node '{node.name}' ({op}) has no gradient here.")
    return known[-1].to(x.dtype)


def _number(argument: list[float] | None, x: Tensor) -> Tensor | None:
    return None if argument is None else torch.tensor(argument[0], dtype=x.dtype, device=x.device)


def _shape(node: ir.Node) -> list[int]:
    shape = node.outputs[0].shape
    assert shape is not None
    return [int(d) for d in shape.numpy()]


REAL: dict[str, Real] = {
    "Linear": _linear,
    "Conv": _conv,
    "Lstm": recurrent,
    "Gru": recurrent,
    "Attention": _attention,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "Gelu": lambda n, a: F.gelu(_given(a[0]), approximate=_attribute(n, "approximate", "none")),
    "Relu": lambda _, a: F.relu(_given(a[0])),
    "Clip": _clip,
    "Silu": lambda _, a: F.silu(_given(a[0])),
    "Sigmoid": lambda _, a: torch.sigmoid(_given(a[0])),
    "Tanh": lambda _, a: torch.tanh(_given(a[0])),
    "HardSwish": lambda _, a: F.hardswish(_given(a[0])),
    "HardSigmoid": _hard_sigmoid,
    "Erf": lambda _, a: torch.erf(_given(a[0])),
    "MatMul": lambda _, a: _given(a[0]) @ _given(a[1]),
    "ByChannel": lambda _, a: _given(a[0]) / _given(a[1]) + _given(a[2]),
    "Requantize": lambda _, a: _given(a[0]),
    "Add": lambda _, a: _given(a[0]) + _given(a[1]),
    "Mul": lambda _, a: _given(a[0]) * _given(a[1]),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "ReduceMean": _reduce_mean,
    "Softmax": lambda n, a: _given(a[0]).softmax(_attribute(n, "axis", -1)),
    "Concat": lambda n, a: torch.cat([_given(t) for t in a], _attribute(n, "axis", 0)),
    NAME: lambda n, a: _pointwise(n, _given(a[0])),
    "Gather": _gather,
    "Reshape": lambda n, a: _given(a[0]).reshape(_shape(n)),
    "Transpose": lambda n, a: _given(a[0]).permute(list(_attribute(n, "perm", ()))),
    "Slice": _slice,
}
"""Canonical op type -> its real function, differentiable."""


def apply(node: ir.Node, operands: Sequence[Operand], batched: Sequence[bool]) -> Tensor:
    """``node`` over a batch: operands [B, 1, ...] where ``batched``, else as the model has them."""
    real = REAL.get(kind_of(node))
    if real is None:
        raise UnsupportedOpError(f"Node '{node.name}' ({node.op_type}) has no gradient here.")
    moving = [i for i, flag in enumerate(batched) if flag]

    def one(*activations: Tensor) -> Tensor:
        merged = list(operands)
        for place, value in zip(moving, activations, strict=True):
            merged[place] = value
        return real(node, merged)

    result: Tensor = torch.func.vmap(one)(*(_given(operands[i]) for i in moving))
    return result
