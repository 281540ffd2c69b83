"""The proof that 32 bits suffice, from the constants themselves (docs/arithmetic.md)."""

from dataclasses import dataclass

import numpy as np

from microformer.errors import ArithmeticProofError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.op import unknown
from microformer.graph.ops_audio import CEPSTRUM_BITS
from microformer.graph.tensor import Array
from microformer.reference.layernorm import H_LIMIT
from microformer.reference.log_mel import BIN_LIMIT, LOG_LIMIT
from microformer.reference.range_doppler import POWER_LIMIT
from microformer.reference.recurrent import RECURRENT_LIMIT
from microformer.reference.requantize import INT32_LIMIT


@dataclass(frozen=True)
class Proof:
    """The largest magnitude that any 32-bit value of each node can reach, by node name."""

    bounds: dict[str, int]

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value} < 2^31" for name, value in self.bounds.items())


def _limits(weight: Array) -> Array:
    flat = weight.reshape(weight.shape[0], -1).astype(np.int64)
    positive = np.where(flat > 0, flat, 0).sum(axis=1)
    negative = np.where(flat < 0, -flat, 0).sum(axis=1)
    return np.asarray(np.maximum(127 * positive + 128 * negative, 128 * positive + 127 * negative))


def _requantize_bound(limit: Array | int, mult: Array | int, add: Array | int) -> int:
    wide = np.abs(np.asarray(mult, np.int64)) * np.asarray(limit, np.int64)
    return int((wide + np.abs(np.asarray(add, np.int64))).max())


def _acc64_bound(limit: Array | int, mult: Array | int, add: Array | int, shift: int) -> int:
    """The larger of the 32-bit sum and the 64-bit product, the latter in units of 2^32."""
    total = np.asarray(limit, np.int64) + np.abs(np.asarray(add, np.int64))
    pairs = np.broadcast_arrays(total, np.asarray(mult, np.int64))
    products = (int(a) * int(m) for a, m in zip(*(p.reshape(-1) for p in pairs), strict=True))
    return max(int(total.max()), (max(products) + (1 << (shift - 1))) >> 32)


def _polynomial(exp: ops.Exponential) -> int:
    """The largest value of (4)'s polynomial; a LUT has none."""
    return exp.b**2 + exp.c if isinstance(exp, ops.IbertExp) else 0


def _largest(graph: IntGraph, node: Node, index: int) -> int:
    """The largest magnitude of an operand, by its type."""
    return 2**15 if graph.tensors[node.inputs[index]].dtype == "int16" else 128


def _bound(graph: IntGraph, node: Node) -> int:
    if isinstance(node.op, ops.AttentionBlock):
        return max(_bound(graph, part) for part in _parts(node, node.op))
    data = [t.data if t is not None else None for t in graph.operands(node)]
    shapes = [t.shape if t is not None else () for t in graph.operands(node)]
    op = node.op
    match op:
        case ops.Linear() | ops.Conv2d() | ops.ConvPool():
            weight, mult, add = data[1:4]
            assert weight is not None and mult is not None and add is not None
            if not isinstance(op, ops.ConvPool) and op.acc64:
                return _acc64_bound(_limits(weight), mult, add, op.shift)
            return _requantize_bound(_limits(weight), mult, add)
        case ops.MatMul():
            return _acc64_bound(255 * 255 * shapes[0][-1], op.mult, 0, op.shift)
        case ops.FineSoftmax():
            return op.numerator >> 31  # e R <= C: in units of 2^31, as 64 bits are used
        case ops.Attention():
            keys = shapes[1][0]
            bias = data[4] if len(data) > 4 else None
            extra = 0
            if bias is not None:
                extra = int(np.abs(np.where(bias == ops.MASKED, 0, bias).astype(np.int64)).max())
            score = 2 * (op.head_dim * 128 * 128 + extra)
            rows = 255 * 128 * keys
            out = op.out_mult * 128 + op.out_mult // 16 + op.out_round
            return max(score, rows, out, _polynomial(op.exponential))
        case ops.LayerNorm():
            assert data[1] is not None and data[2] is not None
            squares = shapes[0][-1] * 255**2 // 2  # they are unsigned: half of them counts
            if _largest(graph, node, 0) > 128:
                squares = shapes[0][-1] * (2**16 - 1) + 2**24  # u; D has 64 bits
            return max(squares, _requantize_bound(H_LIMIT, data[1], data[2]))
        case ops.Add():
            terms = _largest(graph, node, 0) * abs(op.mult_a)
            return terms + _largest(graph, node, 1) * abs(op.mult_b) + abs(op.add)
        case ops.Requantize():
            return _requantize_bound(2**15, op.mult, op.add)
        case ops.Mul():
            return _requantize_bound(255 * 255, op.mult, op.add)
        case ops.Mean():
            count = int(np.prod([shapes[0][a] for a in op.axes]))
            return _requantize_bound(128 * count, op.mult, op.add)
        case ops.AvgPool2d():
            assert data[1] is not None and data[2] is not None
            counts = np.arange(1, len(data[1]) + 1)
            return _requantize_bound(128 * counts, data[1], data[2])
        case ops.Lstm() | ops.Gru():
            weight, mult, add = data[1:4]
            assert weight is not None and mult is not None and add is not None
            return max(
                _requantize_bound(_limits(weight), mult, add),
                _requantize_bound(128, op.gate_mult, op.gate_add),
                _requantize_bound(2**15, op.out_mult, op.out_add),
                RECURRENT_LIMIT,
            )
        case ops.RangeDoppler():
            return POWER_LIMIT
        case ops.LogMel():
            cosines = data[6] if len(data) > 6 else None
            most, sums = LOG_LIMIT, 0
            if cosines is not None:
                sums = LOG_LIMIT * int(np.abs(cosines.astype(np.int64)).sum(axis=1).max())
                most = (sums >> CEPSTRUM_BITS) + 1
            return max(BIN_LIMIT, sums, _requantize_bound(most, op.mult, op.add))
        case ops.Softmax():
            return max(255 * shapes[0][-1], _polynomial(op.exponential))
        case ops.Lut() | ops.MaxPool2d() | ops.Embedding():
            return 128  # they pick bytes
        case ops.ArgMax():
            return max(128, shapes[0][-1])
        case ops.Concat() | ops.Slice() | ops.Reshape() | ops.Transpose():
            return _largest(graph, node, 0)  # they move them
        case _:
            raise unknown(op, "the proof")


def _parts(node: Node, op: ops.AttentionBlock) -> list[Node]:
    """The operations of a block; its rows stand for keys, which are as many."""
    x, *rest = node.inputs
    shifts = (*op.shifts, op.shift)
    parts = [
        Node(node.name, ops.Linear(shift), (x, *rest[3 * i : 3 * i + 3]), "")
        for i, shift in enumerate(shifts)
    ]
    return [*parts, Node(node.name, op.attention, (x, x, x, *rest[12:]), "")]


def prove(graph: IntGraph) -> Proof:
    """Bounds of all nodes; ArithmeticProofError naming the layer where one reaches 2^31."""
    bounds: dict[str, int] = {}
    for node in graph.nodes:
        bounds[node.name] = _bound(graph, node)
        if bounds[node.name] >= INT32_LIMIT:
            raise ArithmeticProofError(
                f"Layer '{node.name}' ({node.op.kind}) could reach {bounds[node.name]}, beyond "
                "32 bits; check the samples' scaling or split the layer."
            )
    return Proof(bounds)
