"""Kernels for cores without SIMD: Cortex-M0+, M3, M23, 32-bit RISC-V."""
