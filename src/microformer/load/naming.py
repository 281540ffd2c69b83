"""Names for people: module paths where the exporter recorded them, the user's own otherwise.

torch's dynamo exporter keeps ``pkg.torch.onnx.name_scopes`` (module paths from the root down, the
operation last); the older one names nodes ``/layers.0/self_attn/MatMul``.
"""

import ast
import re

import onnx_ir as ir

MAX_METADATA = 1 << 16
"""Longer metadata is no module path; it is not parsed."""

_SUFFIX = {
    "Attention": "attention",
    "LayerNormalization": "norm",
    "RMSNormalization": "norm",
}
_NORMS = ("LayerNormalization", "RMSNormalization")


def name_nodes(graph: ir.Graph, output_names: list[str]) -> None:
    """Give every node and value a unique readable name; inputs and outputs keep their own."""
    names: dict[int, str] = {id(node): _wish(node) for node in graph}
    for node in graph:
        if node.op_type == "Attention":
            _name_projections(node, names)
    taken = {*(v.name or "" for v in graph.inputs), *output_names}
    results = {id(v): name for v, name in zip(graph.outputs, output_names, strict=True)}
    constants = _constants(graph)
    graph.initializers.clear()
    for node in graph:
        node.name = _unique(names[id(node)], taken)
        node.outputs[0].name = results.get(id(node.outputs[0]), node.name)
        for value, role in constants.get(id(node), []):
            value.name = _unique(f"{node.name}.{role}", taken)
            graph.register_initializer(value)


def _scopes(node: ir.Node) -> tuple[list[str], list[str]]:
    """Module paths from the root down, then the operation; and the classes beside them."""
    if any(len(text) > MAX_METADATA for text in node.metadata_props.values()):
        return [], []
    try:
        scopes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.name_scopes", "[]"))
        classes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.class_hierarchy", "[]"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [], []
    if not all(isinstance(s, str) for s in (*scopes, *classes)):
        return [], []
    return list(scopes), list(classes)


def module_path(node: ir.Node) -> str:
    """The path of the torch module that a node was exported from, or an empty string."""
    scopes, _ = _scopes(node)
    return scopes[-2] if len(scopes) >= 2 else ""


def in_module(node: ir.Node, path: str) -> bool:
    """Whether a node was exported from the torch module at ``path``, or one inside it."""
    return path in _scopes(node)[0][:-1]


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


_OWN_MODULES = {
    "Linear": ("linear", "nondynamicallyquantizablelinear"),
    "Conv": ("conv1d", "conv2d", "batchnorm1d", "batchnorm2d"),
    "LayerNormalization": ("layernorm",),
    "RMSNormalization": ("rmsnorm",),
    "Gather": ("embedding",),
    "Clip": ("relu6", "hardtanh"),
    "MaxPool": ("maxpool1d", "maxpool2d"),
    "AveragePool": ("avgpool1d", "avgpool2d"),
    "ReduceMean": ("adaptiveavgpool1d", "adaptiveavgpool2d"),
}


def _is_own_module(node: ir.Node, cls: str) -> bool:
    """Whether a module of this class is just this one operation."""
    leaf = cls.rsplit(".", 1)[-1].lower()
    return leaf in _OWN_MODULES.get(node.op_type, (node.op_type.lower(),))


def _name_projections(node: ir.Node, names: dict[int, str]) -> None:
    """q, k, v beside an attention and out behind it, where they are no modules of their own."""
    scope = names[id(node)].removesuffix(".attention")
    for value, letter in zip(node.inputs[:3], ("q", "k", "v"), strict=True):
        source = value.producer() if value is not None else None
        while source is not None and source.op_type in ("Concat", "Reshape", *_NORMS):
            activations = [v for v in source.inputs if v is not None and v.const_value is None]
            source = activations[0].producer() if activations else None
        if source is not None and source.op_type == "Linear" and not _named_after_module(source):
            names[id(source)] = f"{scope}.{letter}"
    readers = [use.node for use in node.outputs[0].uses()]
    if len(readers) == 1 and readers[0].op_type == "Linear":
        out = readers[0]
        if not _named_after_module(out) or names[id(out)] == scope:
            names[id(out)] = f"{scope}.out"


def _named_after_module(node: ir.Node) -> bool:
    _, classes = _scopes(node)
    return len(classes) >= 2 and _is_own_module(node, classes[-2])


_ROLES = {
    "Linear": ("", "weight", "bias"),
    "Conv": ("", "weight", "bias"),
    "LayerNormalization": ("", "scale", "bias"),
    "RMSNormalization": ("", "scale"),
    "Lstm": ("", "recurrent", "bias"),
    "Gru": ("", "recurrent", "bias"),
    "Attention": ("q", "k", "v", "mask"),
    "Gather": ("table", "index"),
    "Reshape": ("", "shape"),
    "Slice": ("", "starts", "ends", "axes", "steps"),
    "ReduceMean": ("", "axes"),
    "Clip": ("", "min", "max"),
}


def _constants(graph: ir.Graph) -> dict[int, list[tuple[ir.Value, str]]]:
    """By node, the constants that it is the first to read, each with its role."""
    found: dict[int, list[tuple[ir.Value, str]]] = {}
    seen: set[int] = set()
    for node in graph:
        roles = _ROLES.get(node.op_type, ())
        for index, value in enumerate(node.inputs):
            if value is None or value.const_value is None or id(value) in seen:
                continue
            seen.add(id(value))
            role = roles[index] if index < len(roles) and roles[index] else "constant"
            found.setdefault(id(node), []).append((value, role))
    return found


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
