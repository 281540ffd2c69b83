"""Matrix products, convolutions, and the 64-bit form."""

from collections.abc import Iterator

import numpy as np

from microformer.graph import ops
from microformer.reference.softmax import fine_lut
from tests.cases.case import (
    Case,
    Operand,
    acc64_constants,
    drawn_lut,
    drawn_weights,
    matrix_constants,
    seeded_rng,
)


def linear(
    rows: int, k: int, n: int, lut: bool = False, acc64: bool = False, bits: int = 8
) -> Case:
    """x [rows, k] times weight [n, k]; an int16 result where ``bits`` says so."""
    kind = f"{'_table' if lut else ''}{'_acc64' if acc64 else ''}{'_s16' if bits == 16 else ''}"
    name = f"linear_{rows}x{k}x{n}{kind}"
    rng = seeded_rng(name)
    weight = drawn_weights(rng, (n, k))
    constants = acc64_constants if acc64 else matrix_constants
    mult, add, shift = constants(rng, weight)
    shift -= bits - 8  # results of 16 bits in place of 8
    operands: list[Operand] = [(rows, k), weight, mult, add]
    if lut:
        operands.append(drawn_lut(rng))
    zero = int(rng.integers(-128, 128)) if acc64 else 0
    return Case(name, ops.Linear(shift, acc64, zero, bits), tuple(operands))


def conv(
    size: tuple[int, int],
    channels: int,
    n: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    lut: bool = False,
    acc64: bool = False,
) -> Case:
    """x [H, W, C] with n filters."""
    parts = [*size, channels, n, *kernel, *stride, *pads, *dilation, groups, int(lut)]
    name = "conv_" + "x".join(map(str, parts)) + ("_acc64" if acc64 else "")
    rng = seeded_rng(name)
    weight = drawn_weights(rng, (n, *kernel, channels // groups))
    constants = acc64_constants if acc64 else matrix_constants
    mult, add, shift = constants(rng, weight)
    pad_value, zero = int(rng.integers(-128, 128)), int(rng.integers(-128, 128)) if acc64 else 0
    op = ops.Conv2d(stride, pads, dilation, groups, pad_value, shift, acc64, zero)
    operands: list[Operand] = [(*size, channels), weight, mult, add]
    if lut:
        operands.append(drawn_lut(rng))
    return Case(name, op, tuple(operands))


def conv_pool(
    inner: Case, kernel: tuple[int, int], stride: tuple[int, int] | None = None, rising: bool = True
) -> Case:
    """``inner``, a convolution, then maxima; ``rising``: its table, if any, never falls."""
    assert isinstance(inner.op, ops.Conv2d)
    stride = stride or kernel
    parts = "x".join(map(str, [*kernel, *stride, int(rising)]))
    *operands, last = inner.operands
    if rising and len(operands) == 4 and isinstance(last, np.ndarray):
        last = np.sort(last)
    op = ops.ConvPool(inner.op, kernel, stride)
    return Case(f"{inner.name}_pool_{parts}", op, (*operands, last))


def matmul(batch: int, rows: int, k: int, n: int, transposed: bool = False) -> Case:
    """a [batch, rows, k] times b [batch, k, n]."""
    name = f"matmul_{batch}x{rows}x{k}x{n}{'_transposed' if transposed else ''}"
    rng = seeded_rng(name)
    zeros = [int(v) for v in rng.integers(-128, 128, 3)]
    mult, shift = int(rng.integers(2**30, 2**31)), int(31 + np.log2(74 * 73 * np.sqrt(k) / 60))
    op = ops.MatMul(transposed, zeros[0], zeros[1], mult, shift, zeros[2])
    lead = (batch,) if batch > 1 else ()
    return Case(name, op, ((*lead, rows, k), (*lead, n, k) if transposed else (*lead, k, n)))


def fine_softmax(rows: int, n: int, unit: float = 0.05, scale: float = 1 / 256) -> Case:
    """x [rows, n] of scale ``unit``; probabilities at ``scale``."""
    name = f"softmax_fine_{rows}x{n}_{unit:g}_{scale:g}"
    op = ops.FineSoftmax(round(2.0**40 / scale), int(seeded_rng(name).integers(-128, 1)))
    return Case(name, op, ((rows, n), fine_lut(unit)))


def matrices_cases() -> Iterator[Case]:
    for rows, k, n in [(1, 1, 1), (1, 7, 3), (2, 4, 4), (3, 5, 9), (5, 16, 8), (17, 33, 6)]:
        yield linear(rows, k, n)
    yield linear(7, 64, 10, lut=True)
    yield linear(1, 66, 13, lut=True)
    yield linear(21, 1030, 5)  # several blocks of rows in the dsp kernel
    yield conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1))
    yield conv((7, 5), 4, 8, (3, 2), stride=(2, 1), pads=(0, 1, 2, 0), lut=True)
    yield conv((8, 8), 2, 3, (3, 3), dilation=(2, 2), pads=(2, 2, 2, 2))
    yield conv((4, 4), 6, 4, (2, 2), stride=(2, 2), groups=2)
    yield conv((6, 6), 5, 5, (3, 3), pads=(1, 1, 1, 1), groups=5)
    yield conv((1, 15), 4, 6, (1, 5), pads=(0, 2, 0, 2), stride=(1, 2))
    yield conv((9, 11), 8, 8, (3, 3), pads=(1, 1, 1, 1), groups=8)
    yield conv((11, 7), 4, 4, (3, 2), pads=(0, 1, 1, 0), groups=4, lut=True)
    yield conv((8, 35), 4, 4, (4, 5), stride=(2, 3), pads=(1, 2, 1, 2), groups=4, lut=True)
    yield conv((1, 9), 6, 6, (1, 3), groups=6, lut=True)
    yield conv((3, 4), 6, 5, (1, 1))  # a matrix product in disguise
    yield conv((4, 4), 1, 7, (4, 4), stride=(4, 4))
    yield from _bands()
    yield from _acc64()


