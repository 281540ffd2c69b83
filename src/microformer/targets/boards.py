"""Boards: core, memories, clock and power, each figure with its source."""

from dataclasses import dataclass, replace

from microformer.targets.flash import NO_WAITS, STM32H7_FLASH, STM32L4_FLASH, Flash

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Target:
    """A core on a board.

    ``isas`` are the kernel families it may run, best first. ``triple`` and ``cpu`` are
    ziglang's; ``emulator_cpu`` is unicorn's name of the core. ``timing`` names a timing model, or
    is None. ``power_mw`` is None where no measured figure is published. ``macs_per_cycle_limit``
    is what the best inner loop of a matrix product allows, None without a timing model.
    ``flash`` is what the timing model assumes of instruction fetch, by default no wait states;
    ``board_flash`` is the board's own setting, for who wants it. ``qemu_machine`` is the board's
    name in QEMU where unicorn does not know the core.
    ``defines`` are the macros by which the kernels suit the core, NAME or NAME=value.
    ``rtl`` names the RTL that a PULP cluster of ``cores`` runs on; its L2 is here called flash (a
    program lies there with its constants), its L1 RAM. Each core has a stack of ``stack_bytes``.
    ``near_weights`` puts the constants into L1. ``memory_source`` is where addresses and sizes of
    the memories, and the clock, are from.
    """

    name: str
    core: str
    board: str
    isas: tuple[str, ...]
    triple: str
    cpu: str
    emulator_cpu: str
    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    clock_hz: int
    power_mw: float | None
    power_source: str
    timing: str | None
    unaligned_access: bool
    macs_per_cycle_limit: float | None = None
    defines: tuple[str, ...] = ()
    qemu_machine: str = ""
    flash: Flash = NO_WAITS
    board_flash: Flash | None = None
    rtl: str = ""
    cores: int = 1
    stack_bytes: int = 2048
    near_weights: bool = False
    memory_source: str = ""

    @property
    def is_host(self) -> bool:
        """True for this machine."""
        return self.core == "host"

    @property
    def needs_unaligned_access(self) -> bool:
        """True where the kernels read words that are not aligned, which firmware must allow."""
        return self.unaligned_access and not self.is_host and not self.rtl

    @property
    def weights(self) -> str:
        """The memory of a cluster's constants, as ``with_weights`` takes it."""
        return "l1" if self.near_weights else "l2"

    def latency_ms(self, cycles: int) -> float:
        """Milliseconds that ``cycles`` take at this board's clock."""
        return cycles / self.clock_hz * 1e3

    def energy_mj(self, cycles: int) -> float | None:
        """Millijoules for ``cycles`` at this board's power, None where that is not known."""
        return None if self.power_mw is None else self.latency_ms(cycles) * self.power_mw / 1e3

    def __str__(self) -> str:
        if self.is_host:
            return "host: this machine"
        if self.rtl:
            l2, l1 = self.flash_bytes // KIB, self.ram_bytes // KIB
            clock = self.clock_hz // 10**6
            return f"{self.name}: {self.board}, {l1} KiB L1, {l2} KiB L2, {clock} MHz"
        flash, ram = self.flash_bytes // KIB, self.ram_bytes // KIB
        clock = self.clock_hz // 10**6
        return f"{self.name}: {self.board}, {flash} KiB flash, {ram} KiB RAM, {clock} MHz"


_HOST = Target(
    name="host",
    core="host",
    board="this machine",
    isas=("ref",),
    triple="",
    cpu="",
    emulator_cpu="",
    flash_origin=0,
    flash_bytes=0,
    ram_origin=0,
    ram_bytes=0,
    clock_hz=0,
    power_mw=None,
    power_source="",
    timing=None,
    unaligned_access=True,
)

_M0PLUS = Target(
    name="cortex-m0plus",
    core="cortex-m0plus",
    board="RP2040",
    memory_source="RP2040 datasheet: 2.6.2 (264 kB of SRAM), 2.6.3 (execute in place); 2 MiB of "
    "flash on a Pico",
    isas=("ref",),
    triple="thumb-freestanding-eabi",
    cpu="cortex_m0plus",
    emulator_cpu="CORTEX_M0",
    flash_origin=0x1000_0000,
    flash_bytes=2 * MIB,
    ram_origin=0x2000_0000,
    ram_bytes=264 * KIB,
    clock_hz=133_000_000,
    power_mw=None,
    power_source="",
    timing=None,
    unaligned_access=False,
)

