"""Constants in the order that a kernel reads them."""

from collections.abc import Mapping

import numpy as np

from microformer.graph.ops import Op
from microformer.graph.tensor import Array
from microformer.kernels.signatures import Operands

Packed = Mapping[str, Array | None]
"""New data by the tensor's name; None for one that the kernel no longer reads."""


def panels(weight: Array, mult: Array, add: Array) -> Array:
    """int32 [ceil(n / 4), 4 ceil(k / 4) + 8]: four columns word by word, then (2)'s constants.

    ``weight`` int8 [n, ...] of k values a column; ``mult``, ``add`` int32 [n]. Columns and
    values that are not there are zero.
    """
    n, k = len(weight), weight[0].size
    count, words = -(-n // 4), -(-k // 4)
    padded = np.zeros((4 * count, 4 * words), np.int8)
    padded[:n, :k] = weight.reshape(n, k)
    columns = padded.reshape(count, 4, words, 4).transpose(0, 2, 1, 3)
    body = np.ascontiguousarray(columns).reshape(count, -1).view("<i4")
    constants = np.zeros((2, 4 * count), np.int32)
    constants[0, :n], constants[1, :n] = mult, add
    tail = constants.reshape(2, count, 4).transpose(1, 2, 0).reshape(count, 8)
    return np.concatenate([body, tail], axis=1).astype(np.int32)


def pack_linear(_op: Op, inputs: Operands) -> Packed:
    """Weight and constants of a matrix product as panels."""
    return _packed(inputs, (1,))


def pack_block(_op: Op, inputs: Operands) -> Packed:
    """The four projections of an attention layer as panels."""
    return _packed(inputs, (1, 4, 7, 10))


def pack_norm(_op: Op, inputs: Operands) -> Packed:
    """int32 [N, 2]: multiplier and constant of (7d) of each element side by side."""
    mult, add = inputs[1:3]
    assert mult is not None and add is not None and mult.data is not None
    assert add.data is not None
    pairs = np.stack([mult.data, add.data], axis=1).astype(np.int32)
    return {mult.name: pairs, add.name: None}


def _packed(inputs: Operands, places: tuple[int, ...]) -> Packed:
    made: dict[str, Array | None] = {}
    for place in places:
        weight, mult, add = inputs[place : place + 3]
        assert weight is not None and mult is not None and add is not None
        assert weight.data is not None and mult.data is not None and add.data is not None
        made[weight.name] = panels(weight.data, mult.data, add.data)
        made[mult.name] = made[add.name] = None
    return made
