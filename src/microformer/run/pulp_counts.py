"""What the simulator of a cluster wrote of a sample (build/machine/main.cpp), made sense of."""

from dataclasses import dataclass, field
from pathlib import Path

from microformer.graph.project import ClusterCount, CoreCount, LayerCount
from microformer.run.firmware import Firmware

OUTSIDE, MODEL, FIRST_LAYER = 0, 1, 2
"""Owners of cycles; layer i has number FIRST_LAYER + i."""


@dataclass
class Owner:
    """Counts while one owner had control: of each core as CoreCount has them, and of the DMA."""

    cores: list[list[int]] = field(default_factory=list)
    dma_busy: int = 0
    dma_bytes: int = 0
    code: list[int] = field(default_factory=list)


@dataclass
class Counts:
    """Cycles of the inference and of all that was simulated, owners, bytes of stack by core."""

    cycles: int = 0
    simulated: int = 0
    owners: list[Owner] = field(default_factory=list)
    stack: list[int] = field(default_factory=lambda: [0])

    def instructions(self) -> int:
        """The counts of all cores, in the model and its layers."""
        return sum(core[1] for owner in self.owners[MODEL:] for core in owner.cores)

    def layer(self, number: int, symbol: str, firmware: Firmware) -> LayerCount:
        """The counts of one layer; None everywhere if it left no trace."""
        if number + FIRST_LAYER >= len(self.owners):
            return LayerCount(symbol, None, None)
        owner = self.owners[number + FIRST_LAYER]
        sizes = {
            f.begin: f.end - f.begin
            for f in firmware.functions.values()
            if any(f.begin <= at < f.end for at in owner.code)
        }
        return LayerCount(
            symbol,
            cycles=owner.cores[0][0],
            instructions=sum(core[1] for core in owner.cores),
            code_bytes=sum(sizes.values()),
            hot_bytes=max(sizes.values(), default=None),
            dma_bytes=owner.dma_bytes,
        )

    def cores(self) -> tuple[CoreCount, ...]:
        """Sums over the model and its layers."""
        inside = self.owners[MODEL:]
        count = len(inside[0].cores)
        each = [[owner.cores[core] for owner in inside] for core in range(count)]
        return tuple(CoreCount(*map(sum, zip(*rows, strict=True))) for rows in each)

    def cluster(self, seconds: float) -> ClusterCount:
        """What the cores share; the simulator took ``seconds``."""
        inside = self.owners[MODEL:]
        return ClusterCount(
            dma_bytes=sum(owner.dma_bytes for owner in inside),
            dma_busy=sum(owner.dma_busy for owner in inside),
            simulated_khz=self.simulated / max(seconds, 1e-3) / 1e3,
        )


def read_counts(path: Path) -> Counts:
    """The file ``counts.txt``."""
    counts = Counts()
    owners = counts.owners
    for line in path.read_text("utf-8").splitlines():
        key, *values = line.split()
        match key:
            case "total":
                counts.cycles = int(values[0])
            case "simulated":
                counts.simulated = int(values[0])
            case "layer":
                owners.append(Owner(dma_busy=int(values[1]), dma_bytes=int(values[2])))
            case "core":
                owners[-1].cores.append([int(v) for v in values])
            case "code":
                owners[-1].code = [int(v, 16) for v in values]
            case "stack":
                counts.stack = [int(v) for v in values]
    return counts
