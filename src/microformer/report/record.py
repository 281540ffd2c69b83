"""The figures of one run, as plain data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microformer.errors import DataError
from microformer.graph.project import Buffer, MemoryUse
from microformer.page.numbers import count, fixed, kib, percent, span
from microformer.page.tables import html_table
from microformer.records import from_json, to_json
from microformer.report.features import Features
from microformer.scratch import write_whole


@dataclass(frozen=True)
class LayerReport:
    """One row of the layer table. ``share`` is of all cycles; ``sqnr_db`` against float.

    ``dma_bytes`` were moved by a cluster's DMA engine. ``weight_bytes`` are its constants,
    ``ram_bytes`` its inputs, output and scratch, ``code_bytes`` all functions that it ran (layers
    share functions). ``reads`` are the numbers of the layers whose outputs it reads, -1 of the
    program's own input.
    """

    name: str
    op: str
    shape: str
    kernel: str
    macs: int
    cycles: int | None
    instructions: int | None
    share: float | None
    sqnr_db: float | None
    dma_bytes: int | None = None
    weight_bytes: int = 0
    ram_bytes: int = 0
    code_bytes: int | None = None
    reads: tuple[int, ...] = ()


@dataclass(frozen=True)
class RamParts:
    """Where the RAM goes, in bytes: ``other`` is what the C library and start-up code keep.

    ``state`` is what a program keeps from call to call, the caller's struct.
    ``stack`` is what the linker reserves; how much of it a run used is the report's
    ``stack_bytes``.
    """

    arena: int
    input: int
    output: int
    stack: int
    other: int
    state: int = 0


@dataclass(frozen=True)
class CoreReport:
    """One core of a cluster: cycles, instructions, and shares of its cycles.

    Where it is not ``busy`` it waits: for a bank of L1 (``conflicts``), for a load from ``l2``, at
    a ``barrier``, for a copy by ``dma``.
    """

    cycles: int
    instructions: int
    busy: float
    conflicts: float
    l2: float
    barrier: float
    dma: float


@dataclass(frozen=True)
class ClusterReport:
    """A run on a cluster: its cores and what they share.

    ``l1_bytes`` and ``l2_bytes`` are all that the program occupies there. ``dma_busy_share`` is
    of the run's cycles; ``dma_wait_share`` too, of the core that waits most for copies (the
    others are at a barrier meanwhile). ``simulated_khz`` counts processor time.
    """

    cores: tuple[CoreReport, ...]
    l1_bytes: int | None
    l2_bytes: int | None
    dma_bytes: int
    dma_busy_share: float
    dma_wait_share: float
    simulated_khz: float


@dataclass(frozen=True)
class OutputReport:
    """One of several outputs: its name, shape with the batch in front, and SQNR against float."""

    name: str
    shape: tuple[int, ...]
    sqnr_db: float | None


@dataclass(frozen=True)
class Loss:
    """A layer behind which the SQNR is ``lost_db`` lower than of what it reads; of its output."""

    name: str
    op: str
    sqnr_db: float
    lost_db: float


@dataclass(frozen=True)
class Measured:
    """What ``microformer validate`` measured on the board with some model, and what follows.

    ``factor`` is its cycles over their estimate; ``cycles`` and ``latency_ms`` are this model's
    estimate times that, at the clock that the firmware had.
    """

    board: str
    model: str
    measured_on: str
    factor: float
    clock_hz: int
    cycles: int
    latency_ms: float


SCHEMA_VERSION = 7
"""The version of the JSON record: 2 names the board and its flash and checks the whole firmware;
3 says ``calibrated``; 4 lists several ``outputs``; 5 names the layers of most ``losses``;
6 has what was ``measured`` on the board and its ``memories``; 7 says where ``ram`` goes, what the
arenas' ``buffers`` are, and of each layer its bytes and what it reads (docs/schema/report.json)."""


