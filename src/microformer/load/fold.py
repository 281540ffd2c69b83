"""Static shapes and constants: batch 1 put in, functions inlined, shape arithmetic evaluated.

onnxscript's optimiser does the folding, with onnx's shape inference a node. It is told what not to
evaluate: nothing random, nothing whose result is larger than the model has any use for.
"""

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript import optimizer

from microformer.errors import ModelError
from microformer.load import edit
from microformer.load.constants import evaluate
from microformer.load.patterns.group_norms import write_out_group_norms

MAX_FOLDED_BYTES = 1 << 28
"""Limit of all folded results together: they are weights in another order, or positions."""

MAX_ROUNDS = 8
_FORBIDDEN = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Loop")
_QUANTISED = ("QuantizeLinear", "DequantizeLinear")  # load.quantized reads what they say


def fix_inputs(graph: ir.Graph, shape: Mapping[str, Sequence[int]] | None, label: str) -> None:
    """Make every input's shape static, with batch 1.

    ``shape`` gives whole shapes by input name, for axes that the model leaves open.
    """
    if not graph.inputs:
        raise ModelError(f"{label} has no input: there is nothing to compute of samples.")
    known = [v.name for v in graph.inputs]
    for name in shape or {}:
        if name not in known and name not in graph.initializers:
            listed = ", ".join(repr(n) for n in known)
            raise ModelError(f"A shape is given for {name!r}, but the model's inputs are {listed}.")
    for value in graph.inputs:
        value.shape = ir.Shape(_static_shape(value, (shape or {}).get(value.name or "")))


def add_batches(graph: ir.Graph) -> None:
    """A batch of 1 in front of each input and output that has none: one sample is all of it."""
    if not len(graph):
        return  # all is constant: refused where the form is checked
    first = graph[0]
    for place, value in enumerate(graph.inputs):
        sizes = edit.shape_of(value)
        if sizes[:1] == (1,):
            continue
        whole = ir.Value(name=value.name, shape=ir.Shape((1, *sizes)), type=value.type)
        value.name = f"{value.name}.sample"
        graph.inputs[place] = whole
        target = edit.constant(first, np.array(sizes, np.int64))
        inner = edit.insert(first, "Reshape", [whole, target], sizes)
        ir.convenience.replace_all_uses_with(value, inner, replace_graph_outputs=True)
    for place, value in enumerate(graph.outputs):
        node = value.producer()
        if value.shape is None or not value.shape.is_static() or node is None:
            continue
        sizes = edit.shape_of(value)
        if sizes[:1] == (1,):
            continue
        target = edit.constant(node, np.array((1, *sizes), np.int64))
        graph.outputs[place] = edit.insert_behind(node, "Reshape", [value, target], (1, *sizes))


def fix_values(
    graph: ir.Graph,
    fixed: Mapping[str, float] | None,
    shape: Mapping[str, Sequence[int]] | None,
) -> None:
    """Make inputs constants: each named one is filled with one number, in its (given) shape.

    An axis that is still open takes the size that the model's remaining input has there.
    """
    rest = [value for value in graph.inputs if value.name not in (fixed or {})]
    for name, number in (fixed or {}).items():
        value = next((v for v in graph.inputs if v.name == name), None)
        if value is None or not rest:
            known = ", ".join(repr(v.name) for v in graph.inputs)
            raise ModelError(f"Input {name!r} cannot be fixed: the inputs are {known}.")
        given = (shape or {}).get(name)
        if (
            given is None
            and value.shape is not None
            and len(rest[0].shape or ()) == len(value.shape)
        ):
            given = (shape or {}).get(rest[0].name or "")
        sizes = _static_shape(value, given)
        dtype = value.dtype or ir.DataType.FLOAT
        data = ir.tensor(np.full(sizes, number, dtype.numpy()), name=name)
        graph.inputs.remove(value)
        value.const_value, value.shape = data, ir.Shape(sizes)
        graph.register_initializer(value)


def _static_shape(value: ir.Value, given: Sequence[int] | None) -> list[int]:
    if value.shape is None and given is None:
        raise ModelError(f"Input {value.name!r} has no shape: give one, such as shape=(1, 16, 64).")
    declared = list(value.shape) if value.shape is not None else [None] * len(given or ())
    if given is not None and len(given) != len(declared):
        raise ModelError(
            f"The shape given for input {value.name!r} has {len(given)} axes, the model's has "
            f"{len(declared)}."
        )
    result: list[int] = []
    for axis, size in enumerate(declared):
        wanted = int(given[axis]) if given is not None else None
        fixed = size if isinstance(size, int) else wanted
        if fixed is None and axis == 0:
            fixed = 1
        if fixed is None:
            raise ModelError(
                f"Axis {axis} ({size}) of input {value.name!r} is dynamic: export the model with a "
                f"fixed size, or give the whole shape of {value.name!r} (--shape NAME=1,...)."
            )
        if fixed < 1 or (wanted is not None and wanted != fixed):
            raise ModelError(
                f"Axis {axis} of input {value.name!r} is {fixed} in the model"
                + (f", but {wanted} in the given shape." if wanted is not None else ".")
            )
        result.append(fixed)
    return result


