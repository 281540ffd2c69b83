"""Several inputs and outputs of a program: a sample of all inputs is one record.

Samples of one input are a plain array [N, *shape]. Those of several are a NumPy array of records
[N], a field an input by its name, so that whatever picks samples need not know how many inputs
there are. Between a program and the machine that runs it a sample is one row of bytes: ``Port``
says where in it each input or output lies.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from microformer.graph.float_model import FloatEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import ArgMax
from microformer.graph.tensor import Array, Tensor

ALIGNMENT = 8
"""Every port of several begins at a multiple of so many bytes."""


@dataclass(frozen=True)
class Port:
    """One of several inputs or outputs: its name in C, its type and elements, its first byte."""

    name: str
    dtype: str
    size: int
    offset: int
    real: bool
    """Whether it has a scale: the emitted header converts real values."""
    channels: bool = False
    """Whether it has a scale for each channel: a value is converted by its place."""

    @property
    def end(self) -> int:
        """The byte behind the last."""
        return self.offset + self.size * np.dtype(self.dtype).itemsize


def ports_of(tensors: Sequence[Tensor], names: Sequence[str]) -> tuple[Port, ...]:
    """The places of several tensors in a row of bytes, called ``names``."""
    ports: list[Port] = []
    at = 0
    for tensor, name in zip(tensors, names, strict=True):
        real, channels = tensor.qparams is not None, tensor.channels is not None
        ports.append(Port(name, tensor.dtype, tensor.size, at, real, channels))
        at = -(-ports[-1].end // ALIGNMENT) * ALIGNMENT
    return tuple(ports)


def records(arrays: Mapping[str, Array]) -> Array:
    """Arrays [N, ...] by name as one array of records [N]; a single one stays as it is."""
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    count = len(next(iter(arrays.values())))
    fields = [(name, data.dtype, data.shape[1:]) for name, data in arrays.items()]
    made = np.zeros(count, fields)
    for name, data in arrays.items():
        made[name] = data
    return made


def by_name(x: Array, names: Sequence[str]) -> dict[str, Array]:
    """What ``records`` made, apart again: [N, ...] for each of ``names``."""
    return {name: x[name] for name in names} if x.dtype.names else {names[0]: x}


def quantized(graph: IntGraph, x: Array) -> Array:
    """Samples [N, ...] as the program takes them: int8 (or int32 indices) [N, *int shape]."""
    made = {}
    for name, values in by_name(x, graph.inputs).items():
        tensor = graph.tensors[name]
        shaped = values.reshape(len(x), *tensor.shape)
        made[name] = tensor.quantize(shaped)
    return records(made)


def input_bytes(graph: IntGraph, levels: Array) -> Array:
    """What ``quantized`` made as rows for a machine: [N, size], of several inputs their bytes."""
    if not levels.dtype.names:
        return levels.reshape(len(levels), -1)
    ports = ports_of([graph.tensors[n] for n in graph.inputs], graph.inputs)
    rows = np.zeros((len(levels), ports[-1].end), np.int8)
    for port in ports:
        part = np.ascontiguousarray(levels[port.name].reshape(len(levels), -1))
        rows[:, port.offset : port.end] = part.view(np.int8)
    return rows


def input_reals(graph: IntGraph, x: Array, levels: Array) -> NDArray[np.float32]:
    """float32 rows for the emitted quantisers, a number a byte of ``input_bytes``.

    What has no scale goes as its bytes.
    """
    rows = input_bytes(graph, levels).astype(np.float32)
    if not levels.dtype.names:
        return x.reshape(len(x), -1).astype(np.float32)
    for port in ports_of([graph.tensors[n] for n in graph.inputs], graph.inputs):
        if port.real:
            rows[:, port.offset : port.end] = x[port.name].reshape(len(x), -1)
    return rows


def output_columns(ports: Sequence[Port]) -> NDArray[np.int64]:
    """Which bytes of a row are outputs: between them may lie some that mean nothing."""
    return np.concatenate([np.arange(port.offset, port.end) for port in ports])


def columns_of(ends: Sequence[FloatEnd], name: str) -> slice:
    """Where one of several outputs (the first, if it has no name) lies among all elements."""
    at = 0
    for end in ends:
        size = math.prod(end.shape)
        if name in ("", end.name):
            return slice(at, at + size)
        at += size
    raise AssertionError(name)


def flat_outputs(graph: IntGraph, values: Mapping[str, Array]) -> Array:
    """All outputs side by side: int8 [N, bytes of all]; one of int8 keeps its shape [N, *shape]."""
    if len(graph.outputs) == 1 and graph.tensors[graph.outputs[0]].dtype == "int8":
        return values[graph.outputs[0]]
    flat = [np.ascontiguousarray(values[n].reshape(len(values[n]), -1)) for n in graph.outputs]
    return np.concatenate([part.view(np.int8) for part in flat], axis=1)


def real_outputs(graph: IntGraph, levels: Array, *, single: bool = False) -> Array:
    """The real values of ``flat_outputs``: float64, or with ``single`` a firmware's float32.

    What has no scale goes as its bytes.
    """
    parts = []
    at = 0
    several = len(graph.outputs) > 1
    for name in graph.outputs:
        tensor = graph.tensors[name]
        part = levels[:, at : at + tensor.nbytes] if several else levels
        if tensor.qparams is None:
            parts.append(part.astype(np.float32 if single else np.float64))
        else:
            parts.append(tensor.qparams.real(part) if single else tensor.qparams.dequantize(part))
        at += tensor.nbytes
    return np.concatenate(parts, axis=1) if several else parts[0]


def scored(graph: IntGraph) -> IntGraph:
    """The same with the scores for outputs in place of the places of the largest of them."""
    makers = {node.output: node for node in graph.nodes if isinstance(node.op, ArgMax)}
    found = (makers[n].inputs[0] if n in makers else n for n in graph.outputs)
    return replace(graph, outputs=tuple(found))
