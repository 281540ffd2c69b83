"""Pooling."""

from collections.abc import Iterator

import numpy as np

from microformer.graph import ops
from tests.cases.case import Case, seeded_rng


def pool(
    kind: str,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    include_pad: bool = False,
) -> Case:
    """Max, or average with or without the padding counted."""
    parts = [*shape, *kernel, *stride, *pads, int(include_pad)]
    name = f"{kind}_pool_" + "x".join(map(str, parts))
    if kind == "max":
        return Case(name, ops.MaxPool2d(kernel, stride, pads), (shape,))
    rng = seeded_rng(name)
    cells = np.arange(1, kernel[0] * kernel[1] + 1)
    mult = np.floor(2.0**16 / cells * 0.9).astype(np.int32)
    add = np.full(len(cells), 1 << 15, np.int32) + rng.integers(-(2**20), 2**20, dtype=np.int32)
    pad_value = int(rng.integers(-128, 128))
    op = ops.AvgPool2d(kernel, stride, pads, include_pad, pad_value, 16)
    return Case(name, op, (shape, mult, add))


def images_cases() -> Iterator[Case]:
    for kind in ("max", "avg"):
        yield pool(kind, (6, 7, 3), (2, 2), (2, 2))
        yield pool(kind, (5, 5, 4), (3, 3), (2, 2), (1, 1, 1, 1))
        yield pool(kind, (1, 12, 5), (1, 4), (1, 3), (0, 1, 0, 2))
        yield pool(kind, (4, 3, 2), (4, 3))
        yield pool(kind, (5, 7, 28), (2, 3), (2, 3), (0, 1, 1, 1))
    yield pool("avg", (5, 5, 4), (3, 3), (1, 1), (1, 1, 1, 1), include_pad=True)
