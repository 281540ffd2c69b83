"""Where a canonical model's constants come from: which element of which parameter of the module.

``load`` splits, turns and folds weights. What it did to a parameter is seen by loading the module a
second time with a number of its own in every element: a constant that holds such numbers only is
made of those elements.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch import nn

from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.load import load

_WEIGHTS = {
    "Linear": (1, 2),
    "Conv": (1, 2),
    "Lstm": (1,),
    "Gru": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "Gather": (0,),
    "Add": (0, 1),
    "Mul": (0, 1),
    "Concat": None,
    "Attention": (3,),  # a bias of relative positions, where it is a parameter's copy
}
_MADE_OF_FOLDS = {"Linear", "Conv", "LayerNormalization", "RMSNormalization", "Gather"}


@dataclass(frozen=True, eq=False)
class Origin:
    """A constant as elements ``index`` (int64, the constant's shape) of all parameters in a row."""

    index: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Provenance:
    """Constants that can be trained: copies of parameters, and what was folded of several."""

    copies: Mapping[str, Origin]
    folded: tuple[str, ...]


def weights(model: FloatModel) -> dict[str, tuple[str, Array]]:
    """Real constants that stand for weights: name -> (op type of their reader, data)."""
    return {str(value.name): (node.op_type, _data(value)) for node, _, value in _uses(model)}


def _uses(model: FloatModel) -> Iterator[tuple[ir.Node, int, ir.Value]]:
    """Every use of a real constant as a weight: node, input, value."""
    for node in model.model.graph:
        places = _WEIGHTS.get(node.op_type, ())
        for index, value in enumerate(node.inputs):
            if value is None or value.const_value is None or value.dtype != ir.DataType.FLOAT:
                continue
            if places is None or index in places:
                yield node, index, value


def unshared(model: FloatModel) -> FloatModel:
    """A copy in which no two nodes read one weight.

    ``load`` keeps equal constants once: in a fresh module all zero biases are one, and would be
    trained as one. Weights that are tied in the module stay tied: they copy one parameter.
    """
    made = model.with_constants({})
    seen: set[str] = set()
    for node, index, value in list(_uses(made)):
        if str(value.name) not in seen:
            seen.add(str(value.name))
            continue
        data = _data(value)
        name = f"{node.name}.own{index}"
        own = ir.val(name, ir.DataType.FLOAT, data.shape, const_value=ir.tensor(data, name=name))
        made.model.graph.register_initializer(own)
        node.replace_input_with(index, own)
        seen.add(name)
    return made


def own_weights(model: FloatModel) -> Provenance:
    """All that is surely a weight, where no module tells weights from other constants."""
    surely = {*_MADE_OF_FOLDS, "Add", "Concat"}
    return Provenance({}, tuple(n for n, (op, _) in weights(model).items() if op in surely))


def _tagged(module: nn.Module) -> tuple[nn.Module, NDArray[np.float32]]:
    """A copy with another number in every element, and the sorted numbers (in that order)."""
    copied = copy.deepcopy(module)
    total = sum(p.numel() for p in copied.parameters())
    numbers = (np.arange(total, dtype=np.int64) + 0x3F000000 + 1).astype(np.int32)
    tags: NDArray[np.float32] = numbers.view(np.float32)  # consecutive floats from 1/2 on
    first = 0
    with torch.no_grad():
        for parameter in copied.parameters():
            part = tags[first : first + parameter.numel()].reshape(parameter.shape)
            parameter.copy_(torch.from_numpy(part.copy()))
            first += parameter.numel()
    return copied, tags


def trace(module: nn.Module, model: FloatModel, example: Any) -> Provenance:
    """The provenance of the constants of ``model``, which ``load`` made of ``module``.

    ``model`` is unshared. A constant that no parameter moves (an absent bias, a table of positions)
    is in neither part. Constants are found by their node and place, as names differ where equal
    ones were kept once.
    """
    copied, tags = _tagged(module)
    second = {(str(n.name), i): v for n, i, v in _uses(load(copied, example=example))}
    copies: dict[str, Origin] = {}
    folded: list[str] = []
    for node, index, value in _uses(model):
        data, twin = _data(value), second.get((str(node.name), index))
        other = np.zeros(0, np.float32) if twin is None else _data(twin)
        if other.shape == data.shape and np.array_equal(other, data):
            continue
        place = np.minimum(np.searchsorted(tags, other), len(tags) - 1)
        if other.shape == data.shape and np.array_equal(tags[place], other):
            copies[str(value.name)] = Origin(place.astype(np.int64))
        elif node.op_type in _MADE_OF_FOLDS:
            folded.append(str(value.name))
    return Provenance(copies, tuple(folded))


def _data(value: ir.Value) -> Array:
    assert value.const_value is not None
    return np.asarray(value.const_value.numpy())
