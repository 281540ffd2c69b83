"""Activations recognised by what they compute, not by how an exporter spelt them.

A group of elementwise nodes with scalar constants between one value x and one value y is a
function of one variable. It is evaluated in float64 on a grid and compared with the known
functions. So x / 2 * (1 + erf(x / sqrt 2)), 0.5 x (1 + erf(0.7071 x)) and (x + x erf(...)) * 0.5
are all Gelu, and a chain of scalings is one scaling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from microformer.analysis.pointwise import EVALUATE, sigmoid
from microformer.graph.tensor import Array
from microformer.load import edit

GRID: Array = np.concatenate([np.linspace(-8, 8, 1601), np.linspace(-60, 60, 241)])
TOLERANCE = 2e-5
"""Exporters write sqrt(2) with 4 to 8 digits; erf and tanh Gelu differ by 4.7e-4."""
MAX_NODES = 24
_APART = (
    *("Add", "Sub", "Mul", "Div", "Erf", "Tanh", "Sigmoid", "Relu", "Clip", "HardSigmoid"),
    *("HardSwish", "Gelu"),
)
"""What has a canonical form alone: ``--exact-import`` keeps these as the file has them."""


Step = tuple[str, dict[str, Any], tuple[float, ...]]
"""An operation, its attributes, its scalar constant inputs."""


@dataclass(frozen=True)
class Function:
    """A canonical function: operations applied in turn."""

    steps: tuple[Step, ...] = ()

    @property
    def affine(self) -> bool:
        """Whether only Mul and Add are left."""
        return all(op in ("Mul", "Add") for op, _, _ in self.steps)


def recognise_activations(graph: ir.Graph) -> bool:
    """Replace the largest groups that compute a known function by that function."""
    place = {id(node): number for number, node in enumerate(graph)}
    modified = False
    for node in reversed(list(graph)):
        if not elementwise(node) or not (node.outputs[0].uses() or _is_output(node)):
            continue
        if node.outputs[0].dtype == ir.DataType.BOOL:
            continue
        best: tuple[ir.Value, Function] | None = None
        for source, members in islands(node, place):
            if edit.shape_of(source) != edit.shape_of(node.outputs[0]):
                continue
            if source.dtype == ir.DataType.BOOL:
                continue
            found = identify(_evaluate(node, source, members).astype(np.float64))
            if found is None or not _better(found, members):
                continue
            apart = edit.is_exact(graph) and all(m.op_type in _APART for m in members)
            if rounds_inside(members) and (found.affine or apart):
                continue
            if best is None or not found.affine or best[1].affine:
                best = (source, found)
        if best is not None:
            _emit(node, *best)
            modified = True
    return modified


def rounds_inside(members: list[ir.Node]) -> bool:
    """Whether an imported model rounds between the first (which is last) and the other members."""
    return any(edit.quant_of(member.outputs[0]) is not None for member in members[1:])


def _is_output(node: ir.Node) -> bool:
    return node.outputs[0].is_graph_output()


def elementwise(node: ir.Node) -> bool:
    if node.op_type not in EVALUATE or node.domain not in ("", edit.DOMAIN):
        return False
    if any(edit.array_of(v) is not None and edit.scalar_of(v) is None for v in node.inputs):
        return False
    return bool(sources(node)) and len(node.outputs) == 1


def sources(node: ir.Node) -> list[ir.Value]:
    return [v for v in node.inputs if v is not None and edit.array_of(v) is None]


def islands(node: ir.Node, place: dict[int, int]) -> Iterator[tuple[ir.Value, list[ir.Node]]]:
    """Groups that end in ``node`` and start from one value, from the smallest to the largest."""
    members, frontier = [node], dict.fromkeys(sources(node))
    while len(members) <= MAX_NODES:
        if len(frontier) == 1:
            yield next(iter(frontier)), members
        inner = [v for v in frontier if (p := v.producer()) is not None and elementwise(p)]
        if not inner:
            return
        value = max(inner, key=lambda v: place.get(id(v.producer()), -1))
        maker = value.producer()
        assert maker is not None
        del frontier[value]
        members = [*members, maker]
        frontier.update(dict.fromkeys(sources(maker)))


def _evaluate(node: ir.Node, source: ir.Value, members: list[ir.Node]) -> Array:
    """The function from ``source`` to the output of ``node``, on the grid, in float64."""
    known: dict[ir.Value, Array] = {source: GRID}
    for member in reversed(members):  # inner nodes first: each was added after its readers
        arguments: list[Array | float | None] = [
            known[v] if v in known else edit.scalar_of(v) for v in member.inputs
        ]
        attributes = {k: a.value for k, a in member.attributes.items()}
        with np.errstate(all="ignore"):
            known[member.outputs[0]] = EVALUATE[member.op_type](*arguments, **attributes)
    return known[node.outputs[0]]


def identify(y: Array) -> Function | None:
    """The canonical function whose values on the grid are ``y``, or None."""
    if not np.isfinite(y).all():
        return None
    middle, one = int(np.argmin(np.abs(GRID))), int(np.argmin(np.abs(GRID - 1)))
    offset, slope = float(y[middle]), float(y[one] - y[middle])
    if _same(y, slope * GRID + offset):
        steps: list[Step] = [("Mul", {}, (slope,))] if abs(slope - 1) > 1e-7 else []
        steps += [("Add", {}, (offset,))] if abs(offset) > 1e-9 else []
        return Function(tuple(steps))
    low, high = float(y.min()), float(y.max())
    candidates: list[Step] = [
        ("Relu", {}, ()),
        ("Clip", {}, (low, high)),
        ("Sigmoid", {}, ()),
        ("Tanh", {}, ()),
        ("Silu", {}, ()),
        ("HardSwish", {}, ()),
        ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, ()),
        ("HardSigmoid", {"alpha": slope, "beta": offset}, ()),
        ("Gelu", {"approximate": "none"}, ()),
        ("Gelu", {"approximate": "tanh"}, ()),
    ]
    for op, attributes, scalars in candidates:
        if _same(y, EVALUATE[op](GRID, *scalars, **attributes)):
            return Function(((op, attributes, scalars),))
    if 0 < y[one] < 1:  # x sigmoid(a x), the quick GELU, is silu(a x) / a
        gain = float(np.log(y[one] / (1 - y[one])))
        if abs(gain) > 0.1 and _same(y, GRID * sigmoid(gain * GRID)):
            return Function((("Mul", {}, (gain,)), ("Silu", {}, ()), ("Mul", {}, (1 / gain,))))
    return None


def _same(a: Array, b: Array) -> bool:
    return bool(np.all(np.abs(a - b) <= TOLERANCE + 1e-6 * np.abs(b)))


def _better(found: Function, members: list[ir.Node]) -> bool:
    """Whether the function has fewer nodes than its group, or the group is not canonical."""
    if len(members) != len(found.steps):
        return len(members) > len(found.steps)
    return sorted(m.op_type for m in members) != sorted(op for op, _, _ in found.steps)


def _emit(node: ir.Node, source: ir.Value, function: Function) -> None:
    value, shape = source, edit.shape_of(source)
    for op, attributes, scalars in function.steps:
        constants = [edit.constant(node, np.array(s)) for s in scalars]
        domain = edit.DOMAIN if op == "Silu" else ""
        value = edit.insert(node, op, [value, *constants], shape, attributes, domain)
    edit.replace(node.outputs[0], value)
