"""What the registry says of one kernel, and of one instruction set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from microformer.graph.ops import Op
from microformer.graph.tensor import Array, Tensor
from microformer.kernels.costs import Bytes, Cycles, Fits, always, no_scratch
from microformer.kernels.signatures import Operands
from microformer.kernels.work import Works, general

_ROOT = Path(__file__).parent

Packed = Mapping[str, Array | None]
"""New constants by the tensor's name; None for one that the kernel no longer reads."""

Pack = Callable[[Op, Operands], Packed]


@dataclass(frozen=True)
class Kernel:
    """One C function.

    ``family`` is the operator, which fixes its arguments (signatures.py); ``isa`` the instruction
    set. ``work`` counts what its cycles are made of, which have prices on cores that were measured
    (prices.py); ``cost`` is a rough count of cycles of one core for the others, good for choosing
    between kernels and tiles and for nothing else. ``fits`` tells the nodes that it can do.
    ``scratch`` gives its working memory in bytes, 8-byte aligned; ``l1_scratch``, if less is
    needed, that where all constants lie in L1. All three are asked with the machine in hand.

    ``inplace`` are the operands whose buffer may also be the output's, provided that they are of
    its size and type. ``all_cores``: every core of a cluster calls it with the same arguments and
    does its share; of others core 0 does all. ``pitched``: it reads and writes rows at pitches that
    are arguments, so that its operands may have gaps. ``streams``: it brings what lies in L2 and
    takes it there on its own. ``weighed``: ``fits`` has seen to it that what it needs lies in L1,
    and less would not be faster. ``pack`` gives constants in another order, by name.
    """

    symbol: str
    family: str
    cost: Cycles
    isa: str = field(kw_only=True)
    work: Works = field(default=general, kw_only=True)
    fits: Fits = field(default=always, kw_only=True)
    scratch: Bytes = field(default=no_scratch, kw_only=True)
    l1_scratch: Bytes | None = field(default=None, kw_only=True)
    inplace: tuple[int, ...] = field(default=(), kw_only=True)
    pack: Pack | None = field(default=None, kw_only=True)
    all_cores: bool = field(default=False, kw_only=True)
    pitched: bool = field(default=False, kw_only=True)
    streams: bool = field(default=False, kw_only=True)
    weighed: bool = field(default=False, kw_only=True)

    def inplace_operands(self, inputs: Operands, output: Tensor) -> tuple[str, ...]:
        """Names of the activations whose buffer the output may take over."""
        shared = [t for i, t in enumerate(inputs) if i in self.inplace and t is not None]
        alike = [t for t in shared if (t.nbytes, t.dtype) == (output.nbytes, output.dtype)]
        return tuple(t.name for t in alike if t.data is None)


@dataclass(frozen=True)
class Isa:
    """An instruction set: its kernels, and the folder of their C files.

    Private headers lie in ``parts/`` of the folder. Buffers are laid out for ``max_cores`` at most.
    """

    name: str
    folder: Path
    kernels: tuple[Kernel, ...]
    max_cores: int = 1
