"""Parts of a model: from inner tensors, to inner tensors, by the names that they have in the file.

A front end that decodes audio or an end that sorts boxes is no network: it runs elsewhere, or as
code of the firmware. What lies between is compiled, its ends the tensors at which it was cut.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence

import onnx_ir as ir
from onnx_ir.passes import common

from microformer.errors import ModelError, UnsupportedOpError
from microformer.load import edit
from microformer.load.naming import in_module

REFUSAL = "microformer.refusal"
"""Metadata of a node that its reader has no form for: why."""
MADE_HERE = "__"
"""In names of values that are none of the file's own."""


def cut(
    model: ir.Model,
    starts: Sequence[str],
    ends: Sequence[str],
    shape: Mapping[str, Sequence[int]] | None,
    label: str,
) -> None:
    """Let the model begin at the tensors ``starts`` and end at ``ends`` (in place).

    Inputs that are still needed stay, behind those. Raises ModelError for a name that there is not.
    """
    if not starts and not ends:
        return
    graph = model.graph
    common.InlinePass()(model)
    _infer(model, shape)
    known = _named(graph)
    begins = [_found(known, graph, name, label) for name in starts]
    if ends:
        results = [_found(known, graph, name, label) for name in ends]
        graph.outputs.clear()
        graph.outputs.extend(results)
    before = {value for value in graph.inputs if value.uses() or value.is_graph_output()}
    common.RemoveUnusedNodesPass()(model)
    inputs = [_begun(value) for value in begins]
    common.RemoveUnusedNodesPass()(model)
    rest = [v for v in graph.inputs if v not in inputs]
    kept = [v for v in rest if v not in before or v.uses() or v.is_graph_output()]
    graph.inputs.clear()
    graph.inputs.extend([*inputs, *kept])
    for value in inputs:
        if not value.uses() and not value.is_graph_output():
            raise ModelError(
                f"Nothing of {label} is computed from {value.name!r}: the part that begins there "
                "does not reach its end."
            )


def _infer(model: ir.Model, shape: Mapping[str, Sequence[int]] | None) -> None:
    """Shapes of inner tensors, as far as they can be known before anything is evaluated."""
    for value in model.graph.inputs:
        given = (shape or {}).get(value.name or "")
        if given is not None and value.shape is not None and len(given) == len(value.shape):
            value.shape = ir.Shape(given)
        elif value.shape is not None and len(value.shape) and not isinstance(value.shape[0], int):
            value.shape = ir.Shape([1, *value.shape[1:]])
    common.ShapeInferencePass(data_prop=True)(model)


def _named(graph: ir.Graph) -> dict[str, ir.Value]:
    values = [*graph.inputs, *(v for node in graph for v in node.outputs)]
    return {v.name: v for v in values if v.name}


def _found(known: Mapping[str, ir.Value], graph: ir.Graph, name: str, label: str) -> ir.Value:
    if name in known:
        return known[name]
    made = [node for node in graph if node.name == name or in_module(node, name)]
    if made and name:
        return made[-1].outputs[0]
    near = difflib.get_close_matches(name, [n for n in known if MADE_HERE not in n], 3, 0.5)
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else "see its names in Netron."
    raise ModelError(f"{label} has no tensor {name[:80]!r}: {hint}")


def _begun(value: ir.Value) -> ir.Value:
    """An input in the place of what was computed."""
    if value.producer() is None:
        return value
    made = ir.Value(name=value.name, shape=value.shape, type=value.type)
    if made.type is None:
        made.type = ir.TensorType(ir.DataType.FLOAT)
    value.name = f"{value.name}{MADE_HERE}cut"
    ir.convenience.replace_all_uses_with(value, made, replace_graph_outputs=True)
    return made


def check_read(graph: ir.Graph) -> None:
    """Refuse what the file's reader has no form for, with the cut that leaves it out."""
    bad = [node for node in graph if REFUSAL in node.metadata_props]
    if bad:
        reason = bad[0].metadata_props[REFUSAL]
        raise UnsupportedOpError(f"{reason.rstrip('.')}{offer(graph, bad)}.")


def offer(graph: ir.Graph, bad: Iterable[ir.Node]) -> str:
    """What to say of a part of the model that has none of the nodes ``bad``; may be empty.

    All lie before one tensor that everything behind needs, or all behind one.
    """
    nodes = list(graph)
    places = sorted(nodes.index(node) for node in bad)
    joints = _joints(graph, nodes)
    behind = [at for at in joints if at >= places[-1] and _works(nodes[at + 1 :])]
    ahead = [at for at in joints if at < places[0] and _works(nodes[: at + 1])]
    if behind and (not ahead or len(nodes) - behind[0] >= ahead[-1]):
        return f"; or compile what follows: --from '{joints[behind[0]]}'"
    return f"; or compile what comes before: --to '{joints[ahead[-1]]}'" if ahead else ""


def _works(nodes: Sequence[ir.Node]) -> bool:
    """Whether it is worth while: a layer with weights is among them."""
    layers = ("MatMul", "Gemm", "Conv", "Linear")
    weights = [node.inputs[1] for node in nodes if node.op_type in layers]
    return any(
        edit.array_of(v) is not None or edit.array_of(_source(v)) is not None for v in weights
    )


def _source(value: ir.Value | None) -> ir.Value | None:
    """The constant behind a transposition or a dequantisation."""
    node = value.producer() if value is not None else None
    return node.inputs[0] if node is not None and node.inputs else None


def _joints(graph: ir.Graph, nodes: Sequence[ir.Node]) -> dict[int, str]:
    """Places after which one tensor alone is carried on, with its name, if it is the file's own."""
    last: dict[ir.Value, int] = {}
    for place, node in enumerate(nodes):
        for value in node.inputs:
            if value is not None:
                last[value] = place
    for value in graph.outputs:
        last[value] = len(nodes)
    varies = set(graph.inputs)
    live = {value for value in graph.inputs if value in last}
    found: dict[int, str] = {}
    for place, node in enumerate(nodes):
        if any(value in varies for value in node.inputs):
            varies.update(node.outputs)
            live.update(v for v in node.outputs if v in last)
        live = {value for value in live if last[value] > place}
        if len(live) == 1 and place < len(nodes) - 1:
            (value,) = live
            if value.name and MADE_HERE not in value.name and value not in graph.outputs:
                found[place] = value.name
    return found
