"""Which bytes of each operand a tile of output rows needs: the geometry of tiling.

A row is what the operation maps to one row of its output: a row of a matrix, of an image, of
queries. Whatever cannot be cut is done as one tile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from microformer.graph import ops
from microformer.graph.kernel_graph import KernelCall, Span
from microformer.graph.tensor import Tensor
from microformer.kernels.prices import cycles
from microformer.kernels.registry import kernel_of
from microformer.kernels.signatures import Operands, arguments, is_pointwise
from microformer.plan.columns import Found, Parts, by_axes, by_heads, mean
from microformer.targets import Target

_COPY_CYCLES = 2.0  # a byte, on one core


@dataclass(frozen=True)
class Piece:
    """A call on some rows: its integers, the spans of operands cut, scratch, cycles of one core.

    An operand that has no span is needed whole. ``l1_scratch_bytes`` do where the constants
    lie in L1.
    """

    integers: tuple[int, ...]
    spans: Mapping[str, Span]
    scratch_bytes: int
    l1_scratch_bytes: int
    cycles: float


@dataclass(frozen=True)
class Cut:
    """``rows`` that can be cut; ``piece(begin, end, staged)`` is the call on some of them.

    ``staged`` names the operands that are copied to L1 run behind run.
    """

    rows: int
    piece: Callable[[int, int, frozenset[str]], Piece]


def cuts(call: KernelCall, tensors: Mapping[str, Tensor], target: Target) -> list[Cut]:
    """The ways in which ``call`` can be cut; one row where it cannot."""
    if call.pitched:
        return [_copy(call)]
    whole = Cut(1, lambda _begin, _end, _staged: _whole(call, tensors, target))
    if call.node is None:
        return [whole]
    op, output = call.node.op, tensors[call.node.output]
    inputs = tuple(tensors[name] if name else None for name in call.node.inputs)
    found = [by_heads(op, inputs, output)] if isinstance(op, ops.Attention) else []
    found += by_axes(op, inputs, output) if isinstance(op, ops.Transpose) else []
    found.append(_by_op(op, inputs, output))
    return [_cut_node(call, target, inputs, output, *f) for f in found if f is not None] or [whole]


def _integers(args: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(int(a.value) for a in args if a.kind == "int")


def _whole(call: KernelCall, tensors: Mapping[str, Tensor], target: Target) -> Piece:
    assert call.node is not None
    inputs = tuple(tensors[name] if name else None for name in call.node.inputs)
    return _made(call, target, call.node.op, inputs, tensors[call.node.output], {})


def _made(
    call: KernelCall,
    target: Target,
    op: ops.Op,
    inputs: Operands,
    output: Tensor,
    spans: Mapping[str, Span],
) -> Piece:
    """The call with operands of these shapes."""
    kernel = kernel_of(call.symbol)
    scratch = kernel.scratch(op, inputs, output, target)
    in_l1 = scratch if kernel.l1_scratch is None else kernel.l1_scratch(op, inputs, output, target)
    integers = _integers(arguments(op, inputs, output))
    return Piece(integers, spans, scratch, in_l1, cycles(kernel, op, inputs, output, target))


def _copy(call: KernelCall) -> Cut:
    """Rows of a copy; one run of bytes is cut into rows of 8 bytes where it has so many."""
    rows, width, start, pitch, place, step = _integers(call.args)
    source = next(str(a.value) for a in call.args if a.kind in {"in", "const"})
    if rows == 1 and width % 8 == 0:
        rows, width, pitch, step = width // 8, 8, 8, 8

    def piece(begin: int, end: int, staged: frozenset[str]) -> Piece:
        count = end - begin
        spans = {
            source: Span(start + begin * pitch, width, count, pitch),
            call.output: Span(place + begin * step, width, count, step),
        }
        steps = [width if name in staged else spans[name].pitch for name in (source, call.output)]
        integers = (count, width, 0, steps[0], 0, steps[1])
        return Piece(integers, spans, 0, 0, _COPY_CYCLES * width * count)

    return Cut(rows, piece)


def _by_op(op: ops.Op, inputs: Operands, output: Tensor) -> Found:
    match op:
        case ops.Conv2d() if is_pointwise(op, inputs):
            return _by_rows(op, inputs, output, output.shape[-1])
        case ops.Conv2d() | ops.ConvPool() | ops.MaxPool2d() | ops.AvgPool2d():
            return _by_window(op, inputs, output)
        case (
            ops.Linear()
            | ops.LayerNorm()
            | ops.Softmax()
            | ops.Lut()
            | ops.Embedding()
            | ops.Requantize()
        ):
            return _by_rows(op, inputs, output, output.shape[-1])
        case ops.Add() | ops.Mul():
            return _elementwise(op, inputs, output)
        case ops.Attention() if not op.causal and (len(inputs) < 5 or inputs[4] is None):
            return _by_rows(op, inputs, output, output.shape[-1])
        case ops.Mean():
            return mean(op, inputs, output)
    return None


def _cut_node(
    call: KernelCall,
    target: Target,
    inputs: Operands,
    output: Tensor,
    rows: int,
    parts: Callable[[int, int], Parts],
) -> Cut:
    def piece(begin: int, end: int, _staged: frozenset[str]) -> Piece:
        op, shaped, spans = parts(begin, end)
        given = tuple(None if t is None else shaped.get(t.name, t) for t in inputs)
        return _made(call, target, op, given, shaped[output.name], spans)

    return Cut(rows, piece)


def _by_rows(op: ops.Op, inputs: Operands, output: Tensor, width: int) -> Found:
    """Row i of the output comes from row i of the first operand."""
    x = inputs[0]
    rows = output.size // width
    if x is None or x.size % rows or any(t is not None and t.name == x.name for t in inputs[1:]):
        return None
    lead = (1,) if isinstance(op, ops.Conv2d) else ()
    step, out_step = x.nbytes // rows, output.nbytes // rows

    def parts(begin: int, end: int) -> Parts:
        count = end - begin
        each = x.size // rows
        shape = (count,) if isinstance(op, ops.Embedding) else (*lead, count, each)
        shaped = {
            x.name: replace(x, shape=shape),
            output.name: replace(output, shape=(*lead, count, width)),
        }
        spans = {
            x.name: Span(begin * step, count * step),
            output.name: Span(begin * out_step, count * out_step),
        }
        return op, shaped, spans

    return rows, parts


def _elementwise(op: ops.Op, inputs: Operands, output: Tensor) -> Found:
    """Both operands by rows; one that is repeated is a row long and needed whole."""
    a, b = inputs[:2]
    assert a is not None and b is not None
    repeated = b.size < output.size
    width = b.size if repeated else output.shape[-1]
    if repeated and a.name == b.name:
        return None
    cut_names = [t for t in (a, output) if t is not None] + ([] if repeated else [b])

    def parts(begin: int, end: int) -> Parts:
        shape = (end - begin, width)
        shaped = {t.name: replace(t, shape=shape, data=None) for t in cut_names}
        steps = {t.name: width * t.itemsize for t in cut_names}
        spans = {name: Span(begin * s, (end - begin) * s) for name, s in steps.items()}
        return op, shaped, spans

    return output.size // width, parts


def _by_window(op: Any, inputs: Operands, output: Tensor) -> Found:
    """Output rows of a convolution or pooling, and the input rows that their windows see."""
    x = inputs[0]
    assert x is not None
    stride, top, reach = _window(op, inputs)
    height, row, out_row = x.shape[0], x.nbytes // x.shape[0], output.nbytes // output.shape[0]
    if top > reach or (output.shape[0] - 1) * stride - top >= height:
        return None  # a window of nothing but padding

    def parts(begin: int, end: int) -> Parts:
        first = max(0, begin * stride - top)
        last = min(height, (end - 1) * stride - top + reach + 1)
        shaped = {
            x.name: replace(x, shape=(last - first, *x.shape[1:])),
            output.name: replace(output, shape=(end - begin, *output.shape[1:])),
        }
        spans = {
            x.name: Span(first * row, (last - first) * row),
            output.name: Span(begin * out_row, (end - begin) * out_row),
        }
        return _below(op, max(0, top - begin * stride)), shaped, spans

    return output.shape[0], parts


def _window(op: Any, inputs: Operands) -> tuple[int, int, int]:
    """Rows of the input from window to window, above it, and from a window's first to its last."""
    if isinstance(op, ops.ConvPool):
        stride, top, reach = _window(op.conv, inputs)
        return op.stride[0] * stride, top, reach + (op.kernel[0] - 1) * stride
    if isinstance(op, ops.Conv2d):
        assert inputs[1] is not None
        return op.stride[0], op.pads[0], (inputs[1].shape[1] - 1) * op.dilation[0]
    return op.stride[0], op.pads[0], op.kernel[0] - 1


def _below(op: Any, top: int) -> ops.Op:
    """``op`` with other padding above."""
    if isinstance(op, ops.ConvPool):
        return replace(op, conv=_below(op.conv, top))  # type: ignore[arg-type]
    return replace(op, pads=(top, *op.pads[1:]))  # type: ignore[no-any-return]
