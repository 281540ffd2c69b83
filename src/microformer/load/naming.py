"""Names for people: module paths where the exporter recorded them, the user's own otherwise.

torch's dynamo exporter keeps ``pkg.torch.onnx.name_scopes`` (module paths from the root down, the
operation last); the older one names nodes ``/layers.0/self_attn/MatMul``.
"""

import ast
import re
from collections.abc import Iterable

import onnx_ir as ir

from microformer.load import edit

_SUFFIX = {
    "Attention": "attention",
    "LayerNormalization": "norm",
    "RMSNormalization": "norm",
}


def name_nodes(graph: ir.Graph) -> None:
    """Give every node and value a unique readable name; input and output keep theirs."""
    names: dict[int, str] = {id(node): _wish(node) for node in graph}
    for node in graph:
        if node.op_type == "Attention":
            _name_projections(node, names)
    taken = {value.name or "" for value in (*graph.inputs, *graph.outputs)}
    output = graph.outputs[0]
    for node in graph:
        node.name = _unique(names[id(node)], taken)
        for value in node.outputs:
            if value is not output:
                value.name = node.name
    _name_constants(graph, taken)


def _scopes(node: ir.Node) -> tuple[list[str], list[str]]:
    """Module paths from the root down, then the operation; and the classes beside them."""
    try:
        scopes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.name_scopes", "[]"))
        classes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.class_hierarchy", "[]"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [], []
    if not all(isinstance(s, str) for s in (*scopes, *classes)):
        return [], []
    return list(scopes), list(classes)


def _wish(node: ir.Node) -> str:
    """The name that a node should have, not yet unique."""
    scopes, classes = _scopes(node)
    kind = node.op_type.lower()
    if len(scopes) >= 2:
        path = scopes[-2]
        own = len(classes) >= 2 and _is_own_module(node, classes[-2])
        suffix = _SUFFIX.get(node.op_type, kind)
        return _clean(path if own and path else f"{path}.{suffix}")
    label = _clean((node.name or "").replace("/", "."))
    parts = label.rsplit(".", 1)
    if len(parts) == 2 and re.fullmatch(r"[A-Z]\w*?(_\d+)?", parts[1]):  # an operator's name
        own = node.op_type in ("Linear", "Conv", "LayerNormalization")
        return parts[0] if own else f"{parts[0]}.{_SUFFIX.get(node.op_type, kind)}"
    return label or kind


def _is_own_module(node: ir.Node, cls: str) -> bool:
    """Whether a module of this class is just this one operation."""
    leaf = cls.rsplit(".", 1)[-1]
    own = {
        "Linear": ("Linear", "NonDynamicallyQuantizableLinear"),
        "Conv": ("Conv1d", "Conv2d", "BatchNorm1d", "BatchNorm2d"),
        "LayerNormalization": ("LayerNorm",),
        "RMSNormalization": ("RMSNorm",),
        "Gather": ("Embedding",),
    }
    return leaf in own.get(node.op_type, (node.op_type,))


def _name_projections(node: ir.Node, names: dict[int, str]) -> None:
    """q, k, v beside an attention and out behind it, where they are no modules of their own."""
    scope = names[id(node)].removesuffix(".attention")
    for value, letter in zip(node.inputs[:3], ("q", "k", "v"), strict=True):
        source = edit.linear_of(value)
        if source is not None and not _named_after_module(source):
            names[id(source)] = f"{scope}.{letter}"
    readers = [use.node for use in node.outputs[0].uses()]
    if len(readers) == 1 and readers[0].op_type == "Linear":
        out = readers[0]
        if not _named_after_module(out) or names[id(out)] == scope:
            names[id(out)] = f"{scope}.out"


def _named_after_module(node: ir.Node) -> bool:
    _, classes = _scopes(node)
    return len(classes) >= 2 and _is_own_module(node, classes[-2])


def _name_constants(graph: ir.Graph, taken: set[str]) -> None:
    roles = {
        "Linear": ("", "weight", "bias"),
        "Conv": ("", "weight", "bias"),
        "LayerNormalization": ("", "scale", "bias"),
        "RMSNormalization": ("", "scale"),
        "Attention": ("q", "k", "v", "mask"),
        "Gather": ("table", "index"),
        "Reshape": ("", "shape"),
        "Slice": ("", "starts", "ends", "axes", "steps"),
        "ReduceMean": ("", "axes"),
        "Clip": ("", "min", "max"),
    }
    done: set[int] = set()
    for node in graph:
        for index, value in enumerate(node.inputs):
            if value is None or value.const_value is None or id(value) in done:
                continue
            done.add(id(value))
            role = roles.get(node.op_type, ())
            label = role[index] if index < len(role) and role[index] else "constant"
            _rename(graph, value, _unique(f"{node.name}.{label}", taken))


def _rename(graph: ir.Graph, value: ir.Value, name: str) -> None:
    graph.initializers.pop(value.name or "", None)
    value.name = name
    graph.register_initializer(value)


def _clean(name: str) -> str:
    """Only letters, digits, dots, underscores and dashes; no dots at the ends or doubled."""
    return re.sub(r"\.{2,}", ".", re.sub(r"[^0-9A-Za-z._-]+", "_", name)).strip(".")


def _unique(wish: str, taken: set[str]) -> str:
    name, count = wish or "node", 1
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    taken.add(name)
    return name


def graph_names(values: Iterable[ir.Value]) -> list[str]:
    """Names of values, for messages."""
    return [value.name or "" for value in values]
