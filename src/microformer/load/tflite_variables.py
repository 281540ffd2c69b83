"""TFLite's variables as states: what a call assigns is what the next one reads.

VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE become inputs and outputs of the graph; CALL_ONCE,
which sets variables before the first call, is run here in the mind: it may set them to zero.
"""

from dataclasses import replace

import numpy as np

from microformer.errors import UnsupportedOpError
from microformer.load.tflite import Operator, TfliteGraph

_HANDLED = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}


def with_variables(graph: TfliteGraph) -> TfliteGraph:
    """``graph`` with its variables as inputs, outputs and ``states``; itself where it has none.

    Raises UnsupportedOpError for a variable that does not begin at zero, or that no call assigns.
    """
    if not any(op.name in _HANDLED for op in graph.operators):
        return graph
    handles: dict[int, str] = {}
    current: dict[str, int] = {}
    first: dict[str, int] = {}
    same: dict[int, int] = {}
    kept: list[Operator] = []
    for op in graph.operators:
        given = tuple(same.get(index, index) for index in op.inputs)
        match op.name:
            case "CALL_ONCE":
                _check_zero(graph, op)
            case "VAR_HANDLE":
                handles[op.outputs[0]] = _name(op)
            case "READ_VARIABLE":
                variable = _of(graph, handles, given)
                if variable in current:
                    same[op.outputs[0]] = current[variable]
                else:
                    current[variable] = first[variable] = op.outputs[0]
            case "ASSIGN_VARIABLE":
                current[_of(graph, handles, given)] = given[1]
            case _:
                kept.append(replace(op, inputs=given))
    pairs = []
    for variable, read in first.items():
        if current[variable] == read:
            raise UnsupportedOpError(
                f"The variable '{variable}' of {graph.label} is read and never assigned; make it a "
                "constant."
            )
        pairs.append((read, current[variable]))
    outputs = tuple(same.get(index, index) for index in graph.outputs)
    return replace(
        graph,
        operators=tuple(kept),
        inputs=(*graph.inputs, *(read for read, _ in pairs)),
        outputs=(*outputs, *(written for _, written in pairs)),
        states=tuple(pairs),
    )


def _name(op: Operator) -> str:
    """What tells a variable from others: of its handle the container and name."""
    if op.options is None:
        return ""
    parts = (op.options.Container(), op.options.SharedName())
    text = "/".join(part.decode("utf-8", "replace")[:100] for part in parts if part)
    return "".join(c if c.isprintable() else "?" for c in text)


def _of(graph: TfliteGraph, handles: dict[int, str], given: tuple[int, ...]) -> str:
    if given[0] not in handles:
        raise UnsupportedOpError(
            f"{graph.label} uses a variable without a handle: export it again."
        )
    return handles[given[0]]


def _check_zero(graph: TfliteGraph, call: Operator) -> None:
    """Raises UnsupportedOpError where what CALL_ONCE runs sets a variable to anything but zero."""
    begun = graph.once.get(int(call.options.InitSubgraphIndex())) if call.options else None
    if begun is None:
        raise UnsupportedOpError(f"{graph.label} sets variables in a graph that is not there.")
    handles = {op.outputs[0]: _name(op) for op in begun.operators if op.name == "VAR_HANDLE"}
    for op in begun.operators:
        if op.name == "VAR_HANDLE":
            continue
        value = begun.tensors[op.inputs[1]] if op.name == "ASSIGN_VARIABLE" else None
        if value is None or value.data is None:
            raise UnsupportedOpError(
                f"What {graph.label} runs once before the first call ({op.name}) is not done here; "
                "its variables may begin at zero."
            )
        zero = value.zero[0] if value.zero.size else 0
        if np.any(value.data != zero):
            name = handles.get(op.inputs[0], "")
            raise UnsupportedOpError(
                f"The variable '{name}' of {graph.label} begins at values other than zero; a state "
                "begins at zero."
            )
