"""The kernels of the instruction set ``scalar``, one line each."""

from functools import partial
from pathlib import Path

from microformer.kernels.costs import is_dense, per_mac
from microformer.kernels.kernel import Isa, Kernel
from microformer.kernels.scalar.costs import (
    CELLS,
    HEADS,
    PAIRS,
    ROWS,
    attention_scalar_cost,
    attention_scalar_scratch,
    conv_scalar_scratch,
    linear_scalar_scratch,
    pairs_cost,
)

__all__ = ["ISA"]

_kernel = partial(Kernel, isa="scalar")

ISA = Isa(
    "scalar",
    folder=Path(__file__).parent,
    kernels=(
        _kernel(
            "mf_attention_s8_scalar",
            "attention",
            attention_scalar_cost,
            scratch=attention_scalar_scratch,
            work=HEADS,
        ),
        *(
            kernel
            for form in ("", "_acc64")
            for kernel in (
                _kernel(
                    f"mf_linear_s8{form}_scalar_1x4",
                    f"linear{form}",
                    pairs_cost,
                    scratch=linear_scalar_scratch,
                    work=PAIRS,
                ),
                _kernel(
                    f"mf_linear_s8{form}_scalar_row", f"linear{form}", per_mac(5.5, 25), work=ROWS
                ),
                _kernel(
                    f"mf_conv2d_s8{form}_scalar_1x4",
                    f"conv2d{form}",
                    pairs_cost,
                    fits=is_dense,
                    scratch=conv_scalar_scratch,
                    work=CELLS,
                ),
            )
        ),
    ),
)
