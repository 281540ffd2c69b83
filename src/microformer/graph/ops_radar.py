"""The operation of a radar's front end, as those of ``ops``."""

from dataclasses import dataclass

from microformer.graph.op import Op

DOPPLER = 32
"""Sweeps of a window, and so Doppler bins of a map."""


@dataclass(frozen=True)
class RangeDoppler(Op):
    """Magnitudes of FFTs over the sweeps of a radar's window, zero Doppler in row 16, (13).

    Inputs: x int16 [sensors, 32, points, 2] (in phase, quadrature), table int8 [3072] of levels by
    power. Output: [32, ceil(points / step), sensors]: of ``step`` points one is read. ``preshift``
    is 2 for samples of 16 bits, 0 for those of 14. Only front ends have it (``graph/frontend.py``).
    """

    step: int
    preshift: int
