"""A run on a cluster: the counters of its cores as shares, and the table that shows them."""

from collections.abc import Iterable

from microformer.graph.project import CoreCount, Image, RunResult
from microformer.page.columns import Column, FittedTable
from microformer.report.record import ClusterReport, CoreReport


def cluster_report(image: Image, result: RunResult) -> ClusterReport | None:
    """None where the run was not on a cluster."""
    cluster, wait_share = result.cluster, result.dma_wait_share
    if cluster is None or wait_share is None or not result.cycles:
        return None
    return ClusterReport(
        cores=tuple(_core(core) for core in result.cores),
        l1_bytes=image.ram_bytes,
        l2_bytes=image.flash_bytes,
        dma_bytes=cluster.dma_bytes,
        dma_busy_share=cluster.dma_busy / result.cycles,
        dma_wait_share=wait_share,
        simulated_khz=cluster.simulated_khz,
    )


def _core(core: CoreCount) -> CoreReport:
    waits = (core.busy, core.conflicts, core.l2, core.barrier, core.dma)
    return CoreReport(core.cycles, core.instructions, *(w / core.cycles for w in waits))


def core_table(cluster: ClusterReport) -> FittedTable:
    """One row a core: where its cycles went."""
    cores = cluster.cores

    def share(heading: str, values: Iterable[float], rank: int) -> Column:
        return Column(heading, [f"{value:.1%}" for value in values], True, rank)

    return FittedTable(
        (
            Column("core", [str(number) for number in range(len(cores))], True),
            Column("cycles", [f"{core.cycles:,}" for core in cores], True),
            Column("instr.", [f"{core.instructions:,}" for core in cores], True, 6),
            share("busy", (core.busy for core in cores), 0),
            share("L1 bank", (core.conflicts for core in cores), 4),
            share("L2", (core.l2 for core in cores), 3),
            share("barrier", (core.barrier for core in cores), 1),
            share("DMA", (core.dma for core in cores), 2),
        ),
        elsewhere="--json has them",
    )


def cluster_rows(cluster: ClusterReport) -> list[tuple[str, str]]:
    """The figures below the tables that a cluster has."""
    return [
        (
            "DMA",
            f"{cluster.dma_bytes:,} B moved, at work in {cluster.dma_busy_share:.1%} of cycles",
        ),
        ("waiting for it", f"{cluster.dma_wait_share:.1%} of cycles"),
        ("simulation", f"{cluster.simulated_khz:.0f} kHz"),
    ]
