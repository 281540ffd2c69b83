"""Matrix products and softmax for the SIMD instructions of Armv7E-M and Armv8-M."""

from microformer.kernels.costs import is_dense, is_depthwise, per_mac, per_output
from microformer.kernels.costs_dsp import (
    BLOCK,
    SMALL_BLOCK,
    conv_dsp_scratch,
    depthwise_dsp_scratch,
    in_blocks,
    linear_dsp_cost,
    linear_dsp_scratch,
    matmul_dsp_cost,
    matmul_dsp_scratch,
    row_scratch,
    softmax_dsp_cost,
)
from microformer.kernels.kernel import Kernel

__all__ = ["DSP"]

DSP: tuple[Kernel, ...] = (
    Kernel(
        "mf_linear_s8_dsp_2x4",
        "linear",
        "dsp",
        linear_dsp_cost,
        scratch=linear_dsp_scratch(BLOCK),
    ),
    Kernel(
        "mf_linear_s8_dsp_2x4_8k",
        "linear",
        "dsp",
        in_blocks(linear_dsp_cost, SMALL_BLOCK),
        scratch=linear_dsp_scratch(SMALL_BLOCK),
    ),
    Kernel(
        "mf_linear_s8_s16_dsp_2x4",
        "linear_s16",
        "dsp",
        linear_dsp_cost,
        scratch=linear_dsp_scratch(BLOCK),
    ),
    Kernel(
        "mf_linear_s8_dsp_1x2",
        "linear",
        "dsp",
        per_mac(2.4, 12),
        scratch=row_scratch,
    ),
    Kernel(
        "mf_conv2d_s8_dsp_2x4",
        "conv2d",
        "dsp",
        per_mac(1.5, 15),
        fits=is_dense,
        scratch=conv_dsp_scratch(BLOCK),
    ),
    Kernel(
        "mf_conv2d_s8_dsp_2x4_8k",
        "conv2d",
        "dsp",
        in_blocks(per_mac(1.5, 15), SMALL_BLOCK),
        fits=is_dense,
        scratch=conv_dsp_scratch(SMALL_BLOCK),
    ),
    Kernel(
        "mf_depthwise_s8_dsp",
        "conv2d",
        "dsp",
        per_mac(4, 15),
        fits=is_depthwise,
        scratch=depthwise_dsp_scratch,
    ),
    Kernel(
        "mf_matmul_s8_dsp_2x4",
        "matmul",
        "dsp",
        matmul_dsp_cost,
        scratch=matmul_dsp_scratch,
    ),
    Kernel("mf_softmax_s8_fine_dsp", "softmax_fine", "dsp", per_output(20), inplace=(0,)),
    Kernel("mf_softmax_s8_lut_dsp", "softmax_lut", "dsp", softmax_dsp_cost, inplace=(0,)),
)
"""Those of family ``dsp`` that are not attention, norms or pooling; see ``registry.KERNELS``."""
