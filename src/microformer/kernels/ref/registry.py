"""The kernels of the instruction set ``ref``, one line each."""

from functools import partial
from pathlib import Path

from microformer.kernels.costs import (
    by_exponential,
    is_depthwise,
    per_input,
    per_mac,
    per_output,
    per_window,
    recurrent_scratch,
)
from microformer.kernels.kernel import Isa, Kernel
from microformer.kernels.ref.costs import (
    attention_scratch,
    block_scratch,
    cell_scratch,
    fft_scratch,
    sound_scratch,
)
from microformer.kernels.work import attention, block

__all__ = ["ISA"]

_kernel = partial(Kernel, isa="ref")


def _each(k: int) -> int:
    """A step a value."""
    return k


ISA = Isa(
    "ref",
    folder=Path(__file__).parent,
    kernels=(
        _kernel("mf_linear_s8_ref", "linear", per_mac(6, 20)),
        _kernel("mf_linear_s8_acc64_ref", "linear_acc64", per_mac(6, 30)),
        _kernel("mf_conv2d_s8_acc64_ref", "conv2d_acc64", per_mac(8, 50)),
        _kernel("mf_matmul_s8_ref", "matmul", per_mac(8, 30)),
        _kernel("mf_softmax_s8_fine_ref", "softmax_fine", per_output(40), inplace=(0,)),
        _kernel("mf_conv2d_s8_ref", "conv2d", per_mac(8, 40)),
        _kernel("mf_depthwise_s8_ref", "conv2d", per_mac(14, 25), fits=is_depthwise),
        _kernel("mf_conv_pool_s8_ref", "conv_pool", per_mac(9, 0), scratch=cell_scratch),
        _kernel(
            "mf_attention_s8_ref",
            "attention",
            by_exponential(per_mac(7, 30), per_mac(8, 30)),
            scratch=attention_scratch,
            work=attention(_each),
        ),
        _kernel(
            "mf_attention_block_s8_ref",
            "attention_block",
            by_exponential(per_mac(7, 30), per_mac(8, 30)),
            scratch=block_scratch,
            work=block(_each),
        ),
        _kernel("mf_softmax_s8_lut_ref", "softmax_lut", per_output(30), inplace=(0,)),
        _kernel("mf_softmax_s8_ibert_ref", "softmax_ibert", per_output(40), inplace=(0,)),
        _kernel("mf_layernorm_s8_ref", "layernorm", per_output(20), inplace=(0,)),
        _kernel("mf_rmsnorm_s8_ref", "rmsnorm", per_output(20), inplace=(0,)),
        _kernel("mf_add_s8_ref", "add", per_output(12), inplace=(0, 1)),
        _kernel("mf_linear_s8_s16_ref", "linear_s16", per_mac(6, 20)),
        _kernel("mf_layernorm_s16_ref", "layernorm_s16", per_output(24), inplace=(0,)),
        _kernel("mf_rmsnorm_s16_ref", "rmsnorm_s16", per_output(24), inplace=(0,)),
        _kernel("mf_add_s16_ref", "add_s16", per_output(14), inplace=(0, 1)),
        _kernel("mf_requantize_s16_ref", "requantize_s16", per_output(8)),
        _kernel("mf_mul_s8_ref", "mul", per_output(12), inplace=(0, 1)),
        _kernel("mf_lut_s8_ref", "lut", per_output(7), inplace=(0,)),
        _kernel("mf_max_pool2d_s8_ref", "max_pool2d", per_window(10)),
        _kernel("mf_avg_pool2d_s8_ref", "avg_pool2d", per_window(10)),
        _kernel("mf_mean_s8_ref", "mean", per_input(6)),
        _kernel("mf_copy2d_s8_ref", "copy2d", per_output(5), pitched=True),
        _kernel("mf_permute_s8_ref", "permute", per_output(8)),
        _kernel("mf_argmax_s8_ref", "argmax", per_input(3)),
        _kernel("mf_embedding_s8_ref", "embedding", per_output(5)),
        _kernel("mf_lstm_s8_ref", "lstm", per_mac(6, 200), scratch=recurrent_scratch),
        _kernel("mf_gru_s8_ref", "gru", per_mac(6, 150), scratch=recurrent_scratch),
        _kernel("mf_range_doppler_s16_ref", "range_doppler", per_output(60), scratch=fft_scratch),
        _kernel("mf_log_mel_s16_ref", "log_mel", per_input(230), scratch=sound_scratch),
    ),
)
