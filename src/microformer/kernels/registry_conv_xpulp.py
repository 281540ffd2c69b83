"""Convolution, pooling, the 64-bit form on a cluster: every core calls them, does its share."""

from microformer.kernels.costs import is_dense, per_mac, per_window
from microformer.kernels.costs_conv_xpulp import (
    conv_near_scratch,
    conv_pool_cost,
    conv_pool_fits,
    conv_pool_near_scratch,
    conv_pool_scratch,
    conv_scratch,
    depthwise_fits,
    depthwise_near_scratch,
    depthwise_scratch,
    grouped_fits,
    grouped_scratch,
    narrow_cost,
    narrow_fits,
    narrow_near_scratch,
    narrow_scratch,
)
from microformer.kernels.costs_xpulp import fixed_scratch
from microformer.kernels.kernel import Kernel
from microformer.kernels.pack import pack_conv_pool, pack_depthwise, pack_linear, pack_narrow

__all__ = ["CONV_XPULP"]

CONV_XPULP: tuple[Kernel, ...] = (
    Kernel(
        "mf_conv2d_s8_xpulp_4x4",
        "conv2d",
        "xpulp",
        per_mac(0.45, 6),
        fits=is_dense,
        scratch=conv_scratch,
        near_scratch=conv_near_scratch,
        pack=pack_linear,
    ),
    Kernel(
        "mf_conv_pool_s8_xpulp_4x4",
        "conv_pool",
        "xpulp",
        conv_pool_cost,
        fits=conv_pool_fits,
        scratch=conv_pool_scratch,
        near_scratch=conv_pool_near_scratch,
        pack=pack_conv_pool,
        weighed=True,
    ),
    Kernel(
        "mf_conv_pool_s8_xpulp_3x1",
        "conv_pool",
        "xpulp",
        narrow_cost,
        fits=narrow_fits,
        scratch=narrow_scratch,
        near_scratch=narrow_near_scratch,
        pack=pack_narrow,
        weighed=True,
    ),
    Kernel(
        "mf_depthwise_s8_xpulp",
        "conv2d",
        "xpulp",
        per_mac(1.2, 8),
        fits=depthwise_fits,
        scratch=depthwise_scratch,
        near_scratch=depthwise_near_scratch,
        pack=pack_depthwise,
    ),
    Kernel(
        "mf_linear_s8_wide_xpulp_4x4",
        "linear_wide",
        "xpulp",
        per_mac(0.45, 12),
        scratch=conv_scratch,
        near_scratch=conv_near_scratch,
        pack=pack_linear,
    ),
    Kernel(
        "mf_conv2d_s8_wide_xpulp_4x4",
        "conv2d_wide",
        "xpulp",
        per_mac(0.45, 12),
        fits=is_dense,
        scratch=conv_scratch,
        near_scratch=conv_near_scratch,
        pack=pack_linear,
    ),
    Kernel(
        "mf_conv2d_s8_xpulp_grouped",
        "conv2d",
        "xpulp",
        per_mac(6, 30),
        fits=grouped_fits,
        scratch=grouped_scratch,
        near_scratch=fixed_scratch(0),
    ),
    Kernel(
        "mf_conv2d_s8_wide_xpulp_grouped",
        "conv2d_wide",
        "xpulp",
        per_mac(6, 40),
        fits=grouped_fits,
        scratch=grouped_scratch,
        near_scratch=fixed_scratch(0),
    ),
    Kernel("mf_max_pool2d_s8_xpulp", "max_pool2d", "xpulp", per_window(0.5)),
    Kernel("mf_avg_pool2d_s8_xpulp", "avg_pool2d", "xpulp", per_window(2)),
)
"""Those of the family ``xpulp`` that look through windows, or requantise in 64 bits."""
