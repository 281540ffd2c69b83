"""TFLite's operators that move elements and compute nothing."""

from collections.abc import Callable

from microformer.load.tflite import Operator
from microformer.load.tflite_onnx import Writer
from microformer.load.tflite_parts import done, out_shape, refuse, shaped


def _reshape(w: Writer, op: Operator) -> None:
    w.write(op, shaped(w, w.read(op.inputs[0]), out_shape(w, op)))


def _transpose(w: Writer, op: Operator) -> None:
    perm = w.data(op, 1)
    if perm is None:
        raise refuse(w.graph, op, "its permutation must be constant")
    numbers = [int(p) for p in perm.reshape(-1)]
    w.write(op, w.node("Transpose", [w.read(op.inputs[0])], perm=numbers))


def _concat(w: Writer, op: Operator) -> None:
    axis = int(op.options.Axis()) if op.options else 0
    done(w, op, w.node("Concat", [w.read(i) for i in op.inputs], axis=axis))


def _pack(w: Writer, op: Operator) -> None:
    axis = int(op.options.Axis()) if op.options else 0
    parts = [w.node("Unsqueeze", [w.read(i), w.ints(axis)]) for i in op.inputs]
    w.write(op, w.node("Concat", parts, axis=axis))


def _cut(w: Writer, op: Operator, bounds: list[tuple[int, int, int]]) -> None:
    """x[start:stop:step] on every axis, then the output's own shape."""
    columns = [w.ints(*column) for column in zip(*bounds, strict=True)]
    starts, stops, steps = columns
    axes = w.ints(*range(len(bounds)))
    value = w.node("Slice", [w.read(op.inputs[0]), starts, stops, axes, steps])
    w.write(op, shaped(w, value, out_shape(w, op)))


def _slice(w: Writer, op: Operator) -> None:
    begin, size = w.data(op, 1), w.data(op, 2)
    if begin is None or size is None:
        raise refuse(w.graph, op, "its bounds must be constant")
    shape = w.stored(op.inputs[0]).shape
    pairs = zip(begin.reshape(-1), size.reshape(-1), shape, strict=True)
    _cut(w, op, [(int(b), int(b + s) if s >= 0 else n, 1) for b, s, n in pairs])


def _strided_slice(w: Writer, op: Operator) -> None:
    given = [w.data(op, i) for i in (1, 2, 3)]
    options, shape = op.options, w.stored(op.inputs[0]).shape
    if any(g is None for g in given) or options is None:
        raise refuse(w.graph, op, "its bounds must be constant")
    if options.EllipsisMask() or options.NewAxisMask():
        raise refuse(w.graph, op, "slices with new axes or an ellipsis are not supported")
    begin, end, step = ([int(v) for v in g.reshape(-1)] for g in given if g is not None)
    bounds = []
    for i, size in enumerate(shape):
        if i >= len(begin):
            bounds.append((0, size, 1))
            continue
        if options.ShrinkAxisMask() >> i & 1:
            first = begin[i] % size
            bounds.append((first, first + 1, 1))
            continue
        start = None if options.BeginMask() >> i & 1 else begin[i]
        stop = None if options.EndMask() >> i & 1 else end[i]
        first, last, stride = slice(start, stop, step[i]).indices(size)
        bounds.append((first, last if last >= 0 else -size - 1, stride))
    _cut(w, op, bounds)


def _split(w: Writer, op: Operator) -> None:
    axis = w.data(op, 0)
    if axis is None:
        raise refuse(w.graph, op, "its axis must be constant")
    place, start = int(axis.reshape(-1)[0]) % len(w.stored(op.inputs[1]).shape), 0
    for position, index in enumerate(op.outputs):
        size = w.stored(index).shape[place]
        bounds = [w.ints(n) for n in (start, start + size, place)]
        w.write(op, w.node("Slice", [w.read(op.inputs[1]), *bounds]), position)
        start += size


def _unpack(w: Writer, op: Operator) -> None:
    axis = int(op.options.Axis()) if op.options else 0
    place = axis % len(w.stored(op.inputs[0]).shape)
    for position, index in enumerate(op.outputs):
        bounds = [w.ints(n) for n in (position, position + 1, place)]
        part = w.node("Slice", [w.read(op.inputs[0]), *bounds])
        w.write(op, shaped(w, part, w.stored(index).shape), position)


def _pad(w: Writer, op: Operator) -> None:
    amounts = w.data(op, 1)
    if amounts is None or op.name == "PADV2":
        raise refuse(w.graph, op, "only constant padding with zeros is supported")
    pads = w.ints(*(int(n) for n in amounts.T.reshape(-1)))
    w.write(op, w.node("Pad", [w.read(op.inputs[0]), pads]))


def _gather(w: Writer, op: Operator) -> None:
    """GATHER(table, index), or EMBEDDING_LOOKUP(index, table)."""
    table, index = op.inputs[:2] if op.name == "GATHER" else op.inputs[1::-1]
    axis = int(op.options.Axis()) if op.name == "GATHER" and op.options else 0
    w.write(op, w.node("Gather", [w.read(table), w.read(index)], axis=axis))


MOVES: dict[str, Callable[[Writer, Operator], None]] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _reshape),
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concat,
    "PACK": _pack,
    "UNPACK": _unpack,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "SPLIT": _split,
    "PAD": _pad,
    "PADV2": _pad,
    "GATHER": _gather,
    "EMBEDDING_LOOKUP": _gather,
}
