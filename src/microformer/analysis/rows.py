"""Rows of a sequence that are of unlike size: which, and how they are grouped.

A class token or a register may be a tenth or a hundredth as large as the patches beside it, or a
hundred times as large. In one scale the smaller ones are left a few steps. A norm does not mind the
scale of a row, a sum takes any, and so does a matrix product row by row: so each group of
neighbouring rows has one of its own.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.analysis.pointwise import NAME
from microformer.graph.float_model import FloatModel, RowRange

MOST_GROUPS = 4
"""Each further group is a sum and a norm more, of few rows."""
SPREAD = 1.0
"""Bits by which the largest values of rows differ that are of one kind."""
LEAST_GAIN = 0.5
"""Bits that rows must gain together beyond that, on the average over the tensors, for a group."""
MOST_ROWS = 512
_NORMS = {"LayerNormalization", "RMSNormalization"}
_MOVES = {"Reshape", "Slice", "Concat"}
_FUNCTIONS = {"Gelu", "Silu", "Sigmoid", "Tanh", "Erf", "HardSwish", "HardSigmoid", NAME}
"""Without those that the saturation of another layer may do."""


def stream_tensors(model: FloatModel) -> dict[str, int]:
    """Sums and joins that sums and norms read, [1, S, E] by name with S.

    None of a quantised model: its scales are kept.
    """
    found: dict[str, int] = {}
    for node, value, rows in _sequences(model):
        joins = node.op_type == "Concat" and node.attributes.get_int("axis", 0) in (1, -2)
        if (node.op_type == "Add" or joins) and set(_readers(value)) & {"Add", *_NORMS}:
            found[str(value.name)] = rows
    return found


def matrix_tensors(model: FloatModel) -> dict[str, int]:
    """What products, norms and functions make for one another and for sums, [1, S, E] with S.

    What an Attention reads keeps one scale: a softmax weighs all rows of keys and values together.
    What one makes is read head by head, its product's sums never being whole, so neither has the
    product behind it groups of its own.
    """
    found: dict[str, int] = {}
    for node, value, rows in _sequences(model):
        if node.op_type not in {"Linear", *_NORMS, *_FUNCTIONS} or node.inputs[0] is None:
            continue
        source = node.inputs[0].producer()
        if source is None or source.op_type == "Attention":
            continue
        kinds = {use.node.op_type for use in value.uses()}
        if kinds & {"Add", "Linear", *_NORMS, *_FUNCTIONS} and not kinds & {"Relu", "Clip"}:
            found[str(value.name)] = rows
    return found


def _sequences(model: FloatModel) -> Iterable[tuple[ir.Node, ir.Value, int]]:
    """Nodes that make a value [1, S, E], none of which is an output, with S."""
    for node in model.model.graph if model.imported is None else ():
        value = node.outputs[0]
        shape = () if value.shape is None else tuple(value.shape.numpy())
        if len(shape) != 3 or shape[0] != 1 or value.name in model.output_names:
            continue
        if 2 <= shape[1] <= MOST_ROWS:
            yield node, value, int(shape[1])


def _readers(value: ir.Value) -> Iterable[str]:
    for use in value.uses():
        if use.node.op_type in _MOVES:
            yield from _readers(use.node.outputs[0])
        else:
            yield use.node.op_type


def grouped(
    low: dict[str, NDArray[np.float64]],
    high: dict[str, NDArray[np.float64]],
    streams: Collection[str],
) -> dict[str, tuple[RowRange, ...]]:
    """Groups of rows by tensor, from the extremes [S] of each; none where all rows are alike.

    Tensors of as many rows are cut alike, as is best for those of ``streams``, so that what adds
    two of them has the same groups. The others are cut where they gain by themselves.
    """
    found: dict[str, tuple[RowRange, ...]] = {}
    for rows in sorted({len(values) for values in low.values()}):
        bits = {n: _bits(values, high[n]) for n, values in low.items() if len(values) == rows}
        wanted = [own for n, own in bits.items() if n in streams]
        cuts = _cuts(np.stack(wanted)) if wanted else [0, rows]
        if len(cuts) == 2:
            continue
        for name, own in bits.items():
            if name in streams or _gain(own, cuts) >= LEAST_GAIN * (len(cuts) - 2):
                found[name] = tuple(
                    RowRange(a, b, float(low[name][a:b].min()), float(high[name][a:b].max()))
                    for a, b in pairwise(cuts)
                )
    return found


def _bits(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log2 of the largest magnitude of each row [S], from its extremes."""
    peaks = np.maximum(np.abs(low), np.abs(high))
    return np.asarray(np.log2(np.maximum(peaks, peaks.max() * 2.0**-20 + 1e-30)))


def _gain(bits: NDArray[np.float64], cuts: list[int]) -> float:
    """Bits that the rows of one tensor gain together by ``cuts``, beyond ``SPREAD``."""

    def loss(part: NDArray[np.float64]) -> float:
        return float(np.maximum(part.max() - part - SPREAD, 0.0).sum())

    return loss(bits) - sum(loss(bits[a:b]) for a, b in pairwise(cuts))


def _cuts(bits: NDArray[np.float64]) -> list[int]:
    """Where to cut rows of log2 magnitude [tensors, S]: 0, ..., S, of least loss.

    The loss of a row is the bits by which its group's largest exceeds it, beyond ``SPREAD``, which
    rows that are alike differ by.
    """
    rows = bits.shape[1]
    size = (bits - bits.max(axis=1, keepdims=True)).mean(axis=0)  # [S], averaged over tensors
    loss = np.full((rows, rows + 1), np.inf)  # of one group start .. stop
    for start in range(rows):
        most = np.maximum.accumulate(size[start:])  # by the group's last row
        waste = np.maximum(most[:, None] - size[None, start:] - SPREAD, 0.0)
        loss[start, start + 1 :] = np.tril(waste).sum(axis=1)
    best = np.full((MOST_GROUPS + 1, rows + 1), np.inf)
    best[0, 0] = 0.0
    before = np.zeros((MOST_GROUPS + 1, rows + 1), int)
    for count in range(1, MOST_GROUPS + 1):
        sums = best[count - 1][:rows, None] + loss  # [start, stop]
        before[count], best[count] = sums.argmin(axis=0), sums.min(axis=0)
    chosen = 1
    for count in range(2, MOST_GROUPS + 1):
        if best[chosen, rows] - best[count, rows] >= LEAST_GAIN * (count - chosen):
            chosen = count
    cuts = [rows]
    for count in range(chosen, 0, -1):
        cuts.insert(0, int(before[count, cuts[0]]))
    return cuts
