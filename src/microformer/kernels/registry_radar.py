"""The kernels of a radar's front end."""

from microformer.graph.op import Op
from microformer.graph.ops_radar import DOPPLER
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import per_output
from microformer.kernels.kernel import Kernel
from microformer.kernels.signatures import Operands

__all__ = ["RADAR"]


def fft_scratch(_op: Op, _inputs: Operands, _output: Tensor) -> int:
    """Values and bins of one FFT, 32 bits each part."""
    return 2 * DOPPLER * 8


RADAR: tuple[Kernel, ...] = (
    Kernel("mf_range_doppler_s16_ref", "range_doppler", "ref", per_output(60), scratch=fft_scratch),
)
