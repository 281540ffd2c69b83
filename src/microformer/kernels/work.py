"""What a kernel's cycles are counted in: tiles, words, rows, by name. Prices of each are data.

A kernel's predicted cycles are the sum of its work times the prices of its core (prices.py), which
are fitted to measured rows. Names say what is counted; a price says what one of them takes.
"""

import math
from collections.abc import Callable, Mapping

from microformer.graph.cost import macs
from microformer.graph.ops import (
    Attention,
    AttentionBlock,
    AvgPool2d,
    Conv2d,
    ConvPool,
    LutExp,
    MaxPool2d,
    Op,
)
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands
from microformer.targets import Target

Work = Mapping[str, float]
"""Counts by name."""

Works = Callable[[Op, Operands, Tensor, Target], Work]

Words = Callable[[int], int]
"""Steps of an inner loop over so many values."""


def general(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
    """Of a kernel without tiles: what goes in and comes out, rows, windows and products."""
    first = inputs[0]
    counts = {
        "call": 1.0,
        "outputs": float(output.size),
        "rows": output.size / max(output.shape[-1] if output.shape else 1, 1),
    }
    if isinstance(op, MaxPool2d | AvgPool2d):
        counts["taps"] = float(output.size * op.kernel[0] * op.kernel[1])
    elif first is not None:
        counts["inputs"] = float(first.size)
    products = macs(op, inputs, output)
    if products:
        counts["macs"] = float(products)
    return counts


def looked_up(inputs: Operands, output: Tensor) -> float:
    """Results that go through a table."""
    return float(output.size) if len(inputs) > 4 and inputs[4] is not None else 0.0


def _shape(inputs: Operands, output: Tensor) -> tuple[int, int, int]:
    """Rows, columns and values of a matrix product."""
    weight = inputs[1]
    assert weight is not None
    n = weight.shape[0]
    return output.size // n, n, math.prod(weight.shape[1:])


def tiled(words: Words, pieces: Words, *, blocks: Callable[[int, int], int] | None = None) -> Works:
    """Two rows by four columns: columns are prepared once a block of rows.

    ``words`` are the steps of k values, ``pieces`` the loops that they are done in, ``blocks``
    (rows, words) how many blocks there are.
    """

    def work(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
        rows, n, k = _shape(inputs, output)
        steps, quads = words(k), -(-n // 4)
        panels = quads * (blocks(rows, steps) if blocks else 1)
        tiles = -(-rows // 2) * quads
        return {
            "call": 1.0,
            "panels": panels,
            "panel steps": panels * steps,
            "row steps": rows * steps,
            "tiles": tiles,
            "tile steps": tiles * steps,
            "tile pieces": tiles * pieces(k),
            "tails": tiles * (k % 4 > 0),
            "panel tails": (panels + rows) * (k % 4 > 0),
            "odd": quads * (rows % 2) + rows * (n % 4 > 0),
            "looked up": looked_up(inputs, output),
        }

    return work


def by_row(words: Words, pieces: Words, *, narrow: bool) -> Works:
    """One row by four columns; where ``narrow``, what is left of them by two."""

    def work(_op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
        rows, n, k = _shape(inputs, output)
        tiles = rows * (n // 4 if narrow else -(-n // 4))
        pairs = rows * -(-(n % 4) // 2) if narrow else 0
        return {
            "call": 1.0,
            "rows": rows,
            "row steps": rows * words(k),
            "tiles": tiles,
            "tile steps": tiles * words(k),
            "tile pieces": tiles * pieces(k),
            "tails": (tiles + pairs) * (k % 4 > 0),
            "pairs": pairs,
            "pair steps": pairs * words(k),
            "odd": rows * (n % 4 > 0),
            "looked up": looked_up(inputs, output),
        }

    return work


def gathered(
    words: Words, pieces: Words, *, blocks: Callable[[int, int], int] | None = None
) -> Works:
    """A convolution as a matrix product of gathered cells: whole rows of the kernel, or by tap."""
    inner = tiled(words, pieces, blocks=blocks)

    def work(op: Op, inputs: Operands, output: Tensor, machine: Target) -> Work:
        counts = dict(inner(op, inputs, output, machine))
        inside, border = cells(op, inputs, output)
        assert inputs[1] is not None
        _, kh, kw, c = inputs[1].shape
        counts["gathered rows"] = inside * kh
        counts["gathered bytes"] = inside * kh * kw * c
        counts["gathered taps"] = border * kh * kw
        counts["tap bytes"] = border * kh * kw * c
        return counts

    return work


def cells(op: Op, inputs: Operands, output: Tensor) -> tuple[int, int]:
    """Output cells whose taps lie side by side in the image, and the others."""
    conv = op.conv if isinstance(op, ConvPool) else op
    assert isinstance(conv, Conv2d) and inputs[0] is not None and inputs[1] is not None
    (h, w, _), (oh, ow, _) = inputs[0].shape, output.shape
    _, kh, kw, _ = inputs[1].shape
    if conv.dilation[1] > 1:
        return 0, oh * ow

    def within(count: int, step: int, pad: int, reach: int, size: int) -> int:
        return sum(i * step - pad >= 0 and i * step - pad + reach <= size for i in range(count))

    rows = within(oh, conv.stride[0], conv.pads[0], (kh - 1) * conv.dilation[0] + 1, h)
    columns = within(ow, conv.stride[1], conv.pads[1], kw, w)
    return rows * columns, oh * ow - rows * columns


def depthwise(lanes: int) -> Works:
    """``lanes`` channels at a time; weights are turned once, a cell at the border is gathered."""

    def work(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
        assert inputs[1] is not None
        c, kh, kw, _ = inputs[1].shape
        inside, border = cells(op, inputs, output)
        groups = (inside + border) * -(-c // lanes)
        return {
            "call": 1.0,
            "weights": c * kh * kw,
            "cells": inside + border,
            "groups": groups,
            "group taps": groups * kh * kw,
            "group rows": groups * kh,
            "gathered taps": border * kh * kw,
            "tap bytes": border * kh * kw * c,
            "narrow": groups if c < lanes else 0.0,
            "looked up": looked_up(inputs, output),
        }

    return work


def product(words: Words, *, blocks: Callable[[int, int], int] | None = None) -> Works:
    """Of two activations: as ``tiled``, for each matrix; b's columns are turned where needed."""

    def work(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
        assert inputs[0] is not None
        *lead, rows, k = inputs[0].shape
        n, batch, steps = output.shape[-1], math.prod(lead), words(k)
        quads = -(-n // 4)
        panels = batch * quads * (blocks(rows, steps) if blocks else 1)
        tiles = batch * -(-rows // 2) * quads
        transposed = bool(getattr(op, "transposed", False))
        return {
            "call": 1.0,
            "matrices": batch,
            "panels": panels,
            "copied steps": panels * steps * transposed,
            "turned steps": panels * steps * (not transposed),
            "rows": batch * rows,
            "row steps": batch * rows * steps,
            "tiles": tiles,
            "tile steps": tiles * steps,
            "odd": batch * quads * (rows % 2 + (n % 4 > 0)),
        }

    return work


def attention(words: Words) -> Works:
    """Keys and values of a head put in order once, queries two at a time."""

    def work(op: Op, inputs: Operands, _output: Tensor, _machine: Target) -> Work:
        assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
        biased = len(inputs) > 4 and inputs[4] is not None
        return {"call": 1.0, **_heads(op, inputs[0].shape[0], inputs[1].shape[0], words, biased)}

    return work


def _heads(op: Attention, rows: int, keys: int, words: Words, biased: bool) -> dict[str, float]:
    """What all heads do between the projections."""
    key_steps, value_steps = words(op.head_dim), words(keys)
    pairs = op.heads * -(-rows // 2)
    seen = (keys + 1) / 2 if op.causal else float(keys)
    scores = pairs * -(-seen // 4)
    contexts = pairs * -(-op.value_dim // 4)
    probabilities = 2.0 * pairs * seen
    return {
        "heads": op.heads,
        "keys": op.kv_heads * keys,
        "key steps": op.kv_heads * -(-keys // 4) * key_steps,
        "values": op.kv_heads * keys * op.value_dim,
        "value steps": op.kv_heads * -(-op.value_dim // 4) * value_steps,
        "pairs": pairs,
        "scores": scores,
        "score steps": scores * key_steps,
        "score tails": scores * (op.head_dim % 16 > 0),
        "probabilities": probabilities,
        "polynomials": 0.0 if isinstance(op.exponential, LutExp) else probabilities,
        "biased": probabilities if biased else 0.0,
        "contexts": contexts,
        "context steps": contexts * value_steps * seen / keys,
    }


def block(words: Words) -> Works:
    """A whole layer head by head: projections, attention, sums of the output."""

    def work(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
        assert isinstance(op, AttentionBlock) and inputs[0] is not None
        inner, (rows, e), n = op.attention, inputs[0].shape, output.shape[1]
        pairs, biased = -(-rows // 2), len(inputs) > 14 and inputs[14] is not None
        made = inner.heads * -(-inner.head_dim // 4)
        made += inner.kv_heads * (-(-inner.head_dim // 4) + -(-inner.value_dim // 4))
        sums = inner.heads * -(-n // 4)
        return {
            "call": 1.0,
            **_heads(inner, rows, rows, words, biased),
            "row steps": rows * words(e),
            "projected panels": made,
            "projected panel steps": made * words(e),
            "projected": made * pairs,
            "projected steps": made * pairs * words(e),
            "projected tails": made * pairs * (e % 16 > 0),
            "summed tails": sums * pairs * (inner.value_dim % 16 > 0),
            "summed panels": sums,
            "summed panel steps": sums * words(inner.value_dim),
            "summed": sums * pairs,
            "summed steps": sums * pairs * words(inner.value_dim),
            "outputs": output.size,
        }

    return work
