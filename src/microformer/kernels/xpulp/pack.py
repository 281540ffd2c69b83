"""Constants in the order that a kernel reads them."""

import numpy as np

from microformer.graph.ops import AttentionBlock, Op
from microformer.graph.tensor import Array
from microformer.kernels.kernel import Packed
from microformer.kernels.signatures import Operands


def panels(weight: Array, mult: Array, add: Array) -> Array:
    """int32 [ceil(n / 4), 4 ceil(k / 4) + 9]: four columns word by word, then (2)'s constants.

    ``weight`` int8 [n, ...] of k values a column; ``mult``, ``add`` int32 [n]. Columns and
    values that are not there are zero; so is the last word, which keeps panels an odd number of
    words apart.
    """
    n, k = len(weight), weight[0].size
    count, words = -(-n // 4), -(-k // 4)
    padded = np.zeros((4 * count, 4 * words), np.int8)
    padded[:n, :k] = weight.reshape(n, k)
    columns = padded.reshape(count, 4, words, 4).transpose(0, 2, 1, 3)
    body = np.ascontiguousarray(columns).reshape(count, -1).view("<i4")
    constants = np.zeros((2, 4 * count), np.int32)
    constants[0, :n], constants[1, :n] = mult, add
    tail = constants.reshape(2, count, 4).transpose(1, 2, 0).reshape(count, 8)
    made: Array = np.concatenate([body, tail, np.zeros((count, 1), np.int32)], axis=1)
    return made.astype(np.int32)


def pack_linear(_op: Op, inputs: Operands) -> Packed:
    """Weight and constants of a matrix product as panels."""
    return _packed(inputs, panels(*_data(inputs, 1)))


def pack_conv_pool(_op: Op, inputs: Operands) -> Packed:
    """Panels in which each row of the kernel is a whole number of words."""
    weight, mult, add = _data(inputs, 1)
    n, kh, kw, c = weight.shape
    lines = np.pad(weight.reshape(n, kh, kw * c), ((0, 0), (0, 0), (0, -kw * c % 4)))
    return _packed(inputs, panels(lines, mult, add))


def pack_small_kernel(_op: Op, inputs: Operands) -> Packed:
    """int32 [n, 11]: three rows of three words each, absent values zero, then (2)'s constants."""
    return _by_channels(inputs, 3, 3)


def pack_depthwise(_op: Op, inputs: Operands) -> Packed:
    """int32 [c, kh words + 2]: each row of the kernel in whole words, then (2)'s constants."""
    assert inputs[1] is not None
    _, kh, kw, _ = inputs[1].shape
    return _by_channels(inputs, kh, (kw + 3) // 4)


def _by_channels(inputs: Operands, rows: int, words: int) -> Packed:
    """Each channel's kernel as ``rows`` rows of ``words`` words, and its constants."""
    weight, mult, add = _data(inputs, 1)
    n, kh, kw, c = weight.shape
    kernel = np.zeros((n, rows, 4 * words), np.int8)
    kernel[:, :kh, : kw * c] = weight.reshape(n, kh, kw * c)
    constants = np.stack([mult, add], axis=1)
    data = np.concatenate([kernel.reshape(n, -1).view("<i4"), constants], axis=1)
    return _packed(inputs, data.astype(np.int32))


def _packed(inputs: Operands, data: Array) -> Packed:
    """``data`` in the place of weight, mult and add."""
    weight, mult, add = inputs[1:4]
    assert weight is not None and mult is not None and add is not None
    return {weight.name: data, mult.name: None, add.name: None}


def pack_norm(_op: Op, inputs: Operands) -> Packed:
    """int32 [N, 2]: multiplier and constant of (7d) of each element side by side."""
    mult, add = inputs[1:3]
    assert mult is not None and add is not None and mult.data is not None
    assert add.data is not None
    pairs = np.stack([mult.data, add.data], axis=1).astype(np.int32)
    return {mult.name: pairs, add.name: None}


def pack_block(op: Op, inputs: Operands) -> Packed:
    """All panels of an attention layer in the order of their use, under the name of the first.

    For each head of keys the queries that read it, its keys and its values, each head filled up
    to whole panels with zero columns; then those of the output, whose rows are filled alike.
    """
    assert isinstance(op, AttentionBlock)
    inner = op.attention
    kv, dims = inner.kv_heads, (inner.head_dim, inner.head_dim, inner.value_dim)
    heads = (inner.heads, kv, kv)
    parts = []
    for place, count, dim in zip((1, 4, 7), heads, dims, strict=True):
        filled = [_filled(data, count, dim) for data in _data(inputs, place)]
        parts.append([f.reshape(kv, -1, *f.shape[2:]) for f in filled])
    weight, mult, add = (np.concatenate(same, axis=1) for same in zip(*parts, strict=True))
    projections = panels(weight.reshape(-1, weight.shape[-1]), mult.reshape(-1), add.reshape(-1))
    last, last_mult, last_add = _data(inputs, 10)
    rows = _filled(last.T, inner.heads, inner.value_dim)
    output = panels(rows.reshape(-1, len(last)).T, last_mult, last_add)
    names = [t.name for t in inputs[1:13] if t is not None]
    made: dict[str, Array | None] = dict.fromkeys(names)
    made[names[0]] = np.concatenate([projections.reshape(-1), output.reshape(-1)])
    return made


def _filled(data: Array, heads: int, dim: int) -> Array:
    """[heads * dim, ...] as [heads, dim rounded up to fours, ...], zeros behind each head."""
    split = data.reshape(heads, dim, *data.shape[1:])
    return np.pad(split, [(0, 0), (0, -dim % 4)] + [(0, 0)] * (data.ndim - 1))


def _data(inputs: Operands, place: int) -> tuple[Array, Array, Array]:
    """Weight, mult and add from ``place`` on."""
    weight, mult, add = inputs[place : place + 3]
    assert weight is not None and mult is not None and add is not None
    assert weight.data is not None and mult.data is not None and add.data is not None
    return weight.data, mult.data, add.data
