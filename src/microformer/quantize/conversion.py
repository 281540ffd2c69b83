"""A float model node by node to integers, and what is done with them after that."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from microformer.analysis.pointwise import kind_of
from microformer.errors import UnsupportedOpError
from microformer.graph.conversion import Conversion
from microformer.graph.float_model import FloatEnd, FloatModel, Ranges
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import Lut, Reshape
from microformer.graph.tensor import LEVELS, Channels, Tensor
from microformer.graph.verify import verify
from microformer.quantize import convert_matrix as matrix
from microformer.quantize import convert_pool as pool
from microformer.quantize import convert_recurrent as recurrent
from microformer.quantize import convert_shape as shape
from microformer.quantize.assign import assign
from microformer.quantize.builder import Builder
from microformer.quantize.context import Context
from microformer.quantize.convert_rows import convert_rows
from microformer.quantize.functions import FUNCTIONS
from microformer.quantize.kept import imported_scales
from microformer.quantize.passes import simplify
from microformer.quantize.source import int_shape, required_constant, value_name
from microformer.reference.proof import prove

__all__ = ["convert", "quantize"]

_CONVERTERS: dict[str, Callable[[Context, ir.Node], None]] = {
    "Linear": matrix.linear,
    "Conv": matrix.conv,
    "Attention": matrix.attention,
    "LayerNormalization": matrix.norm,
    "RMSNormalization": matrix.norm,
    "MatMul": matrix.matmul,
    "Lstm": recurrent.lstm,
    "Gru": recurrent.gru,
    "ByChannel": shape.by_channel,
    "Requantize": shape.requantize,
    "Add": shape.add,
    "Mul": shape.mul,
    "Softmax": shape.softmax,
    "MaxPool": pool.pool,
    "AveragePool": pool.pool,
    "ReduceMean": pool.mean,
    "Concat": shape.concat,
    "Slice": shape.slice_axes,
    "Reshape": shape.reshape,
    "Transpose": shape.transpose,
    "Gather": shape.embedding,
    **dict.fromkeys(FUNCTIONS, shape.activation),
}


def convert(
    model: FloatModel,
    ranges: Ranges,
    softmax: str,
    int16_tensors: frozenset[str],
) -> Conversion:
    """The conversion that ``microformer.quantize.convert`` describes."""
    scales = assign(model, ranges, fine_softmax=softmax == "lut", int16_tensors=int16_tensors)
    context = Context(Builder(model.name), scales, softmax, model.imported, rows=ranges.rows)
    channels = {value_name(n.inputs[0]): n for n in model.model.graph if n.op_type == "ByChannel"}
    for end in model.inputs:
        _declare_input(context, end, channels.get(end.name))
    made: dict[str, tuple[str, ...]] = {}
    for node in model.model.graph:
        converter = _CONVERTERS.get(kind_of(node))
        if converter is None:
            raise UnsupportedOpError(
                f"Node '{node.name}' ({node.op_type}) has no integer form in microformer."
            )
        before = len(context.builder.nodes)
        if not convert_rows(context, node):
            converter(context, node)
        made[str(node.name)] = tuple(n.name for n in context.builder.nodes[before:])
    inputs = tuple(context.tensors[end.name] for end in model.inputs)
    whole = tuple(context.tensors[name] for name in context.parts)  # an audit asks for them
    graph = context.builder.graph(inputs, _results(context, model, inputs), whole)
    parts = {
        name: tuple((p.start, p.stop, p.name) for p in found if p.name)
        for name, found in context.parts.items()
    }
    return Conversion(model, ranges, verify(graph, "quantize"), context.tensors, made, parts)


def quantize(
    model: FloatModel,
    ranges: Ranges,
    softmax: str,
    int16_tensors: frozenset[str],
) -> IntGraph:
    """The program that ``microformer.quantize.quantize`` describes."""
    graph = simplify(convert(model, ranges, softmax, int16_tensors).graph.pruned())
    prove(graph)
    changed = tuple(
        f"Tensor '{scale.name}' of the file has scale {scale.scale:.6g}, zero point "
        f"{scale.zero_point}, but {scale.reason}."
        for scale in imported_scales(model.imported, graph)
        if scale.changed
    )
    states = _states(model, graph)
    return verify(replace(graph, notes=(*graph.notes, *changed), states=states), "quantize")


def _states(model: FloatModel, graph: IntGraph) -> tuple[tuple[str, str], ...]:
    """The states' integer tensors. Raises UnsupportedOpError where both ends cannot be alike."""
    inputs = dict(zip((end.name for end in model.inputs), graph.inputs, strict=True))
    outputs = dict(zip((end.name for end in model.outputs), graph.outputs, strict=True))
    pairs = tuple((inputs[read], outputs[written]) for read, written in model.states)
    for (read, written), (source, result) in zip(model.states, pairs, strict=True):
        ends = graph.tensors[source], graph.tensors[result]
        if ends[0].qparams != ends[1].qparams or any(end.channels for end in ends):
            raise UnsupportedOpError(
                f"The state '{read}' and the output '{written}' that it is read from have scales "
                "of their own, which the model fixes; a state has one scale."
            )
    return pairs


def _results(context: Context, model: FloatModel, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The outputs' tensors; what is an input or another output already is copied."""
    makers = {node.output: node for node in context.builder.nodes}

    def base(name: str) -> str:
        while name in makers and isinstance(makers[name].op, Reshape):
            name = makers[name].inputs[0]
        return name

    results: list[str] = []
    taken = set(inputs)
    for end in model.outputs:
        tensor = context.tensors[end.name]
        if base(tensor) in taken:
            table = context.builder.table("identity", np.arange(-128, 128).astype(np.int8))
            shape, qparams = context.shape(tensor), context.qparams(tensor)
            copied = context.builder.tensor(f"{end.name}.copy", shape, qparams, end.name)
            tensor = context.builder.node(f"{end.name}.copy", Lut(), (tensor, table), copied)
        taken.add(base(context.tensors[end.name]))
        results.append(tensor)
    return tuple(results)


def _declare_input(context: Context, end: FloatEnd, channels: ir.Node | None) -> None:
    name, dims = end.name, int_shape(end.shape)
    if end.dtype == "int32":
        context.builder.tensors[name] = Tensor(name, dims, "int32", None, None, "")
        context.tensors[name] = name
        return
    if channels is not None:
        scale, zero = (required_constant(channels, i, "scale") for i in (1, 2))
        axis = scale.shape.index(scale.size)
        found = Channels(
            tuple(map(float, scale.reshape(-1))),
            tuple(int(z) for z in zero.reshape(-1)),
            math.prod(end.shape[axis + 1 :]),
        )
        context.builder.tensors[name] = Tensor(
            name, dims, "int8", LEVELS, source=name, channels=found
        )
        context.tensors[name] = name
        return
    context.tensors[name] = context.builder.tensor(name, dims, context.scales[name], name)
