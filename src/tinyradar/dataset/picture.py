"""A picture of range-Doppler maps: Doppler upwards, range to the right, one row a sequence."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tinyradar.dataset.cache import Bytes, Dataset
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
    try:
        image.save(path, "PNG")
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be written: {error.strerror}.") from None
