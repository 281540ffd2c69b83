"""A block of instructions, and what a timing model says of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

_WIDE = 0b11101  # halfwords whose five top bits are this or more begin a 32-bit instruction


@dataclass(frozen=True)
class Block:
    """A run of Thumb or RISC-V instructions entered at its first and left at its last."""

    address: int
    code: bytes
    riscv: bool = False

    @property
    def end(self) -> int:
        """Address of the byte after the block."""
        return self.address + len(self.code)

    @cached_property
    def instruction_offsets(self) -> tuple[int, ...]:
        """Where each begins, 16 or 32 bits long.

        Thumb tells it by the first five bits (Armv7-M ARM A5.1), RISC-V by the last two
        (unprivileged architecture, 1.5).
        """
        offset, offsets = 0, []
        while offset < len(self.code):
            offsets.append(offset)
            if self.riscv:
                offset += 4 if self.code[offset] & 3 == 3 else 2
            else:
                offset += 4 if self.code[offset + 1] >> 3 >= _WIDE else 2
        return tuple(offsets)

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """(address, bytes) of each instruction."""
        for begin, end in pairwise((*self.instruction_offsets, len(self.code))):
            yield self.address + begin, self.code[begin:end]

    @property
    def instructions(self) -> int:
        """How many instructions."""
        return len(self.instruction_offsets)


class Timing(Protocol):
    """Cycles of blocks: what comes from going into one, and from leaving one.

    ``mispredicted`` is the cost of a branch that went the other way than it mostly goes, 0 on a
    core that predicts none.
    """

    mispredicted: int

    def entry_cycles(self, block: Block, fallen_from: Block | None) -> int:
        """Cycles of the block but for the branch that ends it.

        ``fallen_from`` is the block before it in memory if control came from there without a
        branch (loads pipeline across that border), else None.
        """

    def exit_cycles(self, block: Block, *, taken: bool) -> int:
        """Cycles of the branch that ends the block (0 if none does), ``taken`` or not."""
