"""Imported weights of nine bits, exactly: some columns of the input once more (equation 1z)."""

import numpy as np
import onnx_ir as ir

from microformer.graph.ops import Concat, Slice
from microformer.graph.tensor import Array
from microformer.quantize.context import Context
from microformer.quantize.imported import imported_levels, imported_weight
from microformer.quantize.source import integer


def split_levels(c: Context, node: ir.Node, weight: Array) -> tuple[Array, Array] | None:
    """(levels int64 [N, ..., K], steps [N]) of imported weights with a zero point, or None.

    They need nine bits: levels less the zero point reach beyond int8.
    """
    grid = c.grid(node.inputs[1])
    if grid is None or integer(node, "group", 1) != 1:
        return None
    rows = grid.reshape(weight.shape[0], -1)  # a step a channel, so their order does not matter
    return None if imported_weight(weight, rows) is not None else imported_levels(weight, rows)


def with_columns(
    c: Context, node: ir.Node, x: str, levels: Array, steps: Array
) -> tuple[str, tuple[Array, Array]]:
    """x [..., K] with some of its columns once more, and int8 weights for both: exact.

    sum x l = sum x a + sum x b, with a = l clamped to int8 and b = l - a, which is zero but in the
    columns from the first to the last in which a level leaves int8.
    """
    inside = np.clip(levels, -127, 127)
    beyond = levels - inside
    columns = np.flatnonzero(beyond.any(axis=tuple(range(beyond.ndim - 1))))
    first, last = int(columns[0]), int(columns[-1]) + 1
    shape, qparams = c.shape(x), c.qparams(x)
    axis = len(shape) - 1
    again = c.step(
        f"{node.name}.columns",
        Slice(axis, first, last, 1),
        (x,),
        (*shape[:-1], last - first),
        qparams,
    )
    wide = (*shape[:-1], shape[-1] + last - first)
    both = c.step(f"{node.name}.wide", Concat(axis), (x, again), wide, qparams)
    weight = np.concatenate([inside, beyond[..., first:last]], axis=-1).astype(np.int8)
    return both, (weight, steps)
