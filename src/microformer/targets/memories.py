"""Memories: where they lie, how large they are, what may lie there."""

from dataclasses import dataclass
from typing import Literal

from microformer.targets.strict import Strict

Holds = Literal["code", "constants", "data"]


@dataclass(frozen=True)
class Memory(Strict):
    """Bytes of the address space from ``origin`` on.

    ``name`` is the chip's own, and ``holds`` what may lie there; both are empty where a record
    has only the two memories that it needs.
    """

    origin: int
    size_bytes: int
    name: str = ""
    holds: tuple[Holds, ...] = ()

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.origin + self.size_bytes

    @property
    def volatile(self) -> bool:
        """Whether what lies there must be copied there at start: it holds data or code alone."""
        return "constants" not in self.holds

    def has(self, address: int) -> bool:
        """Whether ``address`` lies in it."""
        return 0 <= address - self.origin < self.size_bytes


@dataclass(frozen=True)
class FlatMemory(Strict):
    """A microcontroller's: code and constants in ``flash``, buffers and the stack in ``ram``.

    ``others`` are further ones, apart from both.
    """

    flash: Memory
    ram: Memory
    others: tuple[Memory, ...] = ()


@dataclass(frozen=True)
class ClusterMemory(Strict):
    """A cluster's: buffers and stacks in ``l1``, which all cores share; code, constants and what
    does not fit in ``l2``, behind a DMA engine."""

    l1: Memory
    l2: Memory
