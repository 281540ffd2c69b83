"""The kernels of the instruction set ``mve``, one line each."""

from functools import partial
from pathlib import Path

from microformer.kernels.costs import (
    by_exponential,
    is_dense,
    is_depthwise,
    per_input,
    per_mac,
    per_output,
    per_window,
)
from microformer.kernels.kernel import Isa, Kernel
from microformer.kernels.mve.costs import (
    BLOCK_OF_HEADS,
    CELLS,
    CHANNELS,
    HEADS,
    PAIRS,
    PLACES,
    PRODUCTS,
    ROWS,
    attention_mve_scratch,
    block_mve_cost,
    block_mve_scratch,
    conv_mve_scratch,
    depthwise_mve_scratch,
    linear_mve_cost,
    linear_mve_scratch,
    matmul_mve_cost,
    matmul_mve_scratch,
    place_fits,
    place_scratch,
    rows_mve_cost,
)

__all__ = ["ISA"]

_kernel = partial(Kernel, isa="mve")

ISA = Isa(
    "mve",
    folder=Path(__file__).parent,
    kernels=(
        *(
            kernel
            for form in ("", "_acc64", "_s16")
            for kernel in (
                _kernel(
                    f"mf_linear_s8{form}_mve_2x4",
                    f"linear{form}",
                    linear_mve_cost,
                    scratch=linear_mve_scratch,
                    work=PAIRS,
                ),
                _kernel(f"mf_linear_s8{form}_mve_1x4", f"linear{form}", rows_mve_cost, work=ROWS),
            )
        ),
        *(
            kernel
            for form in ("", "_acc64")
            for kernel in (
                _kernel(
                    f"mf_conv2d_s8{form}_mve_place",
                    f"conv2d{form}",
                    per_mac(0.2, 14),
                    fits=place_fits,
                    scratch=place_scratch,
                    work=PLACES,
                ),
                _kernel(
                    f"mf_conv2d_s8{form}_mve_2x4",
                    f"conv2d{form}",
                    per_mac(0.35, 8),
                    fits=is_dense,
                    scratch=conv_mve_scratch,
                    work=CELLS,
                ),
                _kernel(
                    f"mf_depthwise_s8{form}_mve",
                    f"conv2d{form}",
                    per_mac(1.1, 8),
                    fits=is_depthwise,
                    scratch=depthwise_mve_scratch,
                    work=CHANNELS,
                ),
            )
        ),
        _kernel(
            "mf_matmul_s8_mve_2x4",
            "matmul",
            matmul_mve_cost,
            scratch=matmul_mve_scratch,
            work=PRODUCTS,
        ),
        _kernel(
            "mf_attention_s8_mve_2x4",
            "attention",
            by_exponential(per_mac(0.3, 15), per_mac(0.4, 15)),
            scratch=attention_mve_scratch,
            work=HEADS,
        ),
        _kernel(
            "mf_attention_block_s8_mve_2x4",
            "attention_block",
            block_mve_cost,
            scratch=block_mve_scratch,
            work=BLOCK_OF_HEADS,
        ),
        _kernel("mf_layernorm_s8_mve", "layernorm", per_output(6), inplace=(0,)),
        _kernel("mf_rmsnorm_s8_mve", "rmsnorm", per_output(6), inplace=(0,)),
        _kernel("mf_add_s8_mve", "add", per_output(4), inplace=(0, 1)),
        _kernel("mf_lut_s8_mve", "lut", per_output(1), inplace=(0,)),
        _kernel("mf_mul_s8_mve", "mul", per_output(5), inplace=(0, 1)),
        _kernel("mf_mean_s8_mve", "mean", per_input(0.6)),
        _kernel("mf_softmax_s8_lut_mve", "softmax_lut", per_output(2), inplace=(0,)),
        _kernel("mf_add_s16_mve", "add_s16", per_output(5), inplace=(0, 1)),
        _kernel("mf_requantize_s16_mve", "requantize_s16", per_output(4)),
        _kernel("mf_layernorm_s16_mve", "layernorm_s16", per_output(7), inplace=(0,)),
        _kernel("mf_rmsnorm_s16_mve", "rmsnorm_s16", per_output(7), inplace=(0,)),
        _kernel("mf_max_pool2d_s8_mve", "max_pool2d", per_window(0.4)),
    ),
)
