"""Operations that are cut by columns: heads of attention, channels of a mean."""

import math
from collections.abc import Callable
from dataclasses import replace

from microformer.graph import ops
from microformer.graph.kernel_graph import Span
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands

Parts = tuple[ops.Op, dict[str, Tensor], dict[str, Span]]
"""A tile: its operation, the operands and output that have another shape in it, their spans."""

Found = tuple[int, Callable[[int, int], Parts]] | None
"""Number of rows, and what some of them need; None where nothing can be cut."""


def by_heads(op: ops.Attention, inputs: Operands, output: Tensor) -> Found:
    """Heads of keys and values with their queries: columns of all rows."""
    q, k, v = inputs[:3]
    assert q is not None and k is not None and v is not None
    bias = inputs[4] if len(inputs) > 4 else None
    if len({q.name, k.name, v.name}) < 3 or (bias is not None and bias.shape[0] > 1):
        return None
    queries = op.heads // op.kv_heads
    widths = (
        (q, queries * op.head_dim),
        (k, op.head_dim),
        (v, op.value_dim),
        (output, queries * op.value_dim),
    )

    def parts(begin: int, end: int) -> Parts:
        count = end - begin
        shaped = {t.name: replace(t, shape=(t.shape[0], count * w)) for t, w in widths}
        spans = {
            t.name: Span(begin * w, count * w, t.shape[0], t.size // t.shape[0]) for t, w in widths
        }
        return replace(op, heads=count * queries, kv_heads=count), shaped, spans

    return op.kv_heads, parts


def mean(op: ops.Mean, inputs: Operands, output: Tensor) -> Found:
    """Rows before the axes that are summed; without any, runs of what lies behind them."""
    x = inputs[0]
    assert x is not None
    first, last = min(op.axes), max(op.axes)
    outer, inner = math.prod(x.shape[:first]), math.prod(x.shape[last + 1 :])
    cells = x.size // (outer * inner)
    if outer > 1:
        return None if inner * outer != output.size else _mean_rows(op, x, output, outer)
    part = 4 if inner % 4 == 0 else 1

    def parts(begin: int, end: int) -> Parts:
        width = (end - begin) * part
        shaped = {
            x.name: replace(x, shape=(1, cells, width)),
            output.name: replace(output, shape=(1, width)),
        }
        spans = {
            x.name: Span(begin * part, width, cells, inner),
            output.name: Span(begin * part, width),
        }
        return replace(op, axes=(1,)), shaped, spans

    return inner // part, parts


def _mean_rows(op: ops.Mean, x: Tensor, output: Tensor, outer: int) -> Found:
    inner = output.size // outer
    cells = x.size // output.size

    def parts(begin: int, end: int) -> Parts:
        count = end - begin
        shaped = {
            x.name: replace(x, shape=(count, cells, inner)),
            output.name: replace(output, shape=(count, inner)),
        }
        spans = {
            x.name: Span(begin * cells * inner, count * cells * inner),
            output.name: Span(begin * inner, count * inner),
        }
        return replace(op, axes=(1,)), shaped, spans

    return outer, parts


def by_axes(op: ops.Transpose, inputs: Operands, output: Tensor) -> list[Found]:
    """Each axis of a Transpose: runs of one length in the input, of another in the output."""
    x = inputs[0]
    assert x is not None
    return [_along(op, x, output, axis) for axis, size in enumerate(output.shape) if size > 1]


def _along(op: ops.Transpose, x: Tensor, output: Tensor, axis: int) -> Found:
    ends = ((x, op.perm[axis]), (output, axis))

    def parts(begin: int, end: int) -> Parts:
        count, shaped, spans = end - begin, {}, {}
        for tensor, place in ends:
            shape = tensor.shape
            run = math.prod(shape[place + 1 :]) * tensor.itemsize
            outer = math.prod(shape[:place])
            shaped[tensor.name] = replace(
                tensor, shape=(*shape[:place], count, *shape[place + 1 :])
            )
            spans[tensor.name] = Span(begin * run, count * run, outer, shape[place] * run)
        return op, shaped, spans

    return output.shape[axis], parts