def fold_constants(model: ir.Model, label: str) -> None:
    """Inline functions, infer every shape, evaluate what depends on constants only (in place)."""
    budget = _Budget()
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        common.InlinePass()(model)
        common.RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]
        _to_float32(model.graph)
        _forget_shapes(model.graph)
        write_out_group_norms(model.graph)
        for _ in range(MAX_ROUNDS):
            result = optimizer.fold_constants(
                model,
                onnx_shape_inference=True,
                input_size_limit=MAX_FOLDED_BYTES,
                output_size_limit=MAX_FOLDED_BYTES,
                should_fold=budget.allows,
            )
            common.RemoveUnusedNodesPass()(model)
            if not (result.modified or split_to_slices(model.graph) or _fold_rest(model, budget)):
                break
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    except ModelError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        text = " ".join(str(cause).split())[:200]
        raise ModelError(
            f"The constants and shapes of {label} cannot be evaluated: {text}."
        ) from None


def _fold_rest(model: ir.Model, budget: "_Budget") -> bool:
    """What the optimiser left of nodes on constants (onnx's reference fails on some of them)."""
    modified = False
    for node in list(model.graph):
        given = [v for v in node.inputs if v is not None]
        constant = all(edit.array_of(v) is not None for v in given)
        if not constant or node.domain or not budget.allows(node):
            continue
        value = edit.constant(node, evaluate(node, [edit.array_of(v) for v in node.inputs]))
        edit.replace(node.outputs[0], value)
        modified = True
    if modified:
        common.RemoveUnusedNodesPass()(model)
    return modified


def _forget_shapes(graph: ir.Graph) -> None:
    """Drop the shapes that the file claims for intermediate values: they are inferred again."""
    for node in graph:
        for value in node.outputs:
            value.shape = None


def _to_float32(graph: ir.Graph) -> None:
    """Half and double precision become float32: inputs, constants, and what Cast makes."""
    other = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)
    for value in (*graph.inputs, *graph.initializers.values()):
        if value.dtype in other:
            if value.const_value is not None:
                data = value.const_value.numpy().astype(np.float32)
                value.const_value = ir.tensor(data, name=value.name)
            value.dtype = ir.DataType.FLOAT
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for name, attribute in list(node.attributes.items()):
            if attribute.type == ir.AttributeType.TENSOR and attribute.as_tensor().dtype in other:
                data = attribute.as_tensor().numpy().astype(np.float32)
                node.attributes[name] = ir.AttrTensor(name, ir.tensor(data))
        if node.op_type == "Cast" and node.attributes.get_int("to") in other:
            node.attributes["to"] = ir.AttrInt64("to", int(ir.DataType.FLOAT))
        for value in node.outputs:
            if value.dtype in other:
                value.dtype = ir.DataType.FLOAT


def split_to_slices(graph: ir.Graph) -> bool:
    """Each output of a Split, of a constant too, as a Slice."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "Split") is None or node.inputs[0] is None:
            continue
        if any(v.shape is None or not v.shape.is_static() for v in node.outputs):
            continue
        axis, start = edit.int_attribute(node, "axis", 0), 0
        for output in node.outputs:
            shape = edit.shape_of(output)
            numbers = (start, start + shape[axis], axis)
            bounds = [edit.constant(node, np.array([n], np.int64)) for n in numbers]
            value = edit.insert(node, "Slice", [node.inputs[0], *bounds], shape)
            start += shape[axis]
            edit.replace(output, value)
        modified = True
    return modified


class _Budget:
    """Decides, node by node, whether a result of constants may be evaluated."""

    def __init__(self) -> None:
        self.spent = 0

    def allows(self, node: ir.Node) -> bool:
        if node.op_type in (*_FORBIDDEN, *_QUANTISED) or len(node.outputs) != 1:
            return False
        shape = node.outputs[0].shape
        if shape is None or not all(isinstance(d, int) for d in shape):
            return False
        dtype = node.outputs[0].dtype
        width = math.ceil(dtype.itemsize) if dtype is not None else 8
        need = width * math.prod(d for d in shape if isinstance(d, int))
        if self.spent + need > MAX_FOLDED_BYTES:
            raise ModelError(
                f"The constants that {edit.describe(node)} makes are larger than 256 MiB: no "
                "microcontroller holds them."
            )
        self.spent += need
        return True


def check_finite(graph: ir.Graph, label: str) -> None:
    """Raise ModelError if a weight holds NaN or infinity; -inf is left to attention masks."""
    for name, value in graph.initializers.items():
        data = edit.array_of(value)
        if data is None or data.dtype.kind != "f" or data.size < 2:
            continue
        data = data.astype(np.float32, copy=False)
        if np.isnan(data).any() or (np.isinf(data).any() and not _is_mask(data)):
            raise ModelError(
                f"Tensor {name!r} of {label} holds NaN or infinite values: train or export the "
                "model again."
            )


def _is_mask(data: np.ndarray) -> bool:
    """Whether the infinities of a constant are those of a mask: 0 and -inf only."""
    return bool(np.isin(data, (0.0, -np.inf)).all())
