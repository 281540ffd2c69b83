"""Range-Doppler maps: the features of the published work, window by window.

A window is 32 sweeps. Its complex FFT over the sweeps, shifted so that standing still is in the
middle (bin 16), in magnitude, is the map [32 Doppler bins, range points] of a sensor. A second of
windows is a sequence: 5 windows at 160 sweeps a second. A recording of n sweeps gives three,
from int(i (n - second) / 3); one that is shorter than a second is filled up with zeros.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.recording import Sweeps

WINDOW = 32
SEQUENCES = 3
"""Sequences a recording; they overlap, which is why splits are never by sequence."""


def windows_a_second(rate_hz: int) -> int:
    """Whole windows in a second of ``rate_hz`` sweeps: 5 at 160, 8 at 256."""
    return rate_hz // WINDOW


def starts(sweeps: int, second: int) -> list[int]:
    """First sweep of each of the three sequences of a recording."""
    return [max(0, int(i * (sweeps - second) / SEQUENCES)) for i in range(SEQUENCES)]


def range_doppler(window: Sweeps) -> NDArray[np.float32]:
    """``window`` [..., 32 sweeps, points] to its map [..., 32 Doppler bins, points]."""
    spectrum = np.fft.fftshift(np.fft.fft(window, axis=-2), axes=-2)
    return np.abs(spectrum).astype(np.float32)


def maps_of(samples: Sweeps) -> NDArray[np.float32]:
    """``samples`` [sensors, sweeps, points] to the maps of its whole windows, one after the other:
    [windows, 32, points, sensors].

    The sensors come last: it is the order in which a device writes them, and in which a
    channel-last convolution reads them. (5, 2, 32, 492) of the published work is the transpose.
    """
    sensors, sweeps, points = samples.shape
    count = sweeps // WINDOW
    windows = samples[:, : count * WINDOW].reshape(sensors, count, WINDOW, points)
    return range_doppler(windows).transpose(1, 2, 3, 0)


def sequences(samples: Sweeps, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """``samples`` [sensors, sweeps, points] to three sequences [windows, 32, points, sensors]."""
    sensors, sweeps, points = samples.shape
    second = windows_a_second(rate_hz) * WINDOW
    for start in starts(sweeps, second):
        piece = samples[:, start : start + second]
        if piece.shape[1] < second:
            filled = np.zeros((sensors, second, points), np.complex64)
            filled[:, : piece.shape[1]] = piece
            piece = filled
        yield maps_of(piece)
