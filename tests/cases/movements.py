"""What moves bytes, and a radar's front end."""

from collections.abc import Iterator

import numpy as np

from microformer.graph import ops
from microformer.reference.log_mel import logarithms, twiddles
from microformer.reference.range_doppler import POWERS
from tests.cases.case import Case, Shape, seeded_rng


def transpose(shape: Shape, perm: tuple[int, ...]) -> Case:
    """x with its axes in another order."""
    name = f"transpose_{'x'.join(map(str, shape))}_by_{'_'.join(map(str, perm))}"
    return Case(name, ops.Transpose(perm), (shape,))


def cut(shape: Shape, axis: int, start: int, stop: int, step: int = 1) -> Case:
    """A part of x along one axis."""
    name = f"slice_{'x'.join(map(str, shape))}_{axis}_{start}_{stop}_{step}"
    return Case(name, ops.Slice(axis, start, stop, step), (shape,))


def embedding(length: int, vocabulary: int, width: int) -> Case:
    """Rows of a table; indices beyond it are clamped."""
    name = f"embedding_{length}x{vocabulary}x{width}"
    rows = seeded_rng(name).integers(-128, 128, (vocabulary, width)).astype(np.int8)
    return Case(name, ops.Embedding(), ((length,), rows), dtype="int32")


def taken(length: int, rows: int, width: int) -> Case:
    """Rows of an activation by a constant list, some of them twice."""
    name = f"taken_{length}x{rows}x{width}"
    index = seeded_rng(name).integers(0, rows, length).astype(np.int32)
    return Case(name, ops.Embedding(), (index, (rows, width)))


def range_doppler(sensors: int, points: int, step: int = 1, preshift: int = 2) -> Case:
    """Samples of a radar to its map. Every entry of the table is another than its neighbours."""
    name = f"range_doppler_{sensors}x{points}_{step}_{preshift}"
    levels = seeded_rng(name).integers(-128, 128, POWERS).astype(np.int8)
    op = ops.RangeDoppler(step, preshift)
    return Case(name, op, ((sensors, 32, points, 2), levels), dtype="int16")


def log_mel(fft: int, mels: int, cepstra: int = 0, floor: int = -10240) -> Case:
    """A window of sound to logarithms of its bands; weights are random, some bands of one bin."""
    name = f"log_mel_{fft}_{mels}_{cepstra}_{abs(floor)}"
    rng = seeded_rng(name)
    counts = np.minimum(1 + rng.integers(0, 9, mels), fft // 2)
    first = rng.integers(0, fft // 2 - counts + 1)
    tables = [
        rng.integers(0, 32768, fft).astype(np.int16),
        twiddles(fft),
        np.stack([first, counts], axis=-1).astype(np.int16),
        rng.integers(0, 129, int(counts.sum())).astype(np.int16),
        logarithms(),
    ]
    if cepstra:
        tables.append(rng.integers(-1024, 1025, (cepstra, mels)).astype(np.int16))
    op = ops.LogMel(floor, 300, -40_000, 12)
    return Case(name, op, ((fft,), *tables), dtype="int16")


def movements_cases() -> Iterator[Case]:
    yield transpose((3, 5), (1, 0))
    yield transpose((2, 3, 4), (2, 0, 1))
    yield transpose((5, 3, 7), (1, 0, 2))  # runs of seven bytes
    yield transpose((1, 70), (1, 0))
    yield transpose((2, 3, 4, 5), (3, 1, 0, 2))
    yield transpose((2, 3, 2, 3, 2), (4, 2, 0, 3, 1))
    yield cut((5, 8), 1, 2, 7)
    yield cut((4, 3, 6), 1, 0, 2)
    yield cut((3, 70), 1, 5, 61)
    yield cut((7, 4), 0, 6, -1, -2)
    yield cut((3, 9, 2), 1, 1, 8, 3)
    yield embedding(7, 30, 5)
    yield embedding(21, 30, 33)  # more rows than transfers that can wait
    yield taken(9, 4, 5)
    yield taken(40, 11, 1)
    yield taken(30, 6, 16)
    yield range_doppler(1, 1)
    yield range_doppler(2, 37, 2)  # several blocks on a cluster, the last one small
    yield range_doppler(1, 13, 3, preshift=0)
    yield log_mel(128, 1)
    yield log_mel(256, 33, floor=0)
    yield log_mel(512, 20, 13)
    yield log_mel(1024, 9, 9)
