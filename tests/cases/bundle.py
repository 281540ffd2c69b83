"""Many cases as one program."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import Array, QParams, Tensor, constant
from tests.cases.case import Case

_WIDEN = ops.Add(512, 2, 256, 1, 16)
"""x = 256 high + low + 128 from two int8."""


_HIGH, _LOW = ops.Requantize(1, 0, 8), ops.Add(2, -512, -256, 1)
"""The two back from x; low also reads high."""


def tensor_of(name: str, like: Tensor) -> Tensor:
    """A tensor like another, under another name."""
    return replace(like, name=name)


def as_bytes(values: Array) -> Array:
    """int8 [N, ...] flat as they are, int16 as ``bundle`` gives and takes them: int8 [N, bytes]."""
    flat = values.reshape(len(values), -1)
    if flat.dtype != np.int16:
        return flat
    halves: Array = np.concatenate([flat >> 8, (flat & 255) - 128], axis=1)
    return halves.astype(np.int8)


def bundle(cases: Sequence[Case]) -> IntGraph:
    """One graph that does every case on its own part of one input, results side by side.

    A whole table then needs one build a target. An int16 operand is made of two parts of the input,
    an int16 result ends as two. A case that takes indices or samples stands alone:
    only a graph's own input may be of another type than int8.
    """
    assert len(cases) == 1 or not any(case.alone for case in cases)
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    parts: list[str] = []
    dtype = cases[0].dtype
    total = sum(_sizes(case)[i] for case in cases for i in range(len(_sizes(case))))
    whole = next(o for o in cases[0].operands if isinstance(o, tuple))
    tensors["x"] = Tensor("x", whole if cases[0].alone else (total,), dtype, QParams(1.0, 0))
    offset = 0
    for case in cases:
        names: list[str] = []
        for tensor in case.tensors():
            name = "" if tensor is None else f"{case.name}.{tensor.name}"
            names.append(name)
            if tensor is None:
                continue
            if tensor.data is not None:
                tensors[name] = constant(name, tensor.data)
                continue
            if case.alone:
                names[-1] = "x"
                continue
            halves = []
            for half in range(tensor.itemsize):
                flat, shaped = (
                    f"{name}.flat{half}",
                    f"{name}.{half}" if tensor.itemsize > 1 else name,
                )
                tensors[flat] = Tensor(flat, (tensor.size,), dtype)
                tensors[shaped] = Tensor(shaped, tensor.shape, dtype)
                end = offset + tensor.size
                nodes.append(Node(flat, ops.Slice(0, offset, end, 1), ("x",), flat))
                nodes.append(Node(shaped, ops.Reshape(tensor.shape), (flat,), shaped))
                offset = end
                halves.append(shaped)
            if tensor.dtype == "int16":
                tensors[name] = tensor_of(name, tensor)
                nodes.append(Node(name, _WIDEN, (halves[0], halves[1]), name))
        output = case.output()
        made = f"{case.name}.y"
        tensors[made] = tensor_of(made, output)
        nodes.append(Node(case.name, case.op, tuple(names), made))
        if output.dtype == "int32":
            return IntGraph("cases", tensors, tuple(nodes), ("x",), (made,))
        results = [made]
        if output.dtype == "int16":
            results = [f"{made}.high", f"{made}.low"]
            nodes.append(Node(results[0], _HIGH, (made,), results[0]))
            nodes.append(Node(results[1], _LOW, (made, results[0]), results[1]))
            tensors |= {name: Tensor(name, output.shape, "int8") for name in results}
        for result in results:
            part = f"{result}.part"
            tensors[part] = Tensor(part, (output.size,), "int8")
            nodes.append(Node(part, ops.Reshape((output.size,)), (result,), part))
            parts.append(part)
    size = sum(tensors[p].size for p in parts)
    tensors["y"] = Tensor("y", (size,), "int8", QParams(1.0, 0))
    nodes.append(Node("all", ops.Concat(0), tuple(parts), "y"))
    return IntGraph("cases", tensors, tuple(nodes), ("x",), ("y",))


def _sizes(case: Case) -> list[int]:
    given = (t for t in case.tensors() if t is not None and t.data is None)
    return [t.size if case.alone else t.nbytes for t in given]


def bundle_inputs(cases: Sequence[Case], count: int) -> Array:
    """The input of ``bundle``: [count, total]."""
    drawn = [
        values.reshape(count, -1) if case.alone else as_bytes(values)
        for case in cases
        for values in case.draw(count)
    ]
    return np.concatenate(drawn, axis=1)
