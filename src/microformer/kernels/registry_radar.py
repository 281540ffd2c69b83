"""The kernels of a radar's front end."""

from microformer.graph.op import Op
from microformer.graph.ops_radar import DOPPLER, RangeDoppler
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import per_output
from microformer.kernels.kernel import Kernel
from microformer.kernels.signatures import Operands

__all__ = ["RADAR"]

POWERS = 3072
"""Bytes of a table of levels."""
LINE, CORES, OWN_WORDS = 64, 8, 53
"""As in mf_fft32_xpulp.h: bytes of a line of levels; words of a core, of at most so many."""


def fft_scratch(_op: Op, _inputs: Operands, _output: Tensor) -> int:
    """Values and bins of one FFT, 32 bits each part."""
    return 2 * DOPPLER * 8


def words_scratch(_op: Op, _inputs: Operands, _output: Tensor) -> int:
    """Values of one FFT, as pairs."""
    return DOPPLER * 4


def radar_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """Table, two tiles of levels, what is each core's own, two tiles of samples."""
    assert isinstance(op, RangeDoppler) and inputs[0] is not None
    _, columns, sensors = output.shape
    chunk = max(1, min(128 // (sensors * op.step), LINE // sensors))
    words = ((min(chunk, columns) - 1) * op.step + 2) & ~1
    tile = round_up(sensors * (DOPPLER * words + 1) * 4)
    return POWERS + 2 * DOPPLER * LINE + round_up(CORES * OWN_WORDS * 4) + 2 * tile


def round_up(size: int) -> int:
    """The next multiple of 8 bytes."""
    return -(-size // 8) * 8


def few_sensors(_op: Op, _inputs: Operands, output: Tensor) -> bool:
    """True if the levels of one range point fit a line of a tile."""
    return output.shape[2] <= LINE


RADAR: tuple[Kernel, ...] = (
    Kernel("mf_range_doppler_s16_ref", "range_doppler", "ref", per_output(60), scratch=fft_scratch),
    Kernel(
        "mf_range_doppler_s16_dsp", "range_doppler", "dsp", per_output(25), scratch=words_scratch
    ),
    Kernel(
        "mf_range_doppler_s16_xpulp",
        "range_doppler",
        "xpulp",
        per_output(25),
        fits=few_sensors,
        scratch=radar_scratch,
        streams=True,
    ),
)
