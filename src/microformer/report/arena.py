"""What an arena holds while each layer runs: how much of it is alive, and the most of that."""

from collections.abc import Sequence

from microformer.graph.project import Buffer


def alive_bytes(buffers: Sequence[Buffer], memory: str = "arena") -> list[int]:
    """Bytes that are needed while layer 0, 1, ... runs. Bytes that two buffers share count once."""
    mine = [b for b in buffers if b.memory == memory]
    layers = max((b.last for b in mine), default=-1) + 1
    counts = []
    for layer in range(layers):
        end = total = 0
        for buffer in sorted(mine, key=lambda b: b.offset):
            if not buffer.first <= layer <= buffer.last:
                continue
            over = buffer.offset + buffer.size_bytes
            total += max(over - max(end, buffer.offset), 0)
            end = max(end, over)
        counts.append(total)
    return counts


def least_bytes(buffers: Sequence[Buffer], memory: str = "arena") -> int:
    """The most bytes that are alive at one layer: no placement needs less."""
    return max(alive_bytes(buffers, memory), default=0)
