"""A pulsed coherent radar: positions of scatterers in, complex sweeps out (docs/tinyradar.md).

A scatterer at distance R returns, at range point r, a (R_0 / R)^2 g^2 e(r - R) exp(j 4 pi (r - R)
/ lambda): its amplitude falls with R^2 (the power with R^4), g is the antenna's one-way gain, e
the envelope of the pulse, and the phase is that of the path there and back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyradar.dataset.recording import Sweeps

Floats = NDArray[np.float64]

WAVELENGTH_M = 299_792_458.0 / 60e9
RATE_HZ = 160
"""Sweeps a second; a speed of lambda/4 times this, 0.2 m/s, is where Doppler folds."""
POINTS = 492
RANGE_START_M, RANGE_STEP_M = 0.07, 0.000484
"""First range point and the step to the next: 7 to 31 cm."""
PULSE_FWHM_M = 0.03
"""Width of the returned pulse's envelope at half height."""
REFERENCE_M = 0.15
"""Distance at which a scatterer's amplitude is its reflectivity."""
SENSORS_M = np.array([[-0.03, 0.0, 0.0], [0.03, 0.0, 0.0]])
"""Both sensors lie on the table and look up (z)."""

_RANGES = RANGE_START_M + RANGE_STEP_M * np.arange(POINTS)
_SIGMA = PULSE_FWHM_M / (2.0 * np.sqrt(2.0 * np.log(2.0)))


@dataclass(frozen=True)
class Scatterers:
    """``position`` [sweeps, n, 3] in metres, ``amplitude`` [sweeps, n]: reflectivity, >= 0."""

    position: Floats
    amplitude: Floats


@dataclass(frozen=True)
class Noise:
    """``thermal``: rms of each sample; ``phase_rad``: rms of the oscillator's phase a sweep."""

    thermal: float
    phase_rad: float


def observe(scene: Scatterers, sensor: Floats, noise: Noise, random: np.random.Generator) -> Sweeps:
    """What ``sensor`` [3] measures of ``scene``: complex64 [sweeps, POINTS]."""
    delta = scene.position - sensor
    distance = np.maximum(np.linalg.norm(delta, axis=-1), 0.01)  # [sweeps, n]
    gain = np.maximum(delta[..., 2] / distance, 0.0) ** 2  # one way; there and back: cos^4
    strength = scene.amplitude * gain**2 * (REFERENCE_M / distance) ** 2
    phase = -4.0 * np.pi / WAVELENGTH_M * distance
    weights = np.stack([strength * np.cos(phase), strength * np.sin(phase)], axis=1)
    offset = (_RANGES - distance[..., None]).astype(np.float32) / np.float32(_SIGMA)
    envelope = np.exp(np.float32(-0.5) * offset * offset)  # [sweeps, n, POINTS]
    parts = np.matmul(weights.astype(np.float32), envelope)  # [sweeps, 2, POINTS]
    sweeps = len(distance)
    jitter = random.normal(0.0, noise.phase_rad, (sweeps, 1))
    carrier = np.exp(1j * (4.0 * np.pi / WAVELENGTH_M * _RANGES + jitter))
    signal = (parts[:, 0] + 1j * parts[:, 1]) * carrier
    thermal = random.normal(0.0, noise.thermal / np.sqrt(2.0), (2, sweeps, POINTS))
    measured: Sweeps = (signal + thermal[0] + 1j * thermal[1]).astype(np.complex64)
    return measured
