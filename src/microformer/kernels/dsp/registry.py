"""The kernels of the instruction set ``dsp``, one line each."""

from functools import partial
from pathlib import Path

from microformer.kernels.costs import (
    is_dense,
    is_depthwise,
    per_mac,
    per_output,
    per_window,
    recurrent_scratch,
)
from microformer.kernels.dsp.costs import (
    BLOCK,
    SMALL_BLOCK,
    attention_dsp_cost,
    attention_dsp_scratch,
    band_cost,
    band_fits,
    band_scratch,
    block_dsp_cost,
    block_dsp_scratch,
    channels_by_four,
    conv_dsp_cost,
    conv_dsp_scratch,
    depthwise_dsp_scratch,
    in_blocks,
    linear_dsp_cost,
    linear_dsp_scratch,
    matmul_dsp_cost,
    matmul_dsp_scratch,
    no_vectors,
    row_scratch,
    softmax_dsp_cost,
    wider,
    words_scratch,
)
from microformer.kernels.kernel import Isa, Kernel

__all__ = ["ISA"]

_kernel = partial(Kernel, isa="dsp")

ISA = Isa(
    "dsp",
    folder=Path(__file__).parent,
    kernels=(
        _kernel(
            "mf_attention_s8_dsp_2x4",
            "attention",
            attention_dsp_cost,
            scratch=attention_dsp_scratch,
        ),
        _kernel(
            "mf_attention_block_s8_dsp_2x4",
            "attention_block",
            block_dsp_cost,
            scratch=block_dsp_scratch,
        ),
        _kernel(
            "mf_lstm_s8_dsp",
            "lstm",
            per_mac(1.8, 200),
            fits=no_vectors,
            scratch=recurrent_scratch,
        ),
        _kernel(
            "mf_gru_s8_dsp",
            "gru",
            per_mac(2.2, 150),
            fits=no_vectors,
            scratch=recurrent_scratch,
        ),
        _kernel("mf_layernorm_s8_dsp", "layernorm", per_output(13), inplace=(0,)),
        _kernel("mf_rmsnorm_s8_dsp", "rmsnorm", per_output(13), inplace=(0,)),
        _kernel("mf_max_pool2d_s8_dsp", "max_pool2d", per_window(1.5), fits=channels_by_four),
        _kernel(
            "mf_linear_s8_dsp_2x4", "linear", linear_dsp_cost, scratch=linear_dsp_scratch(BLOCK)
        ),
        _kernel(
            "mf_linear_s8_dsp_2x4_8k",
            "linear",
            in_blocks(linear_dsp_cost, SMALL_BLOCK),
            scratch=linear_dsp_scratch(SMALL_BLOCK),
        ),
        _kernel(
            "mf_linear_s8_s16_dsp_2x4",
            "linear_s16",
            linear_dsp_cost,
            scratch=linear_dsp_scratch(BLOCK),
        ),
        _kernel("mf_linear_s8_dsp_1x4", "linear", per_mac(1.47, 11), scratch=row_scratch),
        _kernel(
            "mf_conv2d_s8_dsp_2x4",
            "conv2d",
            conv_dsp_cost,
            fits=is_dense,
            scratch=conv_dsp_scratch(BLOCK),
        ),
        _kernel(
            "mf_conv2d_s8_dsp_2x4_8k",
            "conv2d",
            in_blocks(conv_dsp_cost, SMALL_BLOCK),
            fits=is_dense,
            scratch=conv_dsp_scratch(SMALL_BLOCK),
        ),
        _kernel("mf_conv2d_s8_dsp_band", "conv2d", band_cost, fits=band_fits, scratch=band_scratch),
        _kernel(
            "mf_conv2d_s8_acc64_dsp_band",
            "conv2d_acc64",
            wider(band_cost),
            fits=band_fits,
            scratch=band_scratch,
        ),
        _kernel(
            "mf_depthwise_s8_dsp",
            "conv2d",
            per_mac(3, 15),
            fits=is_depthwise,
            scratch=depthwise_dsp_scratch,
        ),
        _kernel(
            "mf_linear_s8_acc64_dsp_2x4",
            "linear_acc64",
            wider(linear_dsp_cost),
            scratch=linear_dsp_scratch(BLOCK),
        ),
        _kernel(
            "mf_linear_s8_acc64_dsp_2x4_8k",
            "linear_acc64",
            wider(in_blocks(linear_dsp_cost, SMALL_BLOCK)),
            scratch=linear_dsp_scratch(SMALL_BLOCK),
        ),
        _kernel(
            "mf_linear_s8_acc64_dsp_1x4", "linear_acc64", per_mac(1.47, 15), scratch=row_scratch
        ),
        _kernel(
            "mf_conv2d_s8_acc64_dsp_2x4",
            "conv2d_acc64",
            wider(conv_dsp_cost),
            fits=is_dense,
            scratch=conv_dsp_scratch(BLOCK),
        ),
        _kernel(
            "mf_conv2d_s8_acc64_dsp_2x4_8k",
            "conv2d_acc64",
            wider(in_blocks(conv_dsp_cost, SMALL_BLOCK)),
            fits=is_dense,
            scratch=conv_dsp_scratch(SMALL_BLOCK),
        ),
        _kernel(
            "mf_depthwise_s8_acc64_dsp",
            "conv2d_acc64",
            per_mac(3, 19),
            fits=is_depthwise,
            scratch=depthwise_dsp_scratch,
        ),
        _kernel("mf_add_s8_dsp", "add", per_output(6.6), inplace=(0, 1)),
        _kernel("mf_mul_s8_dsp", "mul", per_output(7), inplace=(0, 1)),
        _kernel("mf_matmul_s8_dsp_2x4", "matmul", matmul_dsp_cost, scratch=matmul_dsp_scratch),
        _kernel("mf_softmax_s8_fine_dsp", "softmax_fine", per_output(20), inplace=(0,)),
        _kernel("mf_softmax_s8_lut_dsp", "softmax_lut", softmax_dsp_cost, inplace=(0,)),
        _kernel("mf_range_doppler_s16_dsp", "range_doppler", per_output(25), scratch=words_scratch),
    ),
)
