"""What ``emit``, ``build`` and ``run`` hand on: a C project, an image of it, a run's result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from microformer.graph.ends import Port
from microformer.graph.tensor import Array


@dataclass(frozen=True)
class Layer:
    """One layer of the emitted program: its C function is a symbol of its own in the image.

    ``weight_bytes`` are its constants, ``ram_bytes`` its inputs, output and scratch. ``reads`` are
    the numbers of the layers whose outputs it reads, -1 of the program's own input.
    """

    name: str
    symbol: str
    op: str
    kernel: str
    shape: str
    macs: int
    output: str
    weight_bytes: int = 0
    ram_bytes: int = 0
    reads: tuple[int, ...] = ()


@dataclass(frozen=True)
class Buffer:
    """Bytes of an arena that layers ``first`` to ``last`` (inclusive) need.

    ``memory`` is "arena" or "second" (L2 of a cluster, the second RAM of a microcontroller).
    Two buffers share bytes where a layer writes over what it reads.
    """

    name: str
    memory: str
    offset: int
    size_bytes: int
    first: int
    last: int
    scratch: bool = False


@dataclass(frozen=True)
class KeptState:
    """What ``<name>_step`` keeps in ``field`` of ``<name>_state_t``, of ``inputs`` and ``outputs``.

    ``size_bytes`` are those of a half, or of a window's whole buffer; a window moves by ``shift``
    bytes a step, 0 of a state of two halves.
    """

    read: str
    written: str
    field: str
    size_bytes: int
    shift: int


@dataclass(frozen=True, repr=False)
class CProject:
    """The emitted C project, in memory.

    ``files`` maps relative paths to text. ``sources`` are the C files to compile (library only);
    ``include_dirs`` are relative. The model's function is ``<name>_run(const in_ctype *in,
    int8_t *out, void *arena)``, declared in ``<name>.h``. ``layers`` are in execution order; each
    ``symbol`` is a function that is never inlined, so that a profiler sees its entry.

    On a cluster the arena is in L1, and a model that does not fit there has ``l2_bytes`` more in
    L2, on a microcontroller in its second RAM (then the function's fourth argument).
    ``input_in_l2`` and ``output_in_l2`` say which of the caller's buffers it takes to be in L2.

    Of several inputs or outputs ``inputs`` and ``outputs`` are the places of all, in order; of one
    both are empty. ``input_size`` and ``output_size`` are bytes of a whole row then, and the
    function takes a pointer for each.

    ``buffers`` are what the arenas hold, and when. ``states`` are what it remembers.
    ``optimize``: "size" is compiled for size (``settings``). ``hop``: of a front end whose windows
    overlap the samples from one to the next.
    ``quantizes``: ``<name>_quantize_input`` makes ``in`` of float; ``dequantizes``:
    ``<name>_dequantize_output`` makes float of ``out``.
    """

    name: str
    files: Mapping[str, str]
    sources: tuple[str, ...]
    include_dirs: tuple[str, ...]
    input_dtype: str
    input_size: int
    output_size: int
    arena_bytes: int
    arena_alignment: int
    weight_bytes: int
    layers: tuple[Layer, ...]
    l2_bytes: int = 0
    input_in_l2: bool = False
    output_in_l2: bool = False
    quantizes: bool = False
    dequantizes: bool = False
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    optimize: str = "speed"
    hop: int = 0
    buffers: tuple[Buffer, ...] = ()
    states: tuple[KeptState, ...] = ()

    @property
    def state_bytes(self) -> int:
        """Bytes of ``<name>_state_t``, 0 of a program that remembers nothing."""
        parts = (s.size_bytes + 8 if s.shift else 2 * s.size_bytes for s in self.states)
        return 8 + sum(parts) if self.states else 0

    def given_bytes(self) -> tuple[int, int]:
        """Bytes of all inputs and of all outputs that a caller has: without those of states."""
        if not self.states:
            return self.input_size, self.output_size
        kept = {part for s in self.states for part in (s.read, s.written)}
        sizes = [
            sum(port.end - port.offset for port in ports if port.name not in kept)
            for ports in (self.inputs, self.outputs)
        ]
        return sizes[0], sizes[1]

    @property
    def entry(self) -> str:
        """The function that a firmware calls: the step of a program that remembers."""
        return f"{self.name}_{'step' if self.states else 'run'}"

    def __repr__(self) -> str:
        lines = sum(text.count("\n") for text in self.files.values())
        size = f"arena {self.arena_bytes:,} B, constants {self.weight_bytes:,} B"
        return (
            f"CProject {self.name}, {len(self.files)} files of {lines:,} lines, "
            f"{len(self.layers)} layers, {size}"
        )


@dataclass(frozen=True)
class MemoryUse:
    """One memory of a board: its name there, where it is, how large, how much a program takes."""

    name: str
    origin: int
    size_bytes: int
    used_bytes: int


@dataclass(frozen=True)
class Image:
    """A linked program (ELF for a core, shared library for the host) of a project.

    ``flash_bytes`` and ``ram_bytes`` are sums of the linker's own sections: flash holds code,
    constants and initialised data; RAM holds data, bss (arena, input and output buffers) and
    the reserved stack. Both are None for the host, where they mean nothing. ``cannot_run`` says
    why the machine here that stands for the board does not hold it, though the board does.
    """

    path: Path
    target: str
    flash_bytes: int | None
    ram_bytes: int | None
    stack_reserved_bytes: int | None
    memories: tuple[MemoryUse, ...] = ()
    cannot_run: str = ""


QEMU_PLUGIN = "qemu_plugin.so"
"""File beside the program: what counts blocks in QEMU."""

SIMULATOR = "simulator"
"""File beside the program: what runs it on the core's RTL."""


@dataclass(frozen=True)
class LayerCount:
    """What one layer cost in the profiled sample. ``cycles`` is None without a timing model.

    ``code_bytes`` are those of all functions that it ran, ``hot_bytes`` of the largest one; None
    where the compiler left none. ``dma_bytes`` were moved by a cluster's DMA engine.
    """

    symbol: str
    cycles: int | None
    instructions: int | None
    code_bytes: int | None = field(default=None, compare=False)
    hot_bytes: int | None = field(default=None, compare=False)
    dma_bytes: int | None = None


@dataclass(frozen=True)
class CoreCount:
    """One core of a cluster in the profiled sample: cycles, and of these those that it waited.

    ``conflicts`` for a bank of L1, ``l2`` for a load from L2, ``barrier`` asleep at a barrier,
    ``dma`` asleep until a copy was done.
    """

    cycles: int
    instructions: int
    conflicts: int
    l2: int
    barrier: int
    dma: int

    @property
    def busy(self) -> int:
        """Cycles that it did not wait."""
        return self.cycles - self.conflicts - self.l2 - self.barrier - self.dma


@dataclass(frozen=True)
class ClusterCount:
    """What the cores of a cluster share, in the profiled sample.

    ``dma_bytes`` were moved by the DMA engine, which was at it in ``dma_busy`` cycles.
    ``simulated_khz`` are thousands of cycles that were simulated a second of processor time.
    """

    dma_bytes: int
    dma_busy: int
    simulated_khz: float


@dataclass(frozen=True, eq=False)
class RunResult:
    """Outputs of a run and what it cost.

    ``outputs`` int8 [N, output_size]. ``cycles`` and ``instructions`` count one inference (the
    profiled sample), from the call of the model's function to its return.
    ``cycles_kind`` is "estimate", "cycle-exact", "host", or None where there is no timing model.
    ``board_cycles`` are the same with the wait states and cache of the board's own flash, None
    where they are not known. ``stack_bytes`` is the deepest stack seen (painted), None on the host.

    Of samples that were given as float32, ``inputs`` int8 [M, input_size] are the first M as the
    target's quantiser made them; ``real`` float32 [M, output_size] is what the emitted
    dequantiser made of the outputs, on the target. None where that was not asked for.
    """

    outputs: Array
    cycles: int | None
    cycles_kind: str | None
    instructions: int | None
    layers: tuple[LayerCount, ...]
    stack_bytes: int | None
    wall_seconds: float
    cores: tuple[CoreCount, ...] = ()
    cluster: ClusterCount | None = None
    board_cycles: int | None = None
    inputs: Array | None = None
    real: Array | None = None

    @property
    def dma_wait_share(self) -> float | None:
        """Share of cycles waiting for the DMA engine, of the core that waits most for it.

        The others are at a barrier meanwhile. None where there is no cluster.
        """
        return max((core.dma / core.cycles for core in self.cores), default=None)
