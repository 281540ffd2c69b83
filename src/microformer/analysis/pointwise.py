"""Functions of one value as steps: what an ONNX operator computes elementwise, in float64.

A function is a list of steps ``[operator, attributes, arguments]``; an argument is 0 for x, k for
the result of step k (from 1), or a list that holds one number. It is written as JSON, an attribute
of the canonical node ``Pointwise``.
"""

import json
import math
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from microformer.graph.tensor import Array

if TYPE_CHECKING:
    import onnx_ir as ir

NAME = "Pointwise"
Steps = list[tuple[str, dict[str, Any], list[Any]]]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), any shape."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def erf(x: Array) -> Array:
    """The error function, any shape; NaN where x is not finite."""
    flat = np.asarray(x, np.float64).reshape(-1)
    found = [math.erf(v) if math.isfinite(v) else math.nan for v in flat]
    return np.array(found).reshape(np.shape(x))


def gelu(x: Array, approximate: str = "none") -> Array:
    """x times the normal distribution's share below x, or its approximation by tanh."""
    if approximate == "tanh":
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + erf(x / math.sqrt(2))))


def hard_sigmoid(x: Array, alpha: float = 0.2, beta: float = 0.5) -> Array:
    """alpha x + beta, kept in [0, 1]."""
    return np.clip(alpha * x + beta, 0, 1)


def _clip(x: Array, low: float | None = None, high: float | None = None) -> Array:
    above = x if low is None else np.maximum(x, low)
    return above if high is None else np.minimum(above, high)


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _selu(x: Array, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Array:
    return np.asarray(gamma * _elu(x, alpha))


def _celu(x: Array, alpha: float = 1.0) -> Array:
    below = np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0)
    return np.asarray(np.maximum(x, 0) + below)


def _shrink(x: Array, bias: float = 0.0, lambd: float = 0.5) -> Array:
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0.0))


def _leaky(x: Array, alpha: float = 0.01) -> Array:
    return np.where(x < 0, alpha * x, x)


def _cast(x: Array, to: int = 1) -> Array:
    whole = to in (6, 7)  # int32, int64: towards zero
    return np.trunc(x) if whole else np.asarray(x != 0) if to == 9 else np.asarray(x, np.float64)


EVALUATE: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Atan": np.arctan,
    "Cast": _cast,
    "Ceil": np.ceil,
    "Celu": _celu,
    "Clip": _clip,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Div": np.divide,
    "Elu": _elu,
    "Equal": np.equal,
    "Erf": erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Gelu": gelu,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": lambda x: x * hard_sigmoid(x, 1 / 6),
    "LeakyRelu": _leaky,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": lambda *x: reduce(np.maximum, x),
    "Min": lambda *x: reduce(np.minimum, x),
    "Mish": lambda x: x * np.tanh(_softplus(x)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "PRelu": lambda x, slope: np.where(x < 0, slope * x, x),
    "Pow": lambda x, y: np.power(np.asarray(x, np.float64), y),
    "Reciprocal": lambda x: np.divide(1.0, x),
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.rint,
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": sigmoid,
    "Sign": np.sign,
    "Silu": lambda x: x * sigmoid(x),
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Softplus": _softplus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Swish": lambda x, alpha=1.0: x * sigmoid(alpha * x),
    "Tan": np.tan,
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x, alpha=1.0: np.where(x > alpha, x, 0.0),
    "Where": np.where,
    "Xor": np.logical_xor,
}
"""Operators of one value and of numbers beside it."""


def kind_of(node: "ir.Node") -> str:
    """The operator of a canonical node, Pointwise whichever of its functions it is."""
    return NAME if node.op_type.startswith(NAME) else node.op_type


def steps_of(node: "ir.Node") -> Steps:
    """The function of a node Pointwise."""
    return read(node.attributes.get_string("steps", "[]"))


def written(steps: Steps) -> str:
    """The JSON of a function."""
    return json.dumps(steps, separators=(",", ":"))


def read(text: str) -> Steps:
    """The steps that ``written`` wrote."""
    return [(str(op), dict(attributes), list(given)) for op, attributes, given in json.loads(text)]


def computed(steps: Steps, x: Array) -> Array:
    """The function's values at x (any shape), float64; where it has none, those of the nearest x.

    x must ascend along its one axis where that can happen: a logarithm's table begins at zero.
    """
    known: list[Array] = [np.asarray(x, np.float64)]
    with np.errstate(all="ignore"):
        for op, attributes, given in steps:
            arguments = [known[a] if isinstance(a, int) else _number(a) for a in given]
            known.append(EVALUATE[op](*arguments, **attributes))
    return _filled(np.asarray(known[-1], np.float64))


def _number(argument: Any) -> float | None:
    return None if argument is None else float(argument[0])


def _filled(y: Array) -> Array:
    finite = np.flatnonzero(~np.isnan(y.reshape(-1)))
    if finite.size in (0, y.size):
        return np.nan_to_num(y) if finite.size == 0 else y
    places = np.arange(y.size)
    right = np.clip(np.searchsorted(finite, places), 0, finite.size - 1)
    left = np.maximum(right - 1, 0)
    nearer = np.abs(finite[left] - places) < np.abs(finite[right] - places)
    chosen = np.where(nearer, finite[left], finite[right])
    return np.asarray(y.reshape(-1)[chosen].reshape(y.shape))
