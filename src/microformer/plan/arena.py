"""Greedy placement of blocks with lifetimes: largest first, at the lowest free offset.

The heuristic is "greedy by size" of Pisarchyk and Lee, Efficient Memory Management for Deep
Neural Net Inference, 2020, section 5.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from microformer.kernels.costs import round8


@dataclass(frozen=True)
class Block:
    """Memory that is needed from call ``first`` to call ``last``, both inclusive."""

    first: int
    last: int
    size_bytes: int

    def extended(self, last: int) -> "Block":
        """The same block, needed until ``last`` at least."""
        return replace(self, last=max(self.last, last))

    def meets(self, other: "Block") -> bool:
        """True if both are needed at some call."""
        return self.first <= other.last and other.first <= self.last


def place(blocks: Mapping[str, Block]) -> tuple[dict[str, int], int]:
    """Offsets in bytes by name, multiples of 8, and the peak.

    Deterministic: of equal sizes the first call decides, then the name.
    """
    order = sorted(blocks, key=lambda n: (-blocks[n].size_bytes, blocks[n].first, n))
    offsets: dict[str, int] = {}
    peak = 0
    for name in order:
        block = blocks[name]
        taken = sorted(
            (offsets[other], offsets[other] + blocks[other].size_bytes)
            for other in offsets
            if blocks[other].meets(block)
        )
        offset = 0
        for start, end in taken:
            if offset + block.size_bytes <= start:
                break
            offset = max(offset, round8(end))
        offsets[name] = offset
        peak = max(peak, offset + block.size_bytes)
    return offsets, peak
