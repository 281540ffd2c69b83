"""A data set as a stream of recordings turned into sequences, one at a time, whatever its form."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.features import sequences
from tinyradar.dataset.recording import read_recording
from tinyradar.dataset.tree import walk
from tinyradar.errors import DatasetError, RecordingError

Maps = NDArray[np.float32]
"""A sequence: [windows, Doppler bins, range points, sensors]."""


@dataclass(frozen=True)
class Item:
    """One recording: its sequences, or why it is skipped. ``name`` is its path in the set."""

    name: str
    person: str
    label: int
    sequences: tuple[Maps, ...] = ()
    skipped: str = ""


def tree_items(folder: Path) -> Iterator[Item]:
    """The recordings of an 11G or 5G tree. Broken and short ones come with ``skipped`` set."""
    for source in walk(folder):
        name = f"{source.session}/{source.gesture}/{source.base.name}"
        try:
            info, samples = read_recording(source.base, source.kind.sensors)
            if info.rate_hz != source.kind.rate_hz:
                raise RecordingError(
                    f"'{source.base}' was made at {info.rate_hz} sweeps a second, not at "
                    f"{source.kind.rate_hz} as {source.kind.name} is."
                )
        except RecordingError as error:
            yield Item(name, source.person, source.label, skipped=str(error))
            continue
        maps = tuple(sequences(samples, info.rate_hz))
        yield Item(name, source.person, source.label, maps)


def same_shape(items: Iterator[Item]) -> Iterator[Item]:
    """The items; one whose sequences differ in shape from the first is skipped, with the reason."""
    shape: tuple[int, ...] | None = None
    for item in items:
        if item.sequences and shape is None:
            shape = item.sequences[0].shape
        if any(maps.shape != shape for maps in item.sequences):
            found = item.sequences[0].shape
            reason = f"'{item.name}' gives sequences of shape {found}, not {shape} as the others."
            yield Item(item.name, item.person, item.label, skipped=reason)
        else:
            yield item
    if shape is None:
        raise DatasetError("No recording of the set can be used; 'tinyradar inspect' says why.")
