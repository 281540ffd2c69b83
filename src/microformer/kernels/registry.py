"""Every kernel variant, one line each; which serves a node; the C files a project needs."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import (
    attention_dsp_cost,
    attention_dsp_scratch,
    attention_mve_scratch,
    attention_scratch,
    block_dsp_cost,
    block_dsp_scratch,
    block_mve_cost,
    block_mve_scratch,
    block_scratch,
    cell_scratch,
    channels_by_four,
    conv_mve_scratch,
    depthwise_mve_scratch,
    is_dense,
    is_depthwise,
    linear_mve_scratch,
    per_input,
    per_mac,
    per_output,
    per_window,
)
from microformer.kernels.kernel import Kernel
from microformer.kernels.registry_dsp import DSP
from microformer.kernels.registry_radar import RADAR
from microformer.kernels.registry_xpulp import XPULP
from microformer.kernels.signatures import Operands, family

__all__ = ["KERNELS", "Kernel", "candidates", "library_files", "select"]

_ROOT = Path(__file__).parent
_INCLUDE = re.compile(r'^#include "([a-z0-9_]+\.h)"$', re.MULTILINE)

KERNELS: tuple[Kernel, ...] = (
    Kernel("mf_linear_s8_ref", "linear", "ref", per_mac(6, 20)),
    Kernel("mf_linear_s8_wide_ref", "linear_wide", "ref", per_mac(6, 30)),
    Kernel("mf_conv2d_s8_wide_ref", "conv2d_wide", "ref", per_mac(8, 50)),
    Kernel("mf_matmul_s8_ref", "matmul", "ref", per_mac(8, 30)),
    Kernel("mf_softmax_s8_fine_ref", "softmax_fine", "ref", per_output(40), inplace=(0,)),
    Kernel(
        "mf_linear_s8_mve_2x4",
        "linear",
        "mve",
        per_mac(0.2, 6),
        scratch=linear_mve_scratch,
    ),
    Kernel(
        "mf_conv2d_s8_mve_2x4",
        "conv2d",
        "mve",
        per_mac(0.35, 8),
        fits=is_dense,
        scratch=conv_mve_scratch,
    ),
    Kernel("mf_conv2d_s8_ref", "conv2d", "ref", per_mac(8, 40)),
    Kernel(
        "mf_depthwise_s8_mve",
        "conv2d",
        "mve",
        per_mac(2.2, 8),
        fits=is_depthwise,
        scratch=depthwise_mve_scratch,
    ),
    Kernel("mf_depthwise_s8_ref", "conv2d", "ref", per_mac(14, 25), fits=is_depthwise),
    Kernel("mf_conv_pool_s8_ref", "conv_pool", "ref", per_mac(9, 0), scratch=cell_scratch),
    Kernel(
        "mf_attention_s8_lut_ref",
        "attention_lut",
        "ref",
        per_mac(7, 30),
        scratch=attention_scratch,
    ),
    Kernel(
        "mf_attention_s8_ibert_ref",
        "attention_ibert",
        "ref",
        per_mac(8, 30),
        scratch=attention_scratch,
    ),
    Kernel(
        "mf_attention_s8_lut_dsp_2x4",
        "attention_lut",
        "dsp",
        attention_dsp_cost,
        scratch=attention_dsp_scratch,
    ),
    Kernel(
        "mf_attention_s8_ibert_dsp_2x4",
        "attention_ibert",
        "dsp",
        attention_dsp_cost,
        scratch=attention_dsp_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_lut_ref",
        "attention_block_lut",
        "ref",
        per_mac(7, 30),
        scratch=block_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_ibert_ref",
        "attention_block_ibert",
        "ref",
        per_mac(8, 30),
        scratch=block_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_lut_dsp_2x4",
        "attention_block_lut",
        "dsp",
        block_dsp_cost,
        scratch=block_dsp_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_ibert_dsp_2x4",
        "attention_block_ibert",
        "dsp",
        block_dsp_cost,
        scratch=block_dsp_scratch,
    ),
    Kernel(
        "mf_attention_s8_lut_mve_2x4",
        "attention_lut",
        "mve",
        per_mac(0.3, 15),
        scratch=attention_mve_scratch,
    ),
    Kernel(
        "mf_attention_s8_ibert_mve_2x4",
        "attention_ibert",
        "mve",
        per_mac(0.4, 15),
        scratch=attention_mve_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_lut_mve_2x4",
        "attention_block_lut",
        "mve",
        block_mve_cost,
        scratch=block_mve_scratch,
    ),
    Kernel(
        "mf_attention_block_s8_ibert_mve_2x4",
        "attention_block_ibert",
        "mve",
        block_mve_cost,
        scratch=block_mve_scratch,
    ),
    Kernel("mf_softmax_s8_lut_ref", "softmax_lut", "ref", per_output(30), inplace=(0,)),
    Kernel("mf_softmax_s8_ibert_ref", "softmax_ibert", "ref", per_output(40), inplace=(0,)),
    Kernel("mf_layernorm_s8_ref", "layernorm", "ref", per_output(20), inplace=(0,)),
    Kernel("mf_rmsnorm_s8_ref", "rmsnorm", "ref", per_output(20), inplace=(0,)),
    Kernel("mf_layernorm_s8_dsp", "layernorm", "dsp", per_output(13), inplace=(0,)),
    Kernel("mf_rmsnorm_s8_dsp", "rmsnorm", "dsp", per_output(13), inplace=(0,)),
    Kernel("mf_layernorm_s8_mve", "layernorm", "mve", per_output(6), inplace=(0,)),
    Kernel("mf_rmsnorm_s8_mve", "rmsnorm", "mve", per_output(6), inplace=(0,)),
    Kernel("mf_add_s8_mve", "add", "mve", per_output(4), inplace=(0, 1)),
    Kernel("mf_add_s8_ref", "add", "ref", per_output(12), inplace=(0, 1)),
    Kernel("mf_linear_s8_s16_ref", "linear_s16", "ref", per_mac(6, 20)),
    Kernel("mf_layernorm_s16_ref", "layernorm_s16", "ref", per_output(24), inplace=(0,)),
    Kernel("mf_rmsnorm_s16_ref", "rmsnorm_s16", "ref", per_output(24), inplace=(0,)),
    Kernel("mf_add_s16_ref", "add_s16", "ref", per_output(14), inplace=(0, 1)),
    Kernel("mf_narrow_s16_ref", "narrow_s16", "ref", per_output(8)),
    Kernel("mf_mul_s8_ref", "mul", "ref", per_output(12), inplace=(0, 1)),
    Kernel("mf_table_s8_ref", "table", "ref", per_output(7), inplace=(0,)),
    Kernel("mf_max_pool2d_s8_ref", "max_pool2d", "ref", per_window(10)),
    Kernel("mf_max_pool2d_s8_mve", "max_pool2d", "mve", per_window(0.4)),
    Kernel("mf_max_pool2d_s8_dsp", "max_pool2d", "dsp", per_window(1.5), fits=channels_by_four),
    Kernel("mf_avg_pool2d_s8_ref", "avg_pool2d", "ref", per_window(10)),
    Kernel("mf_mean_s8_ref", "mean", "ref", per_input(6)),
    Kernel("mf_copy2d_s8_ref", "copy2d", "ref", per_output(5)),
    Kernel("mf_permute_s8_ref", "permute", "ref", per_output(8)),
    Kernel("mf_embedding_s8_ref", "embedding", "ref", per_output(5)),
    *DSP,
    *RADAR,
    *XPULP,
)
"""Every variant. The name is ``mf_<op>_<types>[_<fused>]_<isa>[_<tile>]``."""


def candidates(op: Op, inputs: Operands, output: Tensor, isas: Sequence[str]) -> list[Kernel]:
    """The kernels of the families ``isas`` that can do this node; "ref" always has one."""
    wanted = family(op, inputs)
    return [
        kernel
        for kernel in KERNELS
        if kernel.family == wanted and kernel.isa in isas and kernel.fits(op, inputs, output)
    ]


def select(op: Op, inputs: Operands, output: Tensor, isas: Sequence[str]) -> Kernel:
    """The cheapest kernel for a node; "ref" takes part even where ``isas`` leaves it out."""
    choices = candidates(op, inputs, output, (*isas, "ref"))
    return min(choices, key=lambda kernel: kernel.cost(op, inputs, output))


def library_files(symbols: Iterable[str]) -> dict[str, str]:
    """C headers that the kernels ``symbols`` need, by file name (all lie in one folder)."""
    headers = {path.name: path for path in sorted(_ROOT.glob("*/*.h"))}
    files: dict[str, str] = {}
    waiting = [f"{symbol}.h" for symbol in sorted(set(symbols), reverse=True)]
    while waiting:
        name = waiting.pop()
        if name not in files:
            files[name] = headers[name].read_text("utf-8")
            waiting += reversed(_INCLUDE.findall(files[name]))
    return files