def _bands() -> Iterator[Case]:
    """What the bands of dsp, groups of channels and straight loops distinguish."""
    same = (1, 1, 1, 1)
    yield conv((9, 9), 1, 5, (3, 3), pads=same)  # cells an odd number of values apart
    yield conv((7, 9), 3, 4, (3, 3), pads=(0, 2, 1, 0))
    yield conv((12, 13), 3, 8, (5, 5), stride=(2, 2), pads=(2, 2, 2, 2))
    yield conv((20, 4), 1, 8, (10, 4), stride=(2, 2), pads=(4, 1, 5, 1))
    yield conv((6, 30), 16, 4, (3, 3), pads=same)  # straight sixteens and an eight
    yield conv((5, 5), 40, 4, (3, 2), dilation=(2, 1), pads=(2, 0, 2, 1))
    yield conv((25, 24), 4, 4, (2, 3), pads=(0, 1, 1, 1))  # more than one band
    yield conv((5, 4), 31, 6, (1, 1), stride=(2, 2))
    for channels in (1, 3, 7, 9, 12, 30):
        yield conv((5, 6), channels, channels, (3, 3), pads=same, groups=channels)
    yield conv((6, 5), 20, 20, (1, 1), groups=20)
    yield conv((7, 8), 16, 16, (2, 4), stride=(1, 2), pads=(1, 1, 0, 2), groups=16)
    yield conv((9, 9), 8, 8, (3, 3), dilation=(2, 2), pads=(2, 2, 2, 2), groups=8)
    yield conv((9, 7), 8, 8, (3, 3), dilation=(2, 1), pads=(2, 1, 2, 1), groups=8)
    for k in (16, 32, 48, 64, 80, 96, 112, 144, 208):
        yield linear(6, k, 8)
        yield linear(1, k, 8)


def _acc64() -> Iterator[Case]:
    yield linear(1, 1, 1, acc64=True)
    yield linear(5, 33, 9, acc64=True)
    yield linear(3, 300, 6, lut=True, acc64=True)
    yield conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1), acc64=True)
    yield conv((6, 6), 5, 5, (3, 3), pads=(1, 1, 1, 1), groups=5, lut=True, acc64=True)
    yield conv((3, 4), 6, 5, (1, 1), acc64=True)
    yield conv((8, 8), 2, 3, (3, 3), dilation=(2, 2), pads=(2, 2, 2, 2), acc64=True)
    yield conv((9, 11), 12, 12, (3, 3), pads=(1, 1, 1, 1), groups=12, acc64=True)
    yield conv((6, 9), 16, 5, (3, 3), pads=(1, 1, 1, 1), acc64=True)
    yield linear(21, 70, 12, acc64=True)
    yield linear(2, 100, 9, bits=16)
    yield linear(19, 64, 8, bits=16)
    for transposed in (False, True):
        yield matmul(1, 1, 1, 1, transposed)
        yield matmul(3, 5, 7, 4, transposed)
        yield matmul(2, 9, 70, 3, transposed)
    yield fine_softmax(1, 1)
    yield fine_softmax(5, 13, 0.3, 0.002)
    yield fine_softmax(3, 200, 1e-4, 1e-4)
    yield fine_softmax(2, 9, 5.0, 1 / 255)


def conv_pools_cases() -> Iterator[Case]:
    same = (1, 2, 1, 2)
    yield conv_pool(conv((8, 23), 2, 5, (3, 5), pads=same), (3, 5))  # the first of TinyRadarNN
    yield conv_pool(conv((7, 13), 16, 6, (3, 5), pads=same, lut=True), (3, 5))
    yield conv_pool(conv((2, 19), 8, 9, (1, 7), pads=(0, 3, 0, 3)), (1, 7))
    yield conv_pool(conv((5, 6), 3, 4, (3, 3), pads=(1, 1, 1, 1), lut=True), (2, 2))
    yield conv_pool(conv((6, 9), 1, 3, (2, 4), pads=(1, 1, 0, 1), lut=True), (2, 3))
    yield conv_pool(conv((9, 6), 4, 4, (3, 3), pads=(0, 1, 1, 0)), (4, 1), (5, 2))
    yield conv_pool(conv((7, 8), 2, 7, (3, 3), stride=(1, 2), pads=(1, 1, 1, 1)), (1, 2))
    yield conv_pool(conv((9, 8), 4, 8, (3, 2), stride=(2, 1), dilation=(2, 1)), (2, 3))
    yield conv_pool(conv((7, 31), 1, 3, (2, 9), pads=(0, 1, 1, 0), lut=True), (3, 3), (4, 5))
    yield conv_pool(conv((9, 44), 2, 3, (3, 6), pads=(1, 3, 1, 2)), (5, 3), (5, 3))
    yield conv_pool(conv((5, 5), 4, 4, (2, 2), lut=True), (2, 2), rising=False)
    yield conv_pool(conv((6, 6), 4, 4, (2, 2), groups=2), (2, 2), (1, 1))
    yield conv_pool(conv((3, 4), 6, 5, (1, 1)), (1, 2))
