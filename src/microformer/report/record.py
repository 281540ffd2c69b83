"""The figures of one run, as plain data."""

from dataclasses import dataclass

from microformer.graph.project import MemoryUse
from microformer.records import to_json
from microformer.report.features import Features


@dataclass(frozen=True)
class LayerReport:
    """One row of the layer table. ``share`` is of all cycles; ``sqnr_db`` against float.

    ``dma_bytes`` were moved by a cluster's DMA engine.
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
    sqnr_db: float


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


SCHEMA_VERSION = 6
"""The version of the JSON record: 2 names the board and its flash and checks the whole firmware;
3 says ``calibrated``; 4 lists several ``outputs``; 5 names the layers of most ``losses``;
6 has what was ``measured`` on the board and its ``memories`` (docs/schema/report.json)."""


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
    tool_version: str = ""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """JSON text; what is not finite becomes null."""
        return to_json(self)
