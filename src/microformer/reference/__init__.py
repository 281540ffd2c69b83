"""THE reference semantics of every integer operation, in NumPy; the C must equal it bit for bit.

One file for operations of a kind, equations numbered as in docs/arithmetic.md. ``evaluate`` runs a
whole graph.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from microformer.graph import ops
from microformer.graph.ends import by_name
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.op import unknown
from microformer.graph.tensor import Array
from microformer.reference import (
    attention,
    conv,
    elementwise,
    layernorm,
    linear,
    log_mel,
    movement,
    pool,
    recurrent,
)
from microformer.reference import range_doppler as radar
from microformer.reference import softmax as softmax_module

__all__ = ["apply", "evaluate", "step"]

_SEMANTICS: dict[type[ops.Op], Callable[..., Array]] = {
    ops.Linear: linear.linear,
    ops.Conv2d: conv.conv2d,
    ops.ConvPool: pool.conv_pool,
    ops.Attention: attention.attention,
    ops.AttentionBlock: attention.attention_block,
    ops.Softmax: softmax_module.softmax,
    ops.FineSoftmax: softmax_module.fine_softmax,
    ops.MatMul: linear.matmul,
    ops.LayerNorm: layernorm.layernorm,
    ops.Add: elementwise.add,
    ops.Mul: elementwise.mul,
    ops.Requantize: elementwise.requantize_residual,
    ops.Lut: elementwise.lut,
    ops.MaxPool2d: pool.max_pool2d,
    ops.ArgMax: pool.argmax,
    ops.AvgPool2d: pool.avg_pool2d,
    ops.Mean: pool.mean,
    ops.Concat: movement.concat,
    ops.Slice: movement.slice_axis,
    ops.Reshape: movement.reshape,
    ops.Transpose: movement.transpose,
    ops.Embedding: movement.embedding,
    ops.Lstm: recurrent.lstm,
    ops.Gru: recurrent.gru,
    ops.RangeDoppler: radar.range_doppler,
    ops.LogMel: log_mel.log_mel,
}


def apply(op: ops.Op, *operands: Array | None) -> Array:
    """One operation: activations [B, ...], constants without batch axis."""
    if type(op) not in _SEMANTICS:
        raise unknown(op, "the reference semantics")
    return _SEMANTICS[type(op)](op, *operands)


def _operand(graph: IntGraph, node: Node, name: str, values: dict[str, Array], batch: int) -> Any:
    """The array of one input; a constant in an activation's place is repeated over the batch."""
    if not name:
        return None
    data = graph.tensors[name].data
    if data is None:
        value = values[name]
        if isinstance(node.op, ops.Add | ops.Mul):
            # an operand that repeats over leading axes: they go between the batch axis and its own
            missing = len(graph.tensors[node.inputs[0]].shape) + 1 - value.ndim
            value = value.reshape(batch, *(1,) * missing, *value.shape[1:])
        return value
    if isinstance(node.op, ops.Concat):
        return np.broadcast_to(data, (batch, *data.shape))
    return data


def step(graph: IntGraph, node: Node, values: dict[str, Array], batch: int) -> Array:
    """One node of ``graph`` on the ``values`` that are known, [batch, ...] each."""
    return apply(node.op, *(_operand(graph, node, name, values, batch) for name in node.inputs))


def evaluate(graph: IntGraph, x: Array, keep: bool = False) -> dict[str, Array]:
    """Run ``graph`` on a batch: x int8, int32 indices or int16 samples, [B, *input shape].

    Of several inputs x are records of them, as ``graph.ends`` has it.

    Returns the outputs by name, each [B, *shape]; with ``keep`` every activation as well.
    """
    values: dict[str, Array] = {
        name: given.reshape(len(x), *graph.tensors[name].shape)
        for name, given in by_name(x, graph.inputs).items()
    }
    readers = {name: len(nodes) for name, nodes in graph.consumers().items()}
    for node in graph.nodes:
        values[node.output] = step(graph, node, values, len(x))
        if keep:
            continue
        for name in {n for n in node.inputs if n in values}:
            readers[name] -= 1
            if readers[name] == 0 and name not in graph.outputs:
                del values[name]  # only what is still needed stays in memory
    return values if keep else {name: values[name] for name in graph.outputs}


def __dir__() -> list[str]:
    return __all__
