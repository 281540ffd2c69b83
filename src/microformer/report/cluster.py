"""A run on a cluster: the counters of its cores as shares, and the table that shows them."""

from rich import box
from rich.table import Table

from microformer.graph.project import CoreCount, Image, RunResult
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


def core_table(cluster: ClusterReport) -> Table:
    """One row a core: where its cycles went."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("core", "cycles", "instr.", "busy", "L1 bank", "L2", "barrier", "DMA"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, core in enumerate(cluster.cores):
        shares = (core.busy, core.conflicts, core.l2, core.barrier, core.dma)
        counts = (str(number), f"{core.cycles:,}", f"{core.instructions:,}")
        table.add_row(*counts, *(f"{share:.1%}" for share in shares))
    return table


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
