"""Boards: core, memories, clock and power, each figure with its source."""

from dataclasses import replace

from microformer.targets.flash import STM32H7_FLASH, STM32L4_FLASH
from microformer.targets.target import (
    KIB,
    ClusterMemory,
    FlatMemory,
    HostRunner,
    Memory,
    QemuRunner,
    RtlRunner,
    Target,
    UnicornRunner,
)

MIB = 1024 * KIB

_HOST = Target(
    name="host",
    board="this machine",
    isas=("ref",),
    runner=HostRunner(),
    unaligned_access=True,
)

_M0PLUS = Target(
    name="cortex-m0plus",
    board="RP2040",
    memory_source="RP2040 datasheet: 2.6.2 (264 kB of SRAM), 2.6.3 (execute in place); 2 MiB of "
    "flash on a Pico",
    isas=("ref",),
    triple="thumb-freestanding-eabi",
    cpu="cortex_m0plus",
    runner=UnicornRunner("CORTEX_M0"),
    memory=FlatMemory(
        flash=Memory(0x1000_0000, 2 * MIB),
        ram=Memory(0x2000_0000, 264 * KIB),
    ),
    clock_hz=133_000_000,
    unaligned_access=False,
)

_M4 = Target(
    name="cortex-m4",
    board="STM32L476 (STM32L4)",
    memory_source="RM0351 2.1, 2.4: 96 KiB of SRAM1; SRAM2, 32 KiB at 0x10000000, is left to the "
    "firmware; DS10198: 1 MiB of flash, 80 MHz",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m4",
    runner=UnicornRunner("CORTEX_M4"),
    memory=FlatMemory(
        flash=Memory(0x0800_0000, 1 * MIB),
        # SRAM1; the 32 KiB of SRAM2 lie at 0x10000000, apart from it
        ram=Memory(0x2000_0000, 96 * KIB),
    ),
    clock_hz=80_000_000,
    power_mw=10.0,
    power_source="Tiny Transformers, authors' sheet: STM32L4 at 80 MHz, 10 mW",
    timing="m4",
    unaligned_access=True,
    board_flash=STM32L4_FLASH,
    macs_per_cycle_limit=1.0,  # 6 loads in 8 cycles and 8 SMLAD for 16 MAC (docs/kernels.md)
)

_M7 = Target(
    name="cortex-m7",
    board="STM32H743 (STM32H7)",
    memory_source="RM0433 2.3, 2.4: 512 KiB of AXI SRAM; the other SRAMs are left to the firmware; "
    "DS12110: 2 MiB of flash, 480 MHz",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m7",
    runner=UnicornRunner("CORTEX_M7"),
    memory=FlatMemory(
        flash=Memory(0x0800_0000, 2 * MIB),
        ram=Memory(0x2400_0000, 512 * KIB),
    ),
    clock_hz=480_000_000,
    power_mw=234.0,
    power_source="Tiny Transformers, authors' sheet: STM32H7 at 480 MHz, 234 mW",
    timing="m7",
    unaligned_access=True,
    board_flash=STM32H7_FLASH,
    macs_per_cycle_limit=2.0,  # one SMLAD a cycle
    defines=("MF_DUAL_ISSUE",),
)

_M33 = Target(
    name="cortex-m33",
    board="RP2350",
    memory_source="RP2350 datasheet: 4.2 (520 kB of SRAM), 4.4 (execute in place); 4 MiB of flash "
    "on a Pico 2",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m33+dsp",  # an option of the core that the RP2350 has, off in ziglang
    runner=UnicornRunner("CORTEX_M33"),
    memory=FlatMemory(
        flash=Memory(0x1000_0000, 4 * MIB),
        ram=Memory(0x2000_0000, 520 * KIB),
    ),
    clock_hz=150_000_000,
    unaligned_access=True,
)

_M55 = Target(
    name="cortex-m55",
    board="Corstone-300 (MPS3 AN547)",
    memory_source="Arm AN547, memory map: 512 KiB of ITCM, two internal SRAMs of 2 MiB side by "
    "side; 32 MHz",
    isas=("mve", "dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m55+mve+mve_fp",  # ziglang's cortex_m55 has MVE off
    runner=QemuRunner("mps3-an547"),
    memory=FlatMemory(
        flash=Memory(0x1000_0000, 512 * KIB),
        ram=Memory(0x2100_0000, 4 * MIB),
    ),
    clock_hz=32_000_000,  # the FPGA's
    timing="m55",
    unaligned_access=True,
    macs_per_cycle_limit=8.0,  # a VMLADAV of 16 products in two beats
)

_M85 = replace(_M55, name="cortex-m85", board="as Corstone-300", timing=None)

_RI5CY = Target(
    name="pulp-ri5cy",
    board="a PULP cluster of 1 to 8 RI5CY cores (as GAP8's)",
    memory_source="our machine, after GAP8: 64 KiB of L1, 512 KiB of L2 (docs/cluster.md)",
    isas=("xpulp", "ref"),
    triple="riscv32-freestanding-none",
    cpu="generic_rv32+m+c",
    runner=RtlRunner("ri5cy"),
    memory=ClusterMemory(
        l2=Memory(0x1C00_0000, 512 * KIB),
        l1=Memory(0x1000_0000, 64 * KIB),
    ),
    clock_hz=100_000_000,
    power_mw=51.0,
    power_source="Tiny Transformers, authors' sheet: GAP8 at 100 MHz, 51 mW",
    unaligned_access=True,
    macs_per_cycle_limit=64 / 24,  # of a core: 16 dot products and 8 loads (docs/cluster.md)
    defines=("MF_RI5CY",),
    cores=8,
    max_cores=8,
    stack_bytes=624,  # no multiple of 64: the same places of eight stacks lie in several banks
)

_CV32E40P = replace(
    _RI5CY,
    name="pulp-cv32e40p",
    board="a PULP cluster of 1 to 8 CV32E40P cores",
    defines=("MF_CV32E40P",),
    runner=RtlRunner("cv32e40p"),
)

_ALL = (_HOST, _M0PLUS, _M4, _M7, _M33, _M55, _M85, _RI5CY, _CV32E40P)
TARGETS = {t.name: t for t in _ALL}
"""Every target by name."""
