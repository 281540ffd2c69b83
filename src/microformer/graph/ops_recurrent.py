"""Recurrent layers: see ``graph.ops`` for how their inputs are listed."""

from dataclasses import dataclass

from microformer.graph.op import Op


@dataclass(frozen=True)
class Lstm(Op):
    """A long short-term memory over S steps, equation (15).

    Inputs: gates [S, 4H] (of the input alone: input, output, forget, cell), weight int8 [4H, H]
    of the last output, mult int32 [4H], add int32 [4H], sigmoid int16 [257], tanh int16 [257].
    Output: [S, H]. ``cell_bits`` n: the cell is int16 in steps of 2^(n - 15).
    """

    shift: int
    gate_mult: int
    gate_add: int
    gate_shift: int
    cell_bits: int
    out_mult: int
    out_add: int
    out_shift: int

    @property
    def gates(self) -> int:
        """Rows of the weight for one unit."""
        return 4


@dataclass(frozen=True)
class Gru(Op):
    """A gated recurrent unit over S steps, equation (16).

    Inputs: gates [S, 3H] (of the input alone: update, reset, new), weight int8 [3H, H] of the last
    output, mult int32 [3H], add int32 [3H], sigmoid int16 [257], tanh int16 [257].
    Output: [S, H]. ``reset_after``: the reset gate works on the product, else on the output that
    goes into it.
    """

    reset_after: bool
    shift: int
    gate_mult: int
    gate_add: int
    gate_shift: int
    out_mult: int
    out_add: int
    out_shift: int

    @property
    def gates(self) -> int:
        """Rows of the weight for one unit."""
        return 3


Recurrent = Lstm | Gru