_M4 = Target(
    name="cortex-m4",
    core="cortex-m4",
    board="STM32L476 (STM32L4)",
    memory_source="RM0351 2.1, 2.4: 96 KiB of SRAM1; SRAM2, 32 KiB at 0x10000000, is left to the "
    "firmware; DS10198: 1 MiB of flash, 80 MHz",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m4",
    emulator_cpu="CORTEX_M4",
    flash_origin=0x0800_0000,
    flash_bytes=1 * MIB,
    ram_origin=0x2000_0000,
    ram_bytes=96 * KIB,  # SRAM1; the 32 KiB of SRAM2 lie at 0x10000000, apart from it
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
    core="cortex-m7",
    board="STM32H743 (STM32H7)",
    memory_source="RM0433 2.3, 2.4: 512 KiB of AXI SRAM; the other SRAMs are left to the firmware; "
    "DS12110: 2 MiB of flash, 480 MHz",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m7",
    emulator_cpu="CORTEX_M7",
    flash_origin=0x0800_0000,
    flash_bytes=2 * MIB,
    ram_origin=0x2400_0000,
    ram_bytes=512 * KIB,
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
    core="cortex-m33",
    board="RP2350",
    memory_source="RP2350 datasheet: 4.2 (520 kB of SRAM), 4.4 (execute in place); 4 MiB of flash "
    "on a Pico 2",
    isas=("dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m33+dsp",  # an option of the core that the RP2350 has, off in ziglang
    emulator_cpu="CORTEX_M33",
    flash_origin=0x1000_0000,
    flash_bytes=4 * MIB,
    ram_origin=0x2000_0000,
    ram_bytes=520 * KIB,
    clock_hz=150_000_000,
    power_mw=None,
    power_source="",
    timing=None,
    unaligned_access=True,
)

_M55 = Target(
    name="cortex-m55",
    core="cortex-m55",
    board="Corstone-300 (MPS3 AN547)",
    memory_source="Arm AN547, memory map: 512 KiB of ITCM, two internal SRAMs of 2 MiB side by "
    "side; 32 MHz",
    isas=("mve", "dsp", "ref"),
    triple="thumb-freestanding-eabihf",
    cpu="cortex_m55+mve+mve_fp",  # ziglang's cortex_m55 has MVE off
    emulator_cpu="",
    flash_origin=0x1000_0000,
    flash_bytes=512 * KIB,
    ram_origin=0x2100_0000,
    ram_bytes=4 * MIB,
    clock_hz=32_000_000,  # the FPGA's
    power_mw=None,
    power_source="",
    timing="m55",
    unaligned_access=True,
    macs_per_cycle_limit=8.0,  # a VMLADAV of 16 products in two beats
    qemu_machine="mps3-an547",
)

_M85 = replace(_M55, name="cortex-m85", core="cortex-m85", board="as Corstone-300", timing=None)

_RI5CY = Target(
    name="pulp-ri5cy",
    core="ri5cy",
    board="a PULP cluster of 1 to 8 RI5CY cores (as GAP8's)",
    memory_source="our machine, after GAP8: 64 KiB of L1, 512 KiB of L2 (docs/cluster.md)",
    isas=("xpulp", "ref"),
    triple="riscv32-freestanding-none",
    cpu="generic_rv32+m+c",
    emulator_cpu="",
    flash_origin=0x1C00_0000,
    flash_bytes=512 * KIB,
    ram_origin=0x1000_0000,
    ram_bytes=64 * KIB,
    clock_hz=100_000_000,
    power_mw=51.0,
    power_source="Tiny Transformers, authors' sheet: GAP8 at 100 MHz, 51 mW",
    timing=None,
    unaligned_access=True,
    macs_per_cycle_limit=64 / 24,  # of a core: 16 dot products and 8 loads (docs/cluster.md)
    defines=("MF_RI5CY",),
    rtl="ri5cy",
    cores=8,
    stack_bytes=624,  # no multiple of 64: the same places of eight stacks lie in several banks
)

_CV32E40P = replace(
    _RI5CY,
    name="pulp-cv32e40p",
    core="cv32e40p",
    board="a PULP cluster of 1 to 8 CV32E40P cores",
    defines=("MF_CV32E40P",),
    rtl="cv32e40p",
)

_ALL = (_HOST, _M0PLUS, _M4, _M7, _M33, _M55, _M85, _RI5CY, _CV32E40P)
TARGETS = {t.name: t for t in _ALL}
"""Every target by name."""
