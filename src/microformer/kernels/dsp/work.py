"""What the cycles of this folder's kernels are counted in; the C lays it out."""

from microformer.graph.ops import Conv2d, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.dsp.costs import BLOCK, REACH, SMALL_BLOCK, band_of, blocks_of, words_of
from microformer.kernels.signatures import Operands
from microformer.kernels.work import (
    Work,
    attention,
    block,
    by_row,
    gathered,
    looked_up,
    product,
    tiled,
)
from microformer.targets import Target


def band_work(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
    """A band's rows are spread, weights once a band; two cells by four columns."""
    assert isinstance(op, Conv2d) and inputs[1] is not None
    (oh, ow, n), (_, kh, _, _) = output.shape, inputs[1].shape
    part, pitch, height, bands = band_of(op, inputs, output)
    tiles = oh * -(-ow // 2) * -(-n // 4)
    words = part // 2
    return {
        "call": 1.0,
        "weights": bands * inputs[1].size,
        "spread": bands * height * pitch,
        "tiles": tiles,
        "tile rows": tiles * kh,
        "tile words": tiles * kh * words,
        "tile pieces": tiles * kh * (words % 16).bit_count(),
        "tile turns": tiles * kh * (words // 16 if words >= 32 else 0),
        "looked up": looked_up(inputs, output),
    }


def depthwise_work(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> Work:
    """Four channels of two cells side by side at a time, where a load reaches both; else of one."""
    assert isinstance(op, Conv2d) and inputs[0] is not None and inputs[1] is not None
    (h, w, c), (_, kh, kw, _), (oh, ow, _) = inputs[0].shape, inputs[1].shape, output.shape
    step = op.stride[1] * c
    two = op.dilation[1] == 1 and c >= 4 and kw <= 8 and (kw - 1) * c + step <= REACH
    quads, pairs = -(-c // 4), ow // 2 if two else 0
    tops = (y * op.stride[0] - op.pads[0] for y in range(oh))
    inside = sum(top >= 0 and top + (kh - 1) * op.dilation[0] < h for top in tops)
    gathered = 0  # columns, over all that is not read where it lies
    for i in range(ow - pairs):
        wide = kw + op.stride[1] if i < pairs else kw
        left = (2 * i if i < pairs else pairs + i) * op.stride[1] - op.pads[1]
        there = op.dilation[1] == 1 and left >= 0 and left + wide <= w
        gathered += wide * (oh - inside if there else oh)
    singles = oh * (ow - 2 * pairs)
    return {
        "call": 1.0,
        "weights": c * kh * kw,
        "pairs": oh * pairs,
        "pair groups": oh * pairs * quads,
        "pair rows": oh * pairs * quads * kh,
        "pair taps": oh * pairs * quads * kh * kw,
        "cells": singles,
        "groups": singles * quads,
        "group taps": singles * quads * kh * kw,
        "gathered taps": gathered * kh,
        "tap bytes": gathered * kh * c,
        "narrow": singles * quads if c < 4 else 0.0,
        "looked up": looked_up(inputs, output),
    }


def _turns(k: int) -> int:
    """Loops of mf_dot_2x4 over so many values, and their turns."""
    words = words_of(k)
    loop = words // 16 if words >= 48 else 0
    return loop + (words & 8 > 0) + (words & 7) // 2 + (words & 7 > 0)


def _parts(k: int) -> int:
    """Pieces of mf_dot_1x4, and turns of its loop."""
    return k // 32 + (k % 32 // 4).bit_count()


PAIRS, PAIRS_8K = (tiled(words_of, _turns, blocks=blocks_of(b)) for b in (BLOCK, SMALL_BLOCK))
CELLS, CELLS_8K = (gathered(words_of, _turns, blocks=blocks_of(b)) for b in (BLOCK, SMALL_BLOCK))
ROWS = by_row(words_of, _parts, narrow=True)
PRODUCTS = product(words_of, blocks=blocks_of(SMALL_BLOCK))
HEADS, BLOCK_OF_HEADS = attention(words_of), block(words_of)
