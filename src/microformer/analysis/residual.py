"""The residual stream of a float model: the tensors that may be int16."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from microformer.graph.float_model import FloatModel

if TYPE_CHECKING:
    import onnx_ir as ir

_MOVES = {"Reshape", "Transpose"}
_NORMS = {"LayerNormalization", "RMSNormalization"}
_MADE = {"Linear", *_NORMS}
"""What can write int16 beside a sum."""


def residual_tensors(model: FloatModel) -> tuple[str, ...]:
    """Names, in the model's order: sums that a norm or another sum reads, and what is added.

    A residual sum adds two computed tensors of one shape. Its operands count where a Linear or a
    norm makes them; a matrix product's other readers see them as int8. The model's output is int8.
    """
    found = []
    for node in model.model.graph:
        value = node.outputs[0]
        if value.name in model.output_names:
            continue
        readers = list(_readers(value))
        if node.op_type == "Add":
            wanted = any(r.op_type == "Add" or r.op_type in _NORMS for r in readers)
        else:
            wanted = node.op_type in _MADE and any(_is_residual(r) for r in readers)
        if wanted:
            found.append(str(value.name))
    return tuple(found)


def widened(model: FloatModel, int16_tensors: frozenset[str]) -> Iterator[str]:
    """``int16_tensors`` and what moves it on the way to a sum or norm, in the model's order."""
    wide: set[str] = set()
    for node in model.model.graph:
        value = node.outputs[0]
        name = str(value.name)
        moved = node.op_type in _MOVES and str(node.inputs[0] and node.inputs[0].name) in wide
        if moved and name not in model.output_names:
            moved = any(r.op_type == "Add" or r.op_type in _NORMS for r in _readers(value))
        if name in int16_tensors or (moved and name not in model.output_names):
            wide.add(name)
            yield name


def _readers(value: "ir.Value") -> Iterator["ir.Node"]:
    """The nodes that read ``value``, also behind operations that only move it."""
    for use in value.uses():
        if use.node.op_type in _MOVES:
            yield from _readers(use.node.outputs[0])
        else:
            yield use.node


def _is_residual(node: "ir.Node") -> bool:
    """A sum of two computed tensors of one shape."""
    if node.op_type != "Add":
        return False
    shapes = [None if v is None or v.const_value is not None else v.shape for v in node.inputs]
    return None not in shapes and shapes[0] == shapes[1]
