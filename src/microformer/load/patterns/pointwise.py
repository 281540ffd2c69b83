"""Any other function of one value: elementwise nodes and numbers as one node, ``Pointwise``.

It becomes one table of 256 entries, however many nodes it was spelled with. What has a canonical
operator alone (a scaling, ReLU, GELU ...) stays as it is; what meets itself again (x - tanh x) does
not.
"""

import hashlib
from typing import Any

import onnx_ir as ir

from microformer.analysis.pointwise import NAME, Steps, written
from microformer.load import edit
from microformer.load.patterns.activation import elementwise, islands, rounds_inside, sources

_CANONICAL = {
    *("Add", "Sub", "Mul", "Relu", "Clip", "Gelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid"),
    *("Silu", "Erf"),
}


def gather_pointwise(graph: ir.Graph) -> bool:
    """Replace the largest groups of one source that hold an operator of no canonical form."""
    place = {id(node): number for number, node in enumerate(graph)}
    modified = False
    for node in reversed(list(graph)):
        output = node.outputs[0]
        if not elementwise(node) or not (output.uses() or output.is_graph_output()):
            continue
        if output.dtype != ir.DataType.FLOAT:
            continue
        best: tuple[ir.Value, list[ir.Node]] | None = None
        for source, members in islands(node, place):
            alike = edit.shape_of(source) == edit.shape_of(output)
            float_source = source.dtype == ir.DataType.FLOAT
            if not (alike and float_source) or rounds_inside(members):
                continue
            if any(m.op_type not in _CANONICAL or len(sources(m)) > 1 for m in members):
                best = (source, members)
        if best is not None:
            _emit(node, *best)
            modified = True
    return modified


def _emit(node: ir.Node, source: ir.Value, members: list[ir.Node]) -> None:
    numbers: dict[ir.Value, int] = {source: 0}
    steps: Steps = []
    for member in reversed(members):  # inner nodes first: each was added after its readers
        given: list[Any] = []
        for value in member.inputs:
            if value is None:
                given.append(None)
            elif value in numbers:
                given.append(numbers[value])
            else:
                given.append([edit.scalar_of(value)])
        attributes = {name: attribute.value for name, attribute in member.attributes.items()}
        steps.append((member.op_type, attributes, given))
        numbers[member.outputs[0]] = len(steps)
    text = written(steps)
    name = f"{NAME}{int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)}"
    shape = edit.shape_of(node.outputs[0])
    value = edit.insert(node, name, [source], shape, {"steps": text}, domain=edit.DOMAIN)
    edit.replace(node.outputs[0], value)
