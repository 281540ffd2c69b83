"""The operation of a microphone's front end, as those of ``ops``."""

from dataclasses import dataclass

from microformer.graph.op import Op

LEAF = 32
"""Points of the transforms that a longer one is made of: the radar's, equation (13)."""
LOG_BITS = 8
"""A logarithm has so many fraction bits, and so many leading bits of a power choose its entry."""
WEIGHT_BITS = 7
"""A band's weight of 1.0 is 2^7."""
CEPSTRUM_BITS = 12
"""A coefficient of 1.0 of the cosine transform is 2^12."""


@dataclass(frozen=True)
class LogMel(Op):
    """Logarithms of the power in bands of a window's spectrum, or their cosine transform, (18).

    Inputs: x int16 [fft]; window int16 [fft]; twiddles int16 [fft / 2, 2]; bands int16 [mels, 2]
    (first bin, number of bins); weights int16 [sum of the numbers]; logarithms int16 [256]; of a
    cosine transform the coefficients int16 [outputs, mels]. Output: [outputs]. ``floor``: the
    least logarithm, in 1/256. Only front ends have it.
    """

    floor: int
    mult: int
    add: int
    shift: int
