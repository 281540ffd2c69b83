"""What the registry says of one kernel."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import Bytes, Cycles, Fits, always, no_scratch
from microformer.kernels.pack import Packed
from microformer.kernels.signatures import Operands

_ROOT = Path(__file__).parent

Pack = Callable[[Op, Operands], Packed]


@dataclass(frozen=True)
class Kernel:
    """One C function.

    ``family`` fixes its arguments (signatures.py). ``cost`` is a rough count of cycles on a
    Cortex-M4, good for choosing and for nothing else. ``scratch`` gives its working memory in
    bytes, 8-byte aligned; ``near_scratch``, if less is needed, that where all constants lie in L1.
    ``inplace`` are the operands whose buffer may also be the output's, provided that they are of
    its size and type. ``streams``: a cluster's kernel that brings what lies in L2 and takes it
    there on its own. ``weighed``: ``fits`` has seen to it that what it needs lies in L1, and less
    would not be faster. ``pack`` gives constants in another order, by name.
    """

    symbol: str
    family: str
    isa: str
    cost: Cycles
    fits: Fits = always
    scratch: Bytes = no_scratch
    near_scratch: Bytes | None = None
    inplace: tuple[int, ...] = ()
    pack: Pack | None = None
    streams: bool = False
    weighed: bool = False

    def header(self) -> Path:
        """The C file."""
        return _ROOT / self.isa / f"{self.symbol}.h"

    def inplace_operands(self, inputs: Operands, output: Tensor) -> tuple[str, ...]:
        """Names of the activations whose buffer the output may take over."""
        shared = [t for i, t in enumerate(inputs) if i in self.inplace and t is not None]
        alike = [t for t in shared if (t.nbytes, t.dtype) == (output.nbytes, output.dtype)]
        return tuple(t.name for t in alike if t.data is None)
