"""Equations (15) and (16): recurrent layers, gates in int16 between tables."""

import math

import numpy as np
from numpy.typing import NDArray

from microformer.graph.ops import Gru, Lstm, Recurrent
from microformer.graph.tensor import Array
from microformer.reference.requantize import clamp8

GATE_BITS = 12
"""A gate's argument is in steps of 2^-12: the tables reach from -8 to 8."""
RECURRENT_LIMIT = (2**15 - 1) * 2 * (2**15 - 1) + 2**14
"""Equation (16): the update gate times the largest difference of state and new value."""
ONE = 1 << 15
"""What 1 is among the values of gates."""


def curve(function: str) -> NDArray[np.int16]:
    """Equation (15t): round(2^15 f(-8 + i / 16)) for i = 0..256, saturated. int16 [257]."""
    steps = [-8.0 + i / 16.0 for i in range(257)]
    value = math.tanh if function == "tanh" else (lambda x: 1.0 / (1.0 + math.exp(-x)))
    exact = np.floor(np.array([ONE * value(x) for x in steps]) + 0.5)
    return np.asarray(np.clip(exact, 1 - ONE, ONE - 1).astype(np.int16))


def _clamp16(value: Array) -> Array:
    return np.clip(value, -ONE, ONE - 1)


def interpolated(table: Array, p: Array) -> Array:
    """Equation (15t): between two entries of a table, p in steps of 2^-12, int64 any shape."""
    index, rest = (p + ONE) >> 8, (p + ONE) & 255
    low = table.astype(np.int64)[index]
    return np.asarray(low + (((table.astype(np.int64)[index + 1] - low) * rest + 128) >> 8))


def _product(a: Array, b: Array) -> Array:
    """round(a b / 2^15)."""
    return (a * b + (ONE >> 1)) >> 15


class _Layer:
    """What both have: the gates' arguments from the input and from the last output."""

    def __init__(self, op: Recurrent, gates: Array, weight: Array, mult: Array, add: Array) -> None:
        self.op, self.units = op, weight.shape[1]
        self.given = (gates.astype(np.int64) * op.gate_mult + op.gate_add) >> op.gate_shift
        self.weight, self.mult, self.add = (a.astype(np.int64) for a in (weight, mult, add))

    def recurrent(self, h: Array, gate: int) -> Array:
        """Of gate number ``gate``, from the int8 output h [B, H]: [B, H] in steps of 2^-12."""
        rows = slice(gate * self.units, (gate + 1) * self.units)
        acc = h.astype(np.int64) @ self.weight[rows].T
        return np.asarray((acc * self.mult[rows] + self.add[rows]) >> self.op.shift)

    def of_input(self, step: int, gate: int) -> Array:
        """The same, from the input."""
        return np.asarray(self.given[:, step, gate * self.units : (gate + 1) * self.units])

    def stored(self, value: Array) -> NDArray[np.int8]:
        """int8 of a value in steps of 2^-15."""
        op = self.op
        return clamp8((value * op.out_mult + op.out_add) >> op.out_shift)


def lstm(
    op: Lstm, gates: Array, weight: Array, mult: Array, add: Array, sigmoid: Array, tanh: Array
) -> NDArray[np.int8]:
    """Equation (15): gates int8 [B, S, 4H] -> int8 [B, S, H]; state and cell begin at zero."""
    layer = _Layer(op, gates, weight, mult, add)
    cell = np.zeros((len(gates), layer.units), np.int64)
    h = layer.stored(cell)
    rows = []
    for step in range(gates.shape[1]):
        i, o, f, g = (
            _clamp16(layer.recurrent(h, gate) + layer.of_input(step, gate)) for gate in range(4)
        )
        i, o, f = (interpolated(sigmoid, p) for p in (i, o, f))
        g = interpolated(tanh, g)
        fresh = (i * g + (1 << (14 + op.cell_bits))) >> (15 + op.cell_bits)
        cell = _clamp16(_product(f, cell) + fresh)
        argument = _clamp16(cell << (op.cell_bits - 3))
        h = layer.stored(_product(o, interpolated(tanh, argument)))
        rows.append(h)
    return np.stack(rows, axis=1)


def gru(
    op: Gru, gates: Array, weight: Array, mult: Array, add: Array, sigmoid: Array, tanh: Array
) -> NDArray[np.int8]:
    """Equation (16): gates int8 [B, S, 3H] -> int8 [B, S, H]; the state begins at zero."""
    layer = _Layer(op, gates, weight, mult, add)
    state = np.zeros((len(gates), layer.units), np.int64)
    h = layer.stored(state)
    rows = []
    for step in range(gates.shape[1]):
        z, r = (
            interpolated(sigmoid, _clamp16(layer.recurrent(h, gate) + layer.of_input(step, gate)))
            for gate in range(2)
        )
        if op.reset_after:
            inner = _product(r, _clamp16(layer.recurrent(h, 2)))
        else:
            inner = layer.recurrent(layer.stored(_product(r, state)), 2)
        n = interpolated(tanh, _clamp16(inner + layer.of_input(step, 2)))
        state = n + _product(z, state - n)
        h = layer.stored(state)
        rows.append(h)
    return np.stack(rows, axis=1)
