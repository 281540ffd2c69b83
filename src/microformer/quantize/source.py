"""Reading a canonical float node: attributes, constants, shapes without the batch axis."""

import hashlib
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array


def value_name(value: ir.Value | None) -> str:
    """The name of a value; canonical models name every one."""
    assert value is not None and value.name
    return value.name


def constant_of(value: ir.Value | None) -> Array | None:
    """The data of a constant value, None for an activation or an absent input."""
    if value is None or value.const_value is None:
        return None
    return np.asarray(value.const_value.numpy())


def required_constant(node: ir.Node, index: int, what: str) -> Array:
    """The constant at input ``index``; UnsupportedOpError naming the node if it is none."""
    data = constant_of(node.inputs[index]) if index < len(node.inputs) else None
    if data is None:
        raise UnsupportedOpError(
            f"Node '{node.name}' ({node.op_type}) takes its {what} from a computed tensor; "
            f"microformer compiles it only with a constant {what}."
        )
    return data


def full_shape(value: ir.Value | None) -> tuple[int, ...]:
    """The static float shape, batch axis included."""
    assert value is not None and value.shape is not None
    return tuple(int(d) for d in value.shape.numpy())


def is_stripped(shape: Sequence[int]) -> bool:
    """True if axis 0 is the batch axis that the integer tensor does without."""
    return len(shape) > 1 and shape[0] == 1


def int_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The integer tensor's shape for a float shape: [1, ...] loses its batch axis."""
    return tuple(shape[1:]) if is_stripped(shape) else tuple(shape)


def int_axis(shape: Sequence[int], axis: int) -> int:
    """Float axis (may be negative) -> integer tensor's axis; -1 for the stripped batch axis."""
    return axis % len(shape) - int(is_stripped(shape))


def ints(node: ir.Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """An attribute of integers."""
    attribute = node.attributes.get(name)
    return tuple(int(v) for v in attribute.as_ints()) if attribute is not None else tuple(default)


def integer(node: ir.Node, name: str, default: int) -> int:
    """An integer attribute."""
    attribute = node.attributes.get(name)
    return int(attribute.as_int()) if attribute is not None else default


def real(node: ir.Node, name: str, default: float) -> float:
    """A float attribute."""
    attribute = node.attributes.get(name)
    return float(attribute.as_float()) if attribute is not None else default


def text(node: ir.Node, name: str, default: str) -> str:
    """A string attribute."""
    attribute = node.attributes.get(name)
    return str(attribute.as_string()) if attribute is not None else default


def consumers(model: FloatModel, value: ir.Value) -> int:
    """How many times a value is read, the model's own output counting as one."""
    return len(tuple(value.uses())) + int(value.name in model.output_names)


def weights_key(node: ir.Node) -> str:
    """Equal for layers of one weight and bias, even where an exporter wrote them twice."""
    found = hashlib.sha256(node.op_type.encode())
    for value in node.inputs[1:]:
        data = constant_of(value)
        if data is not None:
            found.update(
                f"{data.shape} {data.dtype}".encode() + np.ascontiguousarray(data).tobytes()
            )
    return found.hexdigest()
