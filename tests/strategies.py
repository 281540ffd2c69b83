"""Hypothesis strategies over the constructors of ``tests.cases``: shapes, flags and extremes."""

from hypothesis import strategies as st

import tests.cases as table
from tests.cases import Case

_SMALL = st.integers(1, 9)
_FLAG = st.booleans()


@st.composite
def _linear(draw: st.DrawFn) -> Case:
    shape = draw(st.integers(1, 20)), draw(st.integers(1, 70)), draw(st.integers(1, 14))
    if draw(_FLAG):
        return table.linear(*shape, bits=16)
    return table.linear(*shape, draw(_FLAG), draw(_FLAG))


@st.composite
def _matmul(draw: st.DrawFn) -> Case:
    shape = draw(st.integers(1, 4)), draw(_SMALL), draw(st.integers(1, 70)), draw(_SMALL)
    return table.matmul(*shape, draw(_FLAG))


@st.composite
def _conv(draw: st.DrawFn, acc64: bool = True) -> Case:
    groups = draw(st.integers(1, 4))
    depthwise = draw(_FLAG)
    channels = groups * (1 if depthwise else draw(st.integers(1, 3)))
    n = channels if depthwise else groups * draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    pads = tuple(draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4))
    span = [dilation[i] * (kernel[i] - 1) + 1 for i in range(2)]
    size = (span[0] + draw(st.integers(0, 4)), span[1] + draw(st.integers(0, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return table.conv(
        size,
        channels,
        n,
        kernel,
        stride,
        (pads[0], pads[1], pads[2], pads[3]),
        dilation,
        groups,
        draw(_FLAG),
        acc64 and draw(_FLAG),
    )


@st.composite
def _conv_pool(draw: st.DrawFn) -> Case:
    inner = draw(_conv(acc64=False))  # there is no wide form of it
    height, width, _ = inner.output().shape
    kernel = (draw(st.integers(1, height)), draw(st.integers(1, width)))
    stride = draw(st.sampled_from([kernel, (1, 2), (3, 4)]))
    return table.conv_pool(inner, kernel, stride, draw(_FLAG))


@st.composite
def _attention(draw: st.DrawFn) -> Case:
    kv_heads = draw(st.integers(1, 4))
    return table.attention(
        draw(st.integers(1, 12)),
        draw(st.integers(1, 40)),
        kv_heads * draw(st.integers(1, 3)),
        draw(_SMALL),
        value_dim=draw(_SMALL),
        kv_heads=kv_heads,
        causal=draw(_FLAG),
        bias=draw(st.sampled_from(["", "shared", "head", "masked"])),
        softmax=draw(st.sampled_from(["lut", "ibert"])),
        unit=draw(st.sampled_from([1e-7, 1e-4, 1e-3, 1e-2, 0.3, 5.0])),
    )


@st.composite
def _block(draw: st.DrawFn) -> Case:
    kv_heads, rows = draw(st.integers(1, 3)), draw(st.integers(1, 14))
    inner = table.attention(
        rows,
        rows,
        kv_heads * draw(st.integers(1, 3)),
        draw(_SMALL),
        value_dim=draw(_SMALL),
        kv_heads=kv_heads,
        causal=draw(_FLAG),
        bias=draw(st.sampled_from(["", "shared", "head", "masked"])),
        softmax=draw(st.sampled_from(["lut", "ibert"])),
        unit=draw(st.sampled_from([1e-7, 1e-3, 1e-2, 5.0])),
    )
    return table.block(rows, draw(_SMALL), draw(_SMALL), inner)


@st.composite
def _rows(draw: st.DrawFn) -> Case:
    rows, n = draw(st.integers(1, 5)), draw(st.integers(1, 90))
    match draw(st.sampled_from(["softmax", "fine", "layernorm", "add", "mul", "table", "mean"])):
        case "softmax":
            kind = draw(st.sampled_from(["lut", "ibert"]))
            return table.softmax(rows, n, kind, draw(st.sampled_from([1e-4, 0.02, 1.0])))
        case "fine":
            unit, scale = (
                draw(st.sampled_from([1e-4, 0.1, 3.0])),
                draw(st.sampled_from([1e-4, 0.004])),
            )
            return table.fine_softmax(rows, n, unit, scale)
        case "layernorm":
            return table.layernorm(rows, n, draw(_FLAG), draw(st.sampled_from([1, None, 2**45])))
        case "table":
            return table.lut((rows, n))
        case "mean":
            return table.mean((rows, draw(_SMALL), n), draw(st.sampled_from([(0,), (0, 1), (2,)])))
        case kind:
            other = draw(st.sampled_from([(rows, n), (n,)]))
            return table.binary(kind, (rows, n), other, draw(_FLAG))


@st.composite
def _residual(draw: st.DrawFn) -> Case:
    """What reads or writes int16."""
    rows, n = draw(st.integers(1, 9)), draw(st.integers(1, 90))
    kinds = [(8, 16), (16, 8), (16, 16)]
    match draw(st.sampled_from(["norm", "add", "narrow"])):
        case "norm":
            eps = draw(st.sampled_from([1, None, 2**45, 2**61]))
            return table.layernorm(rows, n, draw(_FLAG), eps, draw(st.sampled_from(kinds)))
        case "add":
            bits = (draw(st.sampled_from([8, 16])), *draw(st.sampled_from(kinds)))
            other = draw(st.sampled_from([(rows, n), (n,)]))
            return table.residual_add((rows, n), bits, other, draw(_FLAG))
        case _:
            return table.requantize((rows, n))


@st.composite
def _pool(draw: st.DrawFn) -> Case:
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    pads = tuple(draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4))
    shape = (
        kernel[0] + draw(st.integers(0, 4)),
        kernel[1] + draw(st.integers(0, 4)),
        draw(_SMALL),
    )
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    kind = draw(st.sampled_from(["max", "avg"]))
    padding = (pads[0], pads[1], pads[2], pads[3])
    return table.pool(kind, shape, kernel, stride, padding, draw(_FLAG))


@st.composite
def _recurrent(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["lstm", "gru", "gru_before"]))
    size, scale = draw(st.sampled_from([0.1, 2.0, 100.0])), draw(st.sampled_from([1e-3, 8e-3]))
    steps, units = draw(st.integers(1, 9)), draw(st.integers(1, 21))
    return table.recurrent(kind, steps, units, size, draw(st.integers(3, 8)), scale)


@st.composite
def _movement(draw: st.DrawFn) -> Case:
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=5)))
    if draw(_FLAG):
        return table.transpose(shape, tuple(draw(st.permutations(range(len(shape))))))
    axis = draw(st.integers(0, len(shape) - 1))
    start = draw(st.integers(0, shape[axis] - 1))
    if draw(_FLAG):
        return table.cut(shape, axis, start, -1, -draw(st.integers(1, 3)))
    stop = draw(st.integers(start + 1, shape[axis]))
    return table.cut(shape, axis, start, stop, draw(st.integers(1, 3)))


@st.composite
def _embedding(draw: st.DrawFn) -> Case:
    if draw(st.integers(0, 4)) == 0:
        return table.argmax((draw(_SMALL), draw(_SMALL)))
    if draw(st.booleans()):
        return table.taken(draw(_SMALL), draw(st.integers(1, 20)), draw(_SMALL))
    return table.embedding(draw(_SMALL), draw(st.integers(1, 20)), draw(_SMALL))


def cases() -> st.SearchStrategy[Case]:
    """Any case."""
    return st.one_of(
        *(_linear(), _conv(), _conv_pool(), _matmul(), _attention(), _block()),
        *(_rows(), _residual(), _pool(), _movement(), _embedding(), _recurrent()),
    )
