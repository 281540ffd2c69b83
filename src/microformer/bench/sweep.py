"""``microformer bench --sweep``: shapes side by side, and which cost far more than others."""

from collections.abc import Iterable
from dataclasses import dataclass

from microformer.bench import Row

__all__ = ["SWEEPS", "Cliff", "cliffs"]

STEEP = 1.6
"""How many times its neighbour's cycles a MAC a shape may take."""

SWEEPS: tuple[tuple[str, ...], ...] = (
    tuple(f"linear_R{r}_K64_N64" for r in (1, 2, 3, 4, 5, 8, 16, 17, 18)),
    tuple(f"linear_R64_K64_N{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 16)),
    tuple(f"linear_R64_K{k}_N64" for k in (3, 4, 5, 8, 12, 15, 16, 17, 32, 33, 48, 64, 65)),
    tuple(f"linear_R1_K{k}_N64" for k in (15, 16, 17, 32, 33, 64, 65)),
    tuple(f"conv_S16_C{c}_N16_K3" for c in (1, 2, 3, 4, 5, 8, 12, 16)),
    tuple(f"depthwise_S12_C{c}_K3" for c in (4, 5, 6, 7, 8, 9, 12, 15, 16, 17)),
    tuple(f"attention_S32_E32_H4_P{p}" for p in (1, 2, 3, 4, 5, 8, 12, 16)),
    tuple(f"scores_B2_R{r}_K32" for r in (7, 8, 9, 15, 16, 17)),
    tuple(f"square_B2_R{r}" for r in (15, 16, 17, 31, 32, 33)),
)
"""Shapes in which one size grows; neighbours in a sweep are compared."""


@dataclass(frozen=True)
class Cliff:
    """A row that takes ``ratio`` times the cycles a MAC of its better neighbour."""

    name: str
    neighbour: str
    ratio: float


def cliffs(rows: Iterable[Row]) -> tuple[Cliff, ...]:
    """What is more than ``STEEP`` times its better neighbour in its sweep."""
    known = {row.name: row.cycles_per_mac for row in rows if row.cycles_per_mac}
    found = []
    for sweep in SWEEPS:
        names = [name for name in sweep if name in known]
        for index, name in enumerate(names):
            beside = [n for n in names[max(index - 1, 0) : index + 2] if n != name]
            if not beside:
                continue
            best = min(beside, key=lambda n: known[n])
            ratio = known[name] / known[best]
            if ratio > STEEP:
                found.append(Cliff(name, best, ratio))
    return tuple(found)
