"""Converters of recurrent layers, equations (15) and (16)."""

import onnx_ir as ir

from microformer.graph.ops import Gru, Lstm
from microformer.graph.tensor import QParams
from microformer.quantize.context import Context
from microformer.quantize.scales import linear_integers, scale_integers
from microformer.quantize.source import integer, required_constant, value_name
from microformer.reference.recurrent import GATE_BITS, curve

_GATE = QParams(2.0**-GATE_BITS, 0, 16)
FEWEST_CELL_BITS, MOST_CELL_BITS = 3, 5
"""Cells reach 8 at least, as the table of tanh does, and 32: beyond, a step only adds to what is
saturated, and 2^-10 is fine enough for what is not."""


def lstm(c: Context, node: ir.Node) -> None:
    """gates [S, 4H] -> [S, H], equation (15)."""
    operands, shift, gate, out = _parts(c, node)
    steps = c.shape(operands[0])[0]  # each adds 1 to a cell at most
    bits = min(max((steps - 1).bit_length(), FEWEST_CELL_BITS), MOST_CELL_BITS)
    c.write(node, Lstm(shift, *gate, bits, *out), operands)


def gru(c: Context, node: ir.Node) -> None:
    """gates [S, 3H] -> [S, H], equation (16)."""
    operands, shift, gate, out = _parts(c, node)
    after = bool(integer(node, "reset_after", 0))
    c.write(node, Gru(after, shift, *gate, *out), operands)


_Integers = tuple[int, int, int]


def _parts(c: Context, node: ir.Node) -> tuple[tuple[str, ...], int, _Integers, _Integers]:
    """Operands, the shift of the recurrent product, and the integers of gates and outputs."""
    gates = c.read(node.inputs[0])
    weight = required_constant(node, 1, "recurrent weight")  # [G H, H]
    bias = required_constant(node, 2, "bias").reshape(-1)
    out = c.scales[value_name(node.outputs[0])]
    made = linear_integers(weight, bias, out, _GATE, str(node.name))
    own = c.qparams(gates)
    gate = scale_integers(own.scale / _GATE.scale, 128, own.zero_point, 0)
    stored = scale_integers(2.0**-15 / out.scale, 1 << 15, 0, out.zero_point)
    names = (
        c.builder.constant(f"{node.name}.recurrent", made.weight),
        c.builder.constant(f"{node.name}.mult", made.mult),
        c.builder.constant(f"{node.name}.add", made.add),
        c.builder.table("sigmoid_curve", curve("sigmoid")),
        c.builder.table("tanh_curve", curve("tanh")),
    )
    return (gates, *names), made.shift, gate, stored
