"""The float functions that become 256-byte tables, and where their tails are flat."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.analysis.pointwise import (
    EVALUATE,
    NAME,
    computed,
    erf,
    gelu,
    hard_sigmoid,
    kind_of,
    sigmoid,
    steps_of,
)
from microformer.graph.tensor import QParams
from microformer.quantize.source import constant_of, real, text

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _gelu(node: ir.Node) -> Function:
    return partial(gelu, approximate=text(node, "approximate", "none"))


def clip_bounds(node: ir.Node) -> tuple[float, float]:
    """(low, high) of a Relu or Clip node."""
    if node.op_type == "Relu":
        return 0.0, math.inf
    bounds = [-math.inf, math.inf]
    for index in (1, 2):
        data = constant_of(node.inputs[index]) if index < len(node.inputs) else None
        if data is not None:
            bounds[index - 1] = float(data.reshape(()))
    return bounds[0], bounds[1]


def _clip(node: ir.Node) -> Function:
    low, high = clip_bounds(node)
    return lambda x: np.clip(x, low, high)


def _hard_sigmoid(node: ir.Node) -> Function:
    alpha, beta = real(node, "alpha", 0.2), real(node, "beta", 0.5)
    return partial(hard_sigmoid, alpha=alpha, beta=beta)


FUNCTIONS: dict[str, Callable[[ir.Node], Function]] = {
    "Relu": _clip,
    "Clip": _clip,
    "Gelu": _gelu,
    "Silu": lambda _: EVALUATE["Silu"],
    "Sigmoid": lambda _: sigmoid,
    "Tanh": lambda _: np.tanh,
    "Erf": lambda _: erf,
    "HardSwish": lambda _: lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "HardSigmoid": _hard_sigmoid,
    NAME: lambda node: partial(computed, steps_of(node)),
}
"""Canonical op type -> the function a node of that type computes, elementwise, float64."""


def function_of(node: ir.Node) -> Function | None:
    """The function that a node computes elementwise, None of any other node."""
    made = FUNCTIONS.get(kind_of(node))
    return None if made is None else made(node)


def function_lut(function: Function, x: QParams, y: QParams) -> NDArray[np.int8]:
    """Equation (6): the int8 nearest to function of each int8 input. int8 [256]."""
    inputs = x.dequantize(np.arange(-128, 128))
    with np.errstate(invalid="ignore"):  # an infinity saturates
        levels = np.floor(function(inputs) / y.scale + 0.5) + y.zero_point
    entries: NDArray[np.int8] = np.clip(levels, -128, 127).astype(np.int8)
    return entries


def useful_range(
    function: Function, low: float, high: float, tolerance: float
) -> tuple[float, float]:
    """[low, high] without the tails over which ``function`` moves by less than ``tolerance``.

    A GELU's inputs below about -3 all give nearly zero: spending int8 levels on them only makes
    the steps elsewhere coarser. Always keeps zero.
    """
    grid = np.linspace(min(low, 0.0), max(high, 0.0), 4097)
    values = np.nan_to_num(function(grid))
    flat_left = np.maximum.accumulate(np.abs(values - values[0])) <= tolerance
    flat_right = np.maximum.accumulate(np.abs(values - values[-1])[::-1])[::-1] <= tolerance
    left = int(np.argmin(flat_left)) - 1 if not flat_left.all() else 0
    right = len(grid) - int(np.argmin(flat_right[::-1])) if not flat_right.all() else len(grid) - 1
    tail_low, tail_high = float(grid[max(left, 0)]), float(grid[min(right, len(grid) - 1)])
    return min(tail_low, 0.0), max(tail_high, 0.0)
