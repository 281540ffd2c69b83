"""A radar's samples as a converter gives them to a device: int16, one gain for a set.

The fixed simulated set's largest sample is 3.998, so 4.0 is full scale, 32,768 steps: nothing
clips. A count of the features (``step``) is then 10 units of the device's spectrum (equation (13e)
of docs/arithmetic.md). Of recorded sets the gain is the radar's own.
"""

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.recording import Sweeps

FULL_SCALE = 4.0
"""What the converter's range ends at, in the simulator's units."""
BITS = 16


def gain(bits: int = BITS) -> float:
    """Steps of a converter of ``bits`` for a sample of 1.0."""
    return float(2 ** (bits - 1) / FULL_SCALE)


def codes(samples: Sweeps, bits: int = BITS) -> NDArray[np.int16]:
    """int16 [..., 2], in phase and in quadrature, for complex samples [...]; saturated."""
    top = 2 ** (bits - 1)
    parts = np.stack([samples.real, samples.imag], axis=-1) * gain(bits)
    made: NDArray[np.int16] = np.clip(np.rint(parts), -top, top - 1).astype(np.int16)
    return made
