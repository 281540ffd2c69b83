"""A device's features against the cache's, from the same recordings."""

from pathlib import Path

import numpy as np

from microformer.graph import ops
from microformer.reference.range_doppler import middle_magnitudes, range_doppler
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.converter import BITS, codes, gain
from tinyradar.dataset.features import starts
from tinyradar.dataset.recording import read_recording
from tinyradar.dataset.tree import walk
from tinyradar.models import UNIT, find
from tinyradar.reproduce.front import front_end


def test_bytes_of_the_device_are_those_of_the_cache_or_next_to_them(
    tree: Path, data: Dataset
) -> None:
    """Of 36 recordings' second sequences: nine bytes of ten alike, none off by more than one."""
    spec = front_end(find("transformer-small"), data)
    assert spec.map == (32, 246, 2) and spec.unit == UNIT
    table = np.minimum(np.floor(middle_magnitudes() * 64 / spec.count + 0.5), 255)
    alike, total = 0, 0
    for number, source in enumerate(walk(tree)):
        assert data.y[3 * number] == source.label
        _, samples = read_recording(source.base, 2)
        begin = starts(samples.shape[1], 160)[1]
        windows = samples[:, begin : begin + 160].reshape(2, 5, 32, 492).transpose(1, 0, 2, 3)
        made = range_doppler(ops.RangeDoppler(2, 2), codes(windows), table).astype(int)
        difference = np.abs(made - data.x[3 * number + 1][:, :, ::2])
        assert difference.max() <= 1
        alike += int((difference == 0).sum())
        total += difference.size
    assert alike > 0.9 * total


def test_codes_fill_the_range_and_saturate() -> None:
    samples = np.array([0.5 - 0.25j, 4.0 - 5.0j, 1e-9], np.complex64)
    made = codes(samples)
    top = 2 ** (BITS - 1)
    assert made.tolist() == [[top // 8, -top // 16], [top - 1, -top], [0, 0]]
    assert gain(12) * 16 == gain(16)
