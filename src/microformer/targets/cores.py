"""Cores: what the compiler, the kernels and the emulator must know of each, on whatever board."""

from dataclasses import dataclass

from microformer.targets.memories import FlatMemory, Memory
from microformer.targets.runners import HostRunner, QemuRunner, RtlRunner, Runner, UnicornRunner
from microformer.targets.target import TimingName

_SOFT, _HARD = "thumb-freestanding-eabi", "thumb-freestanding-eabihf"
_RISCV = "riscv32-freestanding-none"
AN547 = FlatMemory(
    flash=Memory(0x1000_0000, 512 << 10),
    ram=Memory(0x2100_0000, 4 << 20),
    others=(Memory(0x2000_0000, 512 << 10, "DTCM", ("data",)),),
)
"""ITCM, the two internal SRAMs and DTCM of QEMU's mps3-an547 (Arm AN547, memory map)."""


@dataclass(frozen=True)
class Core:
    """What a ``Target`` takes from its core; the fields are those of ``Target``."""

    name: str
    isas: tuple[str, ...]
    triple: str
    cpu: str
    runner: Runner
    timing: TimingName | None = None
    unaligned_access: bool = True
    macs_per_cycle_limit: float | None = None
    defines: tuple[str, ...] = ()
    cores: int = 1
    stack_bytes: int = 2048

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The options by which GCC makes code for it."""
        return _FLAGS.get(self.name, ())

    @property
    def is_cluster(self) -> bool:
        """Whether several of it share an L1."""
        return isinstance(self.runner, RtlRunner)


_FLAGS: dict[str, tuple[str, ...]] = {
    **{
        f"cortex-m{core}": (f"-mcpu=cortex-m{core}", "-mthumb")
        for core in ("0", "0plus", "3", "4", "23")
    },
    "cortex-m4f": ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "cortex-m7": ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "cortex-m33": ("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    "cortex-m55": ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    "cortex-m85": ("-mcpu=cortex-m85", "-mthumb", "-mfloat-abi=hard"),
    "rv32imc": ("-march=rv32imc", "-mabi=ilp32"),
    "rv32imac": ("-march=rv32imac", "-mabi=ilp32"),
    "hazard3": ("-march=rv32imac_zba_zbb_zbs", "-mabi=ilp32"),
}
_VIRT = QemuRunner(
    "virt",
    FlatMemory(Memory(0x8000_0000, 16 << 20), Memory(0x8100_0000, 16 << 20)),
    system="riscv32",
    cpu="rv32,zba=true,zbb=true,zbs=true",
)
_HELIUM = QemuRunner("mps3-an547", AN547)
# of a core of a cluster: 16 dot products and 8 loads (docs/cluster.md); a stack of no multiple of
# 64 bytes, so that the same places of eight stacks lie in several banks
_ALL = (
    Core("host", ("ref",), "", "", HostRunner()),
    Core(
        "cortex-m0", ("scalar", "ref"), _SOFT, "cortex_m0", UnicornRunner("CORTEX_M0"), None, False
    ),
    Core(
        *("cortex-m0plus", ("scalar", "ref"), _SOFT, "cortex_m0plus", UnicornRunner("CORTEX_M0")),
        *("m0plus", False),
    ),
    Core("cortex-m3", ("scalar", "ref"), _SOFT, "cortex_m3", UnicornRunner("CORTEX_M3"), "m3"),
    # 6 loads in 8 cycles and 8 SMLAD for 16 MAC (docs/kernels.md)
    Core(
        *("cortex-m4", ("dsp", "ref"), _SOFT, "cortex_m4", UnicornRunner("CORTEX_M4"), "m4"),
        macs_per_cycle_limit=1.0,
    ),
    Core(
        *("cortex-m4f", ("dsp", "ref"), _HARD, "cortex_m4", UnicornRunner("CORTEX_M4"), "m4"),
        macs_per_cycle_limit=1.0,
    ),
    Core(  # one SMLAD a cycle
        *("cortex-m7", ("dsp", "ref"), _HARD, "cortex_m7", UnicornRunner("CORTEX_M7"), "m7"),
        macs_per_cycle_limit=2.0,
        defines=("MF_DUAL_ISSUE",),
    ),
    # Armv8-M baseline, a part of what unicorn's M33 runs; no unaligned access
    Core(
        "cortex-m23",
        ("scalar", "ref"),
        _SOFT,
        "cortex_m23",
        UnicornRunner("CORTEX_M33"),
        None,
        False,
    ),
    # DSP is an option of the core that every board here has; ziglang has it off
    Core("cortex-m33", ("dsp", "ref"), _HARD, "cortex_m33+dsp", UnicornRunner("CORTEX_M33")),
    Core(  # a VMLADAV of 16 products in two beats; ziglang's cortex_m55 has MVE off
        *("cortex-m55", ("mve", "dsp", "ref"), _HARD, "cortex_m55+mve+mve_fp", _HELIUM, "m55"),
        macs_per_cycle_limit=8.0,
    ),
    Core(
        *("cortex-m85", ("mve", "dsp", "ref"), _HARD, "cortex_m55+mve+mve_fp", _HELIUM),
        macs_per_cycle_limit=8.0,
    ),
    Core(
        "rv32imc",
        ("scalar", "ref"),
        _RISCV,
        "generic_rv32+m+c",
        UnicornRunner("RISCV32_ANY"),
        None,
        False,
    ),
    Core(
        *(
            "rv32imac",
            ("scalar", "ref"),
            _RISCV,
            "generic_rv32+m+a+c",
            UnicornRunner("RISCV32_ANY"),
            None,
        ),
        unaligned_access=False,
    ),
    Core(  # Hazard3 as the RP2350 has it: unicorn knows no bit manipulation
        *("hazard3", ("scalar", "ref"), _RISCV, "generic_rv32+m+a+c+zba+zbb+zbs", _VIRT, "hazard3"),
        unaligned_access=False,
    ),
    Core(
        *("ri5cy", ("xpulp", "ref"), _RISCV, "generic_rv32+m+c", RtlRunner("ri5cy")),
        macs_per_cycle_limit=64 / 24,
        defines=("MF_RI5CY",),
        cores=8,
        stack_bytes=624,
    ),
    Core(
        *("cv32e40p", ("xpulp", "ref"), _RISCV, "generic_rv32+m+c", RtlRunner("cv32e40p")),
        macs_per_cycle_limit=64 / 24,
        defines=("MF_CV32E40P",),
        cores=8,
        stack_bytes=624,
    ),
)
CORES = {core.name: core for core in _ALL}
"""Every core by name."""
