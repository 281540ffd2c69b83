"""Rows of a residual stream that are of unlike size: which, and how they are grouped.

A class token or a register may be a tenth or a hundredth as large as the patches beside it. In one
scale it is left a few steps. A norm does not mind the scale of a row, and a sum takes any: so each
group of neighbouring rows has one of its own.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

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


def row_tensors(model: FloatModel) -> dict[str, int]:
    """Sums and joins that sums and norms read, [1, S, E] by name with S.

    None of a quantised model: its scales are kept.
    """
    found: dict[str, int] = {}
    if model.imported is not None:
        return found
    for node in model.model.graph:
        value = node.outputs[0]
        shape = () if value.shape is None else tuple(value.shape.numpy())
        if len(shape) != 3 or shape[0] != 1 or not 2 <= shape[1] <= MOST_ROWS:
            continue
        joins = node.op_type == "Concat" and node.attributes.get_int("axis", 0) in (1, -2)
        if (node.op_type == "Add" or joins) and value.name not in model.output_names:
            kinds = set(_readers(value))
            if kinds & {"Add", *_NORMS}:
                found[str(value.name)] = int(shape[1])
    return found


def _readers(value: ir.Value) -> Iterable[str]:
    for use in value.uses():
        if use.node.op_type in _MOVES:
            yield from _readers(use.node.outputs[0])
        else:
            yield use.node.op_type


def grouped(
    low: dict[str, NDArray[np.float64]], high: dict[str, NDArray[np.float64]]
) -> dict[str, tuple[RowRange, ...]]:
    """Groups of rows by tensor, from the extremes [S] of each; none where all rows are alike.

    Tensors of as many rows are cut alike, so that what adds two of them has the same groups.
    """
    found: dict[str, tuple[RowRange, ...]] = {}
    for rows in {len(values) for values in low.values()}:
        names = [name for name, values in low.items() if len(values) == rows]
        peaks = np.stack([np.maximum(np.abs(low[n]), np.abs(high[n])) for n in names])
        cuts = _cuts(
            np.log2(np.maximum(peaks, peaks.max(axis=1, keepdims=True) * 2.0**-20 + 1e-30))
        )
        if len(cuts) == 2:
            continue
        for name in names:
            found[name] = tuple(
                RowRange(a, b, float(low[name][a:b].min()), float(high[name][a:b].max()))
                for a, b in pairwise(cuts)
            )
    return found


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
