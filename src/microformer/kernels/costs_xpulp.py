"""What the kernels of a cluster need of L1, in bytes: the C of kernels/xpulp lays it out."""

import math
from collections.abc import Callable

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands


def row_stride(k: int) -> int:
    """Bytes from row to row of k: an odd number of words."""
    return 4 * ((k + 3) // 4 | 1)


def panel_bytes(k: int) -> int:
    """Four columns of k and their constants."""
    return 16 * ((k + 3) // 4) + 32


def panel_group(rows: int, k: int, n: int) -> int:
    """As mf_panel_group."""
    quads, room = (rows + 3) // 4, 8192 // panel_bytes(k)
    return max(1, min((63 + quads) // quads, room, (n + 3) // 4))


def round8(size: int) -> int:
    """The next multiple of 8."""
    return -(-size // 8) * 8


def linear_scratch(_op: Op, inputs: Operands, output: Tensor) -> int:
    """Two groups of panels, the table, rows of x."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    rows = output.size // n
    table = 256 if len(inputs) > 4 and inputs[4] is not None else 0
    staged = (rows + 3) // 4 * 4 * row_stride(k)
    return round8(2 * panel_group(rows, k, n) * panel_bytes(k) + table + staged)


def norm_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Multiplier and constant of each element, two sums of each of 8 cores."""
    mult = inputs[1]
    assert mult is not None
    return 8 * mult.size + 64


def fixed_scratch(size: int) -> Callable[[Op, Operands, Tensor], int]:
    """The same for every node: tables of bytes."""
    return lambda _op, _inputs, _output: size


def binary_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """A part of the second operand, where that is a constant: MF_BINARY_CHUNK at most."""
    other = inputs[1]
    assert other is not None
    return 0 if other.data is None else round8(min(other.size, 2048))