@dataclass(frozen=True)
class Report:
    """All figures of a run; null where there is no honest figure.

    ``cycles_kind``: "estimate" (instruction counts and a timing model), "cycle-exact" (RTL),
    "host" (latency is this machine's wall clock, never a claim), None (no timing model).
    ``accuracy_*`` in 0..1. ``sqnr_db`` compares the real outputs with the float model's; of
    several, which ``outputs`` lists then, it is the lowest. ``losses`` are the three layers behind
    which it falls most; what that costs at the output an audit tells.
    ``power_source`` says whose figure the power behind ``energy_mj`` is. All figures but
    ``features`` are of the network alone; ``features`` of its front end, if it has one.
    ``bit_exact`` is of the integers. ``firmware_exact`` is of what a user's firmware does: real
    values through the emitted quantiser, the program and the emitted dequantiser, all on the
    target, equal to ``predict`` in every byte of float32; ``firmware_samples`` began as float
    (None: the input has no scale), ``firmware_mismatches`` of all those that ran differ.
    None where there is neither (samples of a sensor). ``cycles`` are those with ``wait_states`` of
    the flash; ``board_cycles`` (and latency, energy) those with the board's own flash, as the
    model knows it; ``board_over_estimate`` is what two published models took on a board over the
    estimate at zero wait states (docs/timing.md), None of exact cycles. ``notes`` are sentences
    about what quantising could not do as well as one would expect.
    ``ram`` says where ``ram_bytes`` go, None of the host and of clusters. ``buffers`` are what
    the arena holds while which layers run; ``arena_least_bytes`` is the most that is alive at one
    layer, which no placement can go below. ``macs_per_cycle_limit`` is that of the instruction
    set's best inner loop, of all cores together.
    """

    model: str
    target: str
    softmax: str
    bit_exact: bool
    mismatches: int
    samples: int
    samples_run: int
    accuracy_float: float | None
    accuracy_int8: float | None
    sqnr_db: float | None
    cycles: int | None
    cycles_kind: str | None
    instructions: int | None
    latency_ms: float | None
    energy_mj: float | None
    macs: int
    macs_per_cycle: float | None
    flash_bytes: int | None
    ram_bytes: int | None
    stack_bytes: int | None
    arena_bytes: int
    weight_bytes: int
    calibrated: bool
    layers: tuple[LayerReport, ...]
    outputs: tuple[OutputReport, ...] = ()
    losses: tuple[Loss, ...] = ()
    power_source: str | None = None
    cluster: ClusterReport | None = None
    features: Features | None = None
    firmware_exact: bool | None = None
    firmware_samples: int | None = None
    firmware_mismatches: int = 0
    notes: tuple[str, ...] = ()
    board: str = ""
    clock_hz: int = 0
    wait_states: int = 0
    board_wait_states: int | None = None
    board_cycles: int | None = None
    board_latency_ms: float | None = None
    board_energy_mj: float | None = None
    board_over_estimate: tuple[float, float] | None = None
    measured: Measured | None = None
    memories: tuple[MemoryUse, ...] = ()
    ram: RamParts | None = None
    buffers: tuple[Buffer, ...] = ()
    arena_least_bytes: int = 0
    macs_per_cycle_limit: float | None = None
    tool_version: str = ""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """JSON text; what is not finite becomes null."""
        return to_json(self)

    @staticmethod
    def from_json(text: str | bytes) -> "Report":
        """The report that ``to_json`` wrote. Raises DataError for anything else."""
        try:
            return from_json(text, Report)
        except ValueError as error:
            raise DataError(f"It is no report of a run ({error}).") from None

    @property
    def exact(self) -> bool:
        """Whether every byte was right, of the integers and of the way from float to float."""
        return self.bit_exact and self.firmware_exact is not False

    def layer_costs(self) -> list[tuple[int | None, float | None]]:
        """(cycles, share of all) of each layer; instructions where the core has no cycles."""
        by_cycles = self.cycles is not None
        total = self.cycles if by_cycles else self.instructions
        costs = [layer.cycles if by_cycles else layer.instructions for layer in self.layers]
        return [(cost, cost / total if cost is not None and total else None) for cost in costs]

    def summary(self) -> list[tuple[str, str]]:
        """(what, figure): the few lines that tell most."""
        kind = f" ({self.cycles_kind})" if self.cycles_kind else ""
        ran = f"{count(self.samples_run)} samples run"
        lines = [("bit-exact", f"{'yes' if self.exact else 'NO'}, {ran}")]

        if self.accuracy_int8 is not None:
            pair = percent(self.accuracy_int8, 2), percent(self.accuracy_float, 2)
            lines.append(("accuracy", f"{pair[0]} in int8, {pair[1]} in float"))
        lines.append(("SQNR", f"{fixed(self.sqnr_db)} dB at the output"))
        if self.latency_ms is not None:
            lines.append(("latency", f"{span(self.latency_ms, 'ms')}{kind}"))
        if self.cycles is not None:
            lines.append(("cycles", f"{count(self.cycles)}{kind}"))
        elif self.instructions is not None:
            lines.append(("instructions", count(self.instructions)))
        if self.energy_mj is not None:
            lines.append(("energy", span(self.energy_mj, "mJ")))
        if self.flash_bytes is not None:
            names = ("L2", "L1") if self.cluster else ("flash", "RAM")
            lines.append((names[0], kib(self.flash_bytes)))
            lines.append((names[1], f"{kib(self.ram_bytes)}, arena {kib(self.arena_bytes)}"))
        return lines

    def table(self) -> list[dict[str, Any]]:
        """A dictionary a layer, as ``pandas.DataFrame`` takes them."""
        keys = ("name", "op", "shape", "kernel", "macs", "cycles", "instructions", "share")
        more = ("sqnr_db", "weight_bytes", "ram_bytes", "code_bytes", "dma_bytes")
        return [{key: getattr(layer, key) for key in (*keys, *more)} for layer in self.layers]

    def html(self, path: str | Path, *, force: bool = False) -> None:
        """Write the report as one HTML page that needs nothing else.

        Raises OutputError where the file exists (without ``force``) or cannot be written.
        """
        from microformer.report.html import report_page  # noqa: PLC0415  it reads this record

        write_whole(Path(path), report_page(self), force=force)

    def __repr__(self) -> str:
        figures = "\n".join(f"  {what:<12} {figure}" for what, figure in self.summary())
        return f"Report of {self.model} on {self.target}, {len(self.layers)} layers\n{figures}"

    def _repr_html_(self) -> str:
        rows = [
            (layer.name, layer.op, layer.shape, count(layer.cycles), fixed(layer.sqnr_db))
            for layer in self.layers
        ]
        heads = ("layer", "operation", "shape", "cycles", "SQNR, dB")
        title = f"{self.model} on {self.target}"
        return html_table(self.summary(), caption=title) + html_table(rows, heads, fold="layers")
