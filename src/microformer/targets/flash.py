"""What fetching instructions from flash costs: wait states, and a cache before them."""

from dataclasses import dataclass

from microformer.targets.strict import Strict


@dataclass(frozen=True)
class Flash(Strict):
    """``wait_states`` cycles of the core a line of ``line_bytes`` that is not in the cache.

    ``cache_bytes`` is the instruction cache's size. Code of a layer that fits is fetched once a
    layer; of code that does not fit, every line of every block is taken for a miss (the worst of
    a cache that replaces the oldest). Reads of constants are not counted. docs/timing.md.
    """

    wait_states: int = 0
    line_bytes: int = 32
    cache_bytes: int = 0

    def cycles(self, blocks: list[tuple[int, int, int]]) -> int:
        """Stall cycles of a layer: ``blocks`` are (address, bytes, times run)."""
        if not self.wait_states:
            return 0
        once: set[int] = set()
        always = 0
        for address, size, count in blocks:
            first, last = address // self.line_bytes, (address + size - 1) // self.line_bytes
            once.update(range(first, last + 1))
            always += count * (last - first + 1)
        fits = len(once) * self.line_bytes <= self.cache_bytes
        return self.wait_states * (len(once) if fits else always)


BOARD_OVER_ESTIMATE = (1.38, 1.40)
"""Measured on a board over predicted at zero wait states, two published models (docs/timing.md)."""

NO_WAITS = Flash()
"""The default: fetching costs nothing, as from tightly coupled memory."""
