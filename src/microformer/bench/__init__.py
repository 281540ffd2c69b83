"""``microformer bench``: layers of known shapes, measured on a target, each checked bit-exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from microformer import pipeline
from microformer.bench.published import PUBLISHED, Published
from microformer.bench.rows import DEFAULT_ROWS
from microformer.bench.workloads import ROOM, workload
from microformer.errors import TargetError
from microformer.records import to_json
from microformer.targets import BOARD_OVER_ESTIMATE, Target, resized

__all__ = ["DEFAULT_ROWS", "Bench", "Row", "bench"]


@dataclass(frozen=True)
class Row:
    """One measured layer. Null where the target has no timing model or the row no MACs.

    ``limit_ratio`` is MAC/cycle over that of the instruction set's best inner loop.
    ``ram_bytes`` is the arena: everything beyond input and output. ``code_bytes`` is the hot code,
    the largest function that ran (a kernel, or a phase of one); ``code_bytes_total`` is that of
    all of the row's functions. ``cycles_per_output`` is for rows without MACs.

    On a cluster: ``weights`` says where they lie, "l1" or "l2"; ``l1_bytes`` are all that the
    program occupies there, ``bytes_moved`` by DMA; ``conflicts`` are cycles of all cores that
    lost a bank of L1; shares are as in the report. ``cycle_shares`` of each kernel add up to 1.
    """

    name: str
    kernels: tuple[str, ...]
    bit_exact: bool
    cycles: int | None
    instructions: int | None
    macs: int
    macs_per_cycle: float | None
    cycles_per_mac: float | None
    instructions_per_mac: float | None
    cycles_per_output: float | None
    limit_ratio: float | None
    ram_bytes: int
    weight_bytes: int
    code_bytes: int | None
    code_bytes_total: int | None
    weights: str | None
    l1_bytes: int | None
    bytes_moved: int | None
    conflicts: int | None
    dma_busy_share: float | None
    dma_wait_share: float | None
    simulated_khz: float | None
    cycle_shares: dict[str, float]
    published: tuple[Published, ...]


@dataclass(frozen=True)
class LeftOut:
    """A row that was not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Bench:
    """All rows of a run; those that do not fit with their weights in L1 are left out."""

    target: str
    cores: int
    cycles_kind: str | None
    wait_states: int
    board_over_estimate: tuple[float, ...]
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...] = ()

    def to_json(self) -> str:
        """JSON text."""
        return to_json(self)


def bench(
    names: Sequence[str],
    target: Target,
    *,
    isas: tuple[str, ...] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Bench:
    """Measure the rows ``names`` on ``target``; ``isas`` overrides its instruction sets.

    Raises DataError for a name that is none, TargetError for the host, which has no cycles. Of
    several rows, those whose weights do not fit into L1 where they are wanted there are left out.
    """
    if target.is_host:
        raise TargetError("The host's clock is no measure of a kernel; choose an emulated core.")
    graphs = [workload(name) for name in names]
    roomy = target if target.is_cluster else resized(target, code_bytes=ROOM, data_bytes=ROOM)
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    kind = None
    for index, (name, graph) in enumerate(zip(names, graphs, strict=True)):
        if progress is not None:
            progress(index, len(names), name)
        shape = graph.tensors["x"].shape
        x = np.random.default_rng(index).integers(-128, 128, (2, *shape)).astype(np.int8)
        try:
            made = pipeline.measure_graph(graph, x, roomy, isas=isas)
        except TargetError as error:
            if not (target.weights == "l1" and len(names) > 1):
                raise
            left_out.append(LeftOut(name, str(error)))
            continue
        kind = made.result.cycles_kind
        rows.append(_row(name, target, made))
    if progress is not None:
        progress(len(names), len(names), "")
    return Bench(
        *(target.name, target.cores, kind, target.flash.wait_states, BOARD_OVER_ESTIMATE),
        *(tuple(rows), tuple(left_out)),
    )


def _row(name: str, target: Target, made: pipeline.Measurement) -> Row:
    result, project, shared = made.result, made.project, made.result.cluster
    macs = sum(layer.macs for layer in project.layers)
    cycles = result.cycles
    per_cycle = macs / cycles if cycles and macs else None
    limit = target.most_macs_per_cycle
    hot = [layer.hot_bytes for layer in result.layers if layer.hot_bytes is not None]
    code = [layer.code_bytes for layer in result.layers if layer.code_bytes is not None]
    return Row(
        name=name,
        kernels=tuple(dict.fromkeys(layer.kernel for layer in project.layers)),
        bit_exact=made.bit_exact,
        cycles=cycles,
        instructions=result.instructions,
        macs=macs,
        macs_per_cycle=per_cycle,
        cycles_per_mac=1 / per_cycle if per_cycle else None,
        instructions_per_mac=_over(result.instructions, macs),
        cycles_per_output=_over(cycles, project.output_size) if not macs else None,
        limit_ratio=per_cycle / limit if per_cycle and limit else None,
        ram_bytes=project.arena_bytes,
        weight_bytes=project.weight_bytes,
        code_bytes=max(hot, default=None),
        code_bytes_total=sum(code) if code else None,
        weights=target.weights if shared else None,
        l1_bytes=made.image.ram_bytes if shared else None,
        bytes_moved=shared.dma_bytes if shared else None,
        conflicts=sum(core.conflicts for core in result.cores) if shared else None,
        dma_busy_share=_over(shared.dma_busy, cycles or 0) if shared else None,
        dma_wait_share=result.dma_wait_share,
        simulated_khz=shared.simulated_khz if shared else None,
        cycle_shares=_shares(made),
        published=PUBLISHED.get((target.name, name), ()),
    )


def _shares(made: pipeline.Measurement) -> dict[str, float]:
    """Of the cycles of all layers, those of each kernel; empty where there are none."""
    spent: dict[str, float] = {}
    for layer, measured in zip(made.project.layers, made.result.layers, strict=True):
        spent[layer.kernel] = spent.get(layer.kernel, 0) + (measured.cycles or 0)
    total = sum(spent.values())
    return {kernel: cycles / total for kernel, cycles in spent.items()} if total else {}


def _over(value: int | None, count: int) -> float | None:
    return value / count if value is not None and count else None
