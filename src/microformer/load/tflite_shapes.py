"""What a TFLite file computes of shapes: constants, as every shape in the file is static here.

Keras writes a chain of SHAPE, STRIDED_SLICE and PACK for each Flatten of a free batch.
"""

from collections.abc import Callable

import numpy as np

from microformer.graph.tensor import Array
from microformer.load.tflite import Operator
from microformer.load.tflite_onnx import Writer

Fold = Callable[[Operator, list[Array]], Array | None]


def fold_shapes(w: Writer, op: Operator) -> bool:
    """Whether the operator's output is a constant of integers, which the writer knows then."""
    if op.name == "SHAPE":
        w.know(op, np.array(w.stored(op.inputs[0]).shape, np.int64))
        return True
    fold = _FOLDS.get(op.name)
    given = [w.data(op, place) for place, index in enumerate(op.inputs) if index >= 0]
    arrays = [data for data in given if data is not None and data.dtype.kind in "iu"]
    if fold is None or len(arrays) != len(given) or not arrays:
        return False
    made = fold(op, [np.asarray(data, np.int64) for data in arrays])
    if made is None or any(w.stored(i).scale.size for i in op.outputs):
        return False
    w.know(op, np.asarray(made, np.int64))
    return True


def _strided(op: Operator, given: list[Array]) -> Array | None:
    options = op.options
    if options is None or options.EllipsisMask() or options.NewAxisMask() or len(given) != 4:
        return None
    data, begin, end, step = given
    cuts: list[slice | int] = []
    for i in range(min(len(begin), data.ndim)):
        if options.ShrinkAxisMask() >> i & 1:
            cuts.append(int(begin[i]))
            continue
        start = None if options.BeginMask() >> i & 1 else int(begin[i])
        stop = None if options.EndMask() >> i & 1 else int(end[i])
        cuts.append(slice(start, stop, int(step[i])))
    return np.asarray(data[tuple(cuts)])


def _axis(op: Operator) -> int:
    return int(op.options.Axis()) if op.options is not None else 0


def _product(op: Operator, given: list[Array]) -> Array:
    keep = bool(op.options is not None and op.options.KeepDims())
    axes = tuple(int(a) for a in given[1].reshape(-1))
    return np.asarray(given[0].prod(axis=axes, keepdims=keep))


_FOLDS: dict[str, Fold] = {
    "STRIDED_SLICE": _strided,
    "PACK": lambda op, given: np.stack(given, _axis(op)),
    "CONCATENATION": lambda op, given: np.concatenate(given, _axis(op)),
    "REDUCE_PROD": _product,
    "GATHER": lambda op, given: np.take(given[0], given[1], _axis(op)),
    "CAST": lambda _op, given: given[0],
    "MUL": lambda _op, given: given[0] * given[1],
    "ADD": lambda _op, given: given[0] + given[1],
    "SUB": lambda _op, given: given[0] - given[1],
    "SQUEEZE": lambda _op, given: given[0].reshape(-1),
}
KNOWN = frozenset(("SHAPE", *_FOLDS))
"""Operators that may be of shapes only, and have no other form."""
