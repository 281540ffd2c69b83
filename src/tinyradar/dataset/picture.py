"""A picture of range-Doppler maps: Doppler upwards, range to the right, one row a sequence."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tinyradar.dataset.cache import Bytes, Dataset
from tinyradar.dataset.traces import COLUMNS, TraceSet
from tinyradar.errors import DatasetError

_STRETCH = 3
"""Pixels a Doppler bin."""
_GAP, _LABEL, _HEAD = 6, 110, 16


def _colours() -> NDArray[np.uint8]:
    """256 colours, black over blue, red and yellow to white; brightness rises throughout."""
    stops = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    anchors = np.array(
        [[0, 0, 10], [60, 20, 120], [190, 50, 80], [250, 160, 40], [255, 255, 230]], float
    )
    level = np.linspace(0.0, 1.0, 256)
    return np.stack([np.interp(level, stops, anchors[:, c]) for c in range(3)], 1).astype(np.uint8)


def maps_picture(sequence: Bytes) -> NDArray[np.uint8]:
    """[windows, Doppler, range, sensors] as an RGB strip: windows side by side, sensors below.

    The square root of a value is shown, so that weak returns are seen beside strong ones.
    """
    shown = np.rint(np.sqrt(sequence.astype(np.float64) / 255.0) * 255.0).astype(np.uint8)
    rows = []
    for sensor in range(sequence.shape[-1]):
        maps = shown[:, ::-1, ::4, sensor].repeat(_STRETCH, axis=1)
        parts = [np.pad(m, ((0, _GAP), (0, _GAP))) for m in maps]
        rows.append(np.concatenate(parts, axis=1))
    strip: NDArray[np.uint8] = _colours()[np.concatenate(rows, axis=0)]
    return strip


_COLUMN, _ROW, _TRACES = 7, 8, 5
"""Pixels a frame and a value; traces of a gesture side by side."""


def draw_traces(data: TraceSet, path: Path) -> None:
    """Write a PNG of some traces of each gesture: frames to the right, the ten values downwards.

    Each value is shown from its least (dark) to its greatest in the whole set. Raises DatasetError.
    """
    low, high = data.x.min(axis=(0, 1)), data.x.max(axis=(0, 1))
    labels = sorted(set(data.y.tolist()))
    tall, wide = data.x.shape[2] * _ROW + _GAP, data.x.shape[1] * _COLUMN + _GAP
    size = (_LABEL + _TRACES * wide, _HEAD + len(labels) * tall)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    kind = "simulated" if data.simulated else "recorded"
    pen.text((4, 2), f"{kind}: frames left to right; {', '.join(COLUMNS)}", "black")
    for row, label in enumerate(labels):
        top = _HEAD + row * tall
        pen.text((4, top + 4), data.gestures[label], "black")
        mine = np.flatnonzero(data.y == label)
        for column, index in enumerate(mine[:: -(-len(mine) // _TRACES)]):
            share = (data.x[index] - low) / np.maximum(high - low, 1)
            shown = np.rint(np.sqrt(share.T) * 255).astype(np.uint8)
            blown = shown.repeat(_ROW, axis=0).repeat(_COLUMN, axis=1)
            image.paste(Image.fromarray(_colours()[blown]), (_LABEL + column * wide, top))
    _save(image, path)


def _save(image: Image.Image, path: Path) -> None:
    try:
        image.save(path, "PNG")
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be written: {error.strerror}.") from None


def draw(data: Dataset, chosen: Sequence[int], path: Path) -> None:
    """Write a PNG of the sequences ``chosen``. Raises DatasetError where it cannot be written."""
    strips = [maps_picture(data.x[i]) for i in chosen]
    height = sum(len(s) for s in strips) + _HEAD
    image = Image.new("RGB", (strips[0].shape[1] + _LABEL, height), "white")
    pen = ImageDraw.Draw(image)
    kind = "simulated" if data.simulated else "recorded"
    pen.text((4, 2), f"{kind}: windows left to right, sensors below each other", "black")
    top = _HEAD
    for strip, index in zip(strips, chosen, strict=True):
        image.paste(Image.fromarray(strip), (_LABEL, top))
        pen.text((4, top + 4), data.gestures[data.y[index]], "black")
        pen.text((4, top + 18), data.persons[index], "black")
        top += len(strip)
    _save(image, path)
