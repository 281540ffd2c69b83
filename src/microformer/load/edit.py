"""Reading and editing an onnx-ir graph: the few verbs that all passes are written in.

A pass is a function that edits a graph in place and returns whether it changed anything (the
manner of onnx-ir's ``InPlacePass``, without the class). New nodes are put before the node that they
replace, so that the graph stays in topological order, and inherit its metadata, from which
``load.naming`` makes names. Dead nodes are left behind: ``load.canonical`` removes them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import FileTensor, Move
from microformer.graph.tensor import Array, QParams

DOMAIN = "microformer"
UNKNOWN = "unknown"
"""Domain of nodes that claim to be ONNX's own, of which its opset knows nothing."""
_QUANT, _GRID, _ORIGIN, _EXACT = "quant", "grid", "origin", "exact_import"
_TENSORS, _MOVES, _NOTES = "file_tensors", "moves", "notes"
Pass = Callable[[ir.Graph], bool]


def array_of(value: ir.Value | None) -> Array | None:
    """The constant's data (its own shape), or None if the value is absent or no constant."""
    if value is None or value.const_value is None or value.is_graph_input():
        return None
    return value.const_value.numpy()


def scalar_of(value: ir.Value | None) -> float | None:
    """The one number that a constant of any rank holds, or None."""
    array = array_of(value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def integers_of(value: ir.Value | None) -> list[int] | None:
    """A constant's elements as a flat list of Python integers, or None."""
    array = array_of(value)
    return None if array is None else [int(i) for i in array.reshape(-1)]


def shape_of(value: ir.Value) -> tuple[int, ...]:
    """Static shape of a value; UnsupportedOpError if it is not known."""
    shape = value.shape
    if shape is None or not all(isinstance(d, int) for d in shape):
        node = value.producer()
        where = f"the output of {describe(node)}" if node else f"the value {value.name!r}"
        raise UnsupportedOpError(
            f"The shape of {where} is not static ({shape}): export the model with fixed shapes."
        )
    return tuple(int(d) for d in shape if isinstance(d, int))


def size_of(value: ir.Value) -> int:
    """Number of elements of a value of static shape."""
    return math.prod(shape_of(value))


def describe(node: ir.Node) -> str:
    """A node as errors name it: its name, operator and, where it is not ONNX's own, domain."""
    own = node.domain in ("", UNKNOWN)
    op = node.op_type if own else f"{node.domain}::{node.op_type}"
    return f"node {node.name!r} ({op})" if node.name else f"a node {op}"


def producer(value: ir.Value | None, *op_types: str, domain: str = "") -> ir.Node | None:
    """The node that makes ``value``, if it is one of ``op_types`` (any, if none are named)."""
    node = value.producer() if value is not None else None
    if node is None or (op_types and (node.op_type not in op_types or node.domain != domain)):
        return None
    return node


def linear_of(value: ir.Value | None) -> ir.Node | None:
    """The microformer::Linear node that makes ``value``, or None."""
    return producer(value, "Linear", domain=DOMAIN)


def only_user(value: ir.Value) -> ir.Node | None:
    """The single node that reads ``value`` (once), or None.

    A value of imported quantisation is read by its quantiser too: it must not be folded away.
    """
    readers = [use.node for use in value.uses()]
    alone = len(readers) == 1 and not value.is_graph_output() and quant_of(value) is None
    return readers[0] if alone else None


def quant_of(value: ir.Value | None) -> QParams | None:
    """The imported scale and zero point of an activation, or None."""
    found = value.meta.get(_QUANT) if value is not None else None
    return found if isinstance(found, QParams) else None


def set_quant(
    value: ir.Value, qparams: QParams, origin: str = "", moves: tuple[Move, ...] = ()
) -> None:
    """Remember an activation's imported quantisation and the file's own name for it.

    ``moves`` make the file's tensor ``origin`` this value.
    """
    value.meta[_QUANT], value.meta[_ORIGIN], value.meta[_MOVES] = qparams, origin, moves


def keep_quant(old: ir.Value, moved: ir.Value, move: Move) -> None:
    """An imported scale holds on both sides of a layout operation: ``moved`` is ``move`` of old."""
    qparams = quant_of(old)
    if qparams is not None:
        set_quant(moved, qparams, origin_of(old), (*moves_of(old), move))


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``perm``."""
    return tuple(int(i) for i in np.argsort(perm))


def moves_of(value: ir.Value) -> tuple[Move, ...]:
    """What makes the file's tensor this value, in order."""
    found = value.meta.get(_MOVES, ())
    return tuple(found) if isinstance(found, tuple) else ()


def origin_of(value: ir.Value) -> str:
    """The file's name for the tensor that has these values, or an empty string."""
    return str(value.meta.get(_ORIGIN, ""))


def grid_of(value: ir.Value | None) -> Array | None:
    """The step of which a constant's values are multiples, of the constant's shape; or None."""
    data, grid = array_of(value), value.meta.get(_GRID) if value is not None else None
    return None if data is None or grid is None else np.broadcast_to(grid, data.shape)


def file_tensors(graph: ir.Graph) -> tuple[FileTensor, ...]:
    """All quantised activations of the file, in its order."""
    found = graph.meta.get(_TENSORS, ())
    return tuple(found) if isinstance(found, tuple) else ()


def set_file_tensors(graph: ir.Graph, tensors: tuple[FileTensor, ...]) -> None:
    """See ``file_tensors``."""
    graph.meta[_TENSORS] = tensors


def is_exact(graph: ir.Graph) -> bool:
    """Whether imported operations are to be kept apart (``--exact-import``)."""
    return bool(graph.meta.get(_EXACT, False))


def set_exact(graph: ir.Graph, exact: bool) -> None:
    """See ``is_exact``."""
    graph.meta[_EXACT] = exact


def notes_of(graph: ir.Graph) -> tuple[str, ...]:
    """Sentences about what reading the model could not keep."""
    found = graph.meta.get(_NOTES)
    return found if isinstance(found, tuple) else ()


def add_note(graph: ir.Graph, text: str) -> None:
    """See ``notes_of``; each is said once."""
    graph.meta[_NOTES] = tuple(dict.fromkeys((*notes_of(graph), text)))


def _hand_on(old: ir.Value, new: ir.Value) -> ir.Value:
    """``new`` in the place of ``old``: what was imported for the one holds for the other.

    Where the two have unlike imported scales, ``new`` is requantised.
    """
    qparams, maker = quant_of(old), old.producer()
    if qparams is None or array_of(new) is not None or quant_of(new) == qparams:
        return new
    if quant_of(new) is not None and maker is not None:
        new = insert(maker, "Requantize", [new], shape_of(new), domain=DOMAIN)
    set_quant(new, qparams, origin_of(old), moves_of(old))
    return new


def int_attribute(node: ir.Node, name: str, default: int) -> int:
    """An integer attribute of a node."""
    return node.attributes.get_int(name, default)


def ints_attribute(node: ir.Node, name: str, default: Sequence[int]) -> list[int]:
    """An integer-list attribute of a node."""
    return [int(i) for i in node.attributes.get_ints(name, tuple(default))]


def graph_of(node: ir.Node) -> ir.Graph:
    """The graph that a live node belongs to."""
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        raise AssertionError(f"{describe(node)} is in no graph")
    return graph


def insert(
    before: ir.Node,
    op_type: str,
    inputs: Sequence[ir.Value | None],
    shape: Sequence[int],
    attributes: Mapping[str, Any] | None = None,
    domain: str = "",
) -> ir.Value:
    """Insert a node of one output, typed as its first input, before another; returns the output."""
    node = ir.node(op_type, inputs, attributes=attributes, domain=domain)
    node.metadata_props.update(before.metadata_props)
    node.name = before.name  # made unique by load.naming
    output = node.outputs[0]
    output.name = None
    output.shape = ir.Shape(shape)
    first = inputs[0] if inputs else None
    output.dtype = (first.dtype if first is not None else None) or ir.DataType.FLOAT
    graph_of(before).insert_before(before, node)
    return output


def insert_behind(
    node: ir.Node, op_type: str, inputs: Sequence[ir.Value | None], shape: Sequence[int]
) -> ir.Value:
    """As ``insert``, right behind a node."""
    value = insert(node, op_type, inputs, shape)
    made = value.producer()
    assert made is not None
    graph = graph_of(node)
    graph.remove(made)
    graph.insert_after(node, made)
    return value


def constant(before: ir.Node, data: Array, name: str = "", grid: Array | None = None) -> ir.Value:
    """A new initialiser of the graph of ``before``: float64 becomes float32."""
    return constant_in(graph_of(before), data, name or before.name or "", grid)


def constant_in(graph: ir.Graph, data: Array, name: str, grid: Array | None = None) -> ir.Value:
    """A new initialiser of a graph, called after ``name``."""
    with np.errstate(over="ignore"):  # what becomes infinite is refused (load.fold.check_finite)
        array = np.ascontiguousarray(data, np.float32 if data.dtype.kind == "f" else None)
    label = f"{name or 'constant'}.{len(graph.initializers)}"
    while label in graph.initializers:
        label += "_"
    tensor = ir.tensor(array.reshape(data.shape), name=label)
    value = ir.Value(name=label, shape=ir.Shape(data.shape), type=ir.TensorType(tensor.dtype))
    value.const_value = tensor
    if grid is not None:
        value.meta[_GRID] = grid
    graph.register_initializer(value)
    return value


Form = Callable[[ir.Node], ir.Value | None]
"""What a node is made of, inserted before it; None where it stays as it is."""


def rewrite(graph: ir.Graph, forms: Mapping[str, Form]) -> bool:
    """Replace each node of ONNX's own operators by what ``forms`` makes of its kind."""
    modified = False
    for node in list(graph):
        form = forms.get(node.op_type) if not node.domain else None
        value = form(node) if form is not None else None
        if value is not None:
            replace(node.outputs[0], value)
            modified = True
    return modified


def replace(old: ir.Value, new: ir.Value) -> None:
    """Let every reader of ``old``, the graph's outputs too, read ``new``."""
    new = _hand_on(old, new)
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)


def redirect(old: ir.Value, new: ir.Value, readers: Sequence[ir.Node]) -> None:
    """Let only ``readers`` read ``new`` where they read ``old``."""
    new = _hand_on(old, new)
    for node in readers:
        for index, value in enumerate(node.inputs):
            if value is old:
                node.replace_input_with(index, new)
