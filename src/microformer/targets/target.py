"""A target as a value: a core, its memories, clock and power, and what runs a program on it."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from microformer.errors import TargetError
from microformer.targets.flash import NO_WAITS, Flash
from microformer.targets.memories import ClusterMemory, FlatMemory, Memory
from microformer.targets.runners import (
    HostRunner,
    QemuRunner,
    RtlRunner,
    Runner,
    UnicornRunner,
)
from microformer.targets.serial import SEMIHOSTING, Serial
from microformer.targets.strict import Strict

KIB = 1024
LINKER_SLACK_BYTES = 32
"""What alignments of the linker may cost beside the buffers that ``plan`` places."""

TimingName = Literal["m0plus", "m3", "m4", "m7", "m55", "hazard3"]


@dataclass(frozen=True)
class Target(Strict):
    """A core on a board. Raises TargetError, one sentence, for a record that cannot be.

    ``isas`` are the instruction sets whose kernels it may run, best first. ``triple`` and ``cpu``
    are ziglang's. ``timing`` names a timing model, or is None. ``power_mw`` is None where no
    measured figure is published. ``macs_per_cycle_limit`` is what the best inner loop of a matrix
    product allows, None without a timing model. ``flash`` is what the timing model assumes of
    instruction fetch, by default no wait states; ``board_flash`` is the board's own setting, for
    who wants it. ``defines`` are the macros by which the kernels suit the core, NAME or NAME=value.

    ``memory`` is None for this machine. A cluster has ``cores`` of at most ``max_cores``; each
    core has a stack of ``stack_bytes``, and the constants lie in the memory ``weights``: "l1" or
    "l2" of a cluster; of a microcontroller "l2" means with the code, else it names one of its
    memories.
    ``core`` is the core's name, empty where the record does not say it; ``gcc_flags`` are the
    options by which GCC and Clang make code for it. ``serial`` is the port that a firmware that
    measures itself speaks by; ``boot`` says what the chip needs to start a bare image, where it
    needs more than that.
    ``memory_source`` is where addresses and sizes of the memories, and the clock, are from.
    """

    name: str
    board: str
    isas: tuple[str, ...]
    runner: Runner
    memory: FlatMemory | ClusterMemory | None = None
    triple: str = ""
    cpu: str = ""
    clock_hz: int = 0
    power_mw: float | None = None
    power_source: str = ""
    timing: TimingName | None = None
    unaligned_access: bool = False
    macs_per_cycle_limit: float | None = None
    defines: tuple[str, ...] = ()
    flash: Flash = NO_WAITS
    board_flash: Flash | None = None
    cores: int = 1
    max_cores: int = 1
    stack_bytes: int = 2048
    weights: str = "l2"
    memory_source: str = ""
    core: str = ""
    gcc_flags: tuple[str, ...] = ()
    serial: Serial = SEMIHOSTING
    boot: str = ""

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise TargetError(f"The target '{self.name[:40]}' cannot be: {problem}.")

    @property
    def is_host(self) -> bool:
        """True for this machine, whose memories and cycles mean nothing."""
        return isinstance(self.runner, HostRunner)

    @property
    def is_cluster(self) -> bool:
        """True where several cores share an L1 and call the program together."""
        return isinstance(self.memory, ClusterMemory)

    @property
    def is_riscv(self) -> bool:
        """True for RISC-V, else it is Arm or this machine."""
        return self.triple.startswith("riscv")

    @property
    def startup(self) -> str:
        """The file of this package that starts a microcontroller of this kind."""
        return "startup_riscv.c" if self.is_riscv else "startup_cortex_m.c"

    @property
    def most_macs_per_cycle(self) -> float | None:
        """``macs_per_cycle_limit`` of all cores together."""
        limit = self.macs_per_cycle_limit
        return None if limit is None else limit * self.cores

    @property
    def needs_unaligned_access(self) -> bool:
        """True where the kernels read words that are not aligned, which firmware must allow."""
        return self.unaligned_access and isinstance(self.memory, FlatMemory)

    def code_memory(self) -> tuple[str, Memory]:
        """The memory of code and constants and its name, "flash" or "L2"; not of the host."""
        match self.memory:
            case FlatMemory(flash=flash):
                return "flash", flash
            case ClusterMemory(l2=l2):
                return "L2", l2
        raise TargetError(f"{self.name} has no memory of its own.")

    def data_memory(self) -> tuple[str, Memory]:
        """The memory of buffers and stacks and its name, "RAM" or "L1"; not of the host."""
        match self.memory:
            case FlatMemory(ram=ram):
                return "RAM", ram
            case ClusterMemory(l1=l1):
                return "L1", l1
        raise TargetError(f"{self.name} has no memory of its own.")

    def weights_memory(self) -> Memory | None:
        """Of a microcontroller the memory of the constants, None where they lie with the code."""
        if not isinstance(self.memory, FlatMemory):
            return None
        known = (self.memory.ram, *self.memory.others)
        return next((memory for memory in known if memory.name == self.weights), None)

    def second_ram(self) -> Memory | None:
        """The largest memory for data beside RAM, None where there is none."""
        if not isinstance(self.memory, FlatMemory):
            return None
        found = [memory for memory in self.memory.others if "data" in memory.holds]
        return max(found, key=lambda memory: memory.size_bytes, default=None)

    def buffer_bytes(self, cores: int | None = None) -> int:
        """Bytes of RAM or L1 for buffers: what the stacks of ``cores`` (its own) leave of it."""
        stacks = (self.cores if cores is None else cores) * self.stack_bytes
        return self.data_memory()[1].size_bytes - stacks - LINKER_SLACK_BYTES

    def latency_ms(self, cycles: int) -> float:
        """Milliseconds that ``cycles`` take at this board's clock."""
        return cycles / self.clock_hz * 1e3

    def energy_mj(self, cycles: int) -> float | None:
        """Millijoules for ``cycles`` at this board's power, None where that is not known."""
        return None if self.power_mw is None else self.latency_ms(cycles) * self.power_mw / 1e3

    def __str__(self) -> str:
        clock = f"{self.clock_hz // 10**6} MHz"
        match self.memory:
            case FlatMemory(flash=flash, ram=ram, others=others):
                more = [m for m in others if "data" in m.holds]
                rams = " + ".join(str(m.size_bytes // KIB) for m in (ram, *more))
                sizes = f"{flash.size_bytes // KIB} KiB flash, {rams} KiB RAM"
            case ClusterMemory(l1=l1, l2=l2):
                sizes = f"{l1.size_bytes // KIB} KiB L1, {l2.size_bytes // KIB} KiB L2"
            case None:
                return f"{self.name}: {self.board}"
        return f"{self.name}: {self.board}, {sizes}, {clock}"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_FLAG = re.compile(r"-m[a-z0-9-]{1,20}(=[A-Za-z0-9_.+-]{1,60})?")
_CPU_OPTIONS = re.compile(r"[a-z0-9-]{1,40}(,[a-z0-9_.-]{1,20}=(true|false)){0,16}")
_DEFINE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(=[A-Za-z0-9_]{1,63})?")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_MOST_BYTES = 1 << 32


def _problem(target: Target) -> str:
    """What is wrong with a record, empty if nothing is: its texts reach command lines and paths."""
    runner, memory = target.runner, target.memory
    if not _NAME.fullmatch(target.name):
        return "its name is not one of letters, digits, '_', '.' and '-'"
    if not target.isas or any(not _NAME.fullmatch(isa) for isa in target.isas):
        return "it has no instruction set, or one whose name is not a name"
    if isinstance(runner, HostRunner) != (memory is None):
        return "memories are for cores and not for this machine"
    if isinstance(runner, RtlRunner) != isinstance(memory, ClusterMemory):
        return "L1 and L2 are what a cluster on its RTL has, flash and RAM all other cores"
    if memory is None:
        return ""
    options = {"triple": target.triple, "cpu": target.cpu}
    match runner:
        case UnicornRunner(cpu=text):
            options["runner's cpu"] = text
        case QemuRunner(machine=text):
            options["runner's machine"] = text
            if runner.cpu and not _CPU_OPTIONS.fullmatch(runner.cpu):
                return "its runner's cpu is not a name with options"
    if any(not _FLAG.fullmatch(flag) for flag in target.gcc_flags):
        return "a flag of it is no option of a compiler"
    for what, text in options.items():
        if not _OPTION.fullmatch(text):
            return f"its {what} is '{text[:40]}', not a name"
    if any(not _DEFINE.fullmatch(text) for text in target.defines):
        return "a define of it is neither NAME nor NAME=value"
    others = memory.others if isinstance(memory, FlatMemory) else ()
    for part in (target.code_memory()[1], target.data_memory()[1], *others):
        if part.origin < 0 or part.size_bytes < 1 or part.end > _MOST_BYTES:
            return "a memory of it does not lie in 32 bits of addresses"
        if part.name and not _IDENTIFIER.fullmatch(part.name):
            return f"a memory of it is called '{part.name[:40]}', not an identifier"
    if target.weights not in ("l1", "l2") and target.weights_memory() is None:
        return f"its weights lie in '{target.weights[:40]}', which is none of its memories"
    if target.clock_hz < 1:
        return "it has no clock"
    if not 1 <= target.cores <= target.max_cores:
        return f"{target.cores} cores are not 1 to {target.max_cores}"
    if target.stack_bytes < 8 or target.stack_bytes % 8 or target.buffer_bytes() < 0:
        return "its stacks are no multiple of 8 bytes, or do not fit into its memory"
    return ""


def resized(
    target: Target,
    *,
    code_bytes: int | None = None,
    data_bytes: int | None = None,
    code_origin: int | None = None,
    data_origin: int | None = None,
) -> Target:
    """``target`` with another size or place of flash or L2 (code), of RAM or L1 (data)."""

    def changed(memory: Memory, size_bytes: int | None, origin: int | None) -> Memory:
        return replace(
            memory,
            size_bytes=memory.size_bytes if size_bytes is None else size_bytes,
            origin=memory.origin if origin is None else origin,
        )

    code = changed(target.code_memory()[1], code_bytes, code_origin)
    data = changed(target.data_memory()[1], data_bytes, data_origin)
    if target.is_cluster:
        return replace(target, memory=ClusterMemory(l1=data, l2=code))
    assert isinstance(target.memory, FlatMemory)
    return replace(target, memory=replace(target.memory, flash=code, ram=data))
