"""KernelGraph: what ``lower`` makes. Every node is one call of one C function."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from microformer.graph.int_graph import Node, ProgramKind
from microformer.graph.tensor import Tensor
from microformer.targets import Target

ArgKind = Literal["in", "out", "const", "int", "scratch", "null"]


@dataclass(frozen=True)
class Arg:
    """One C argument: a buffer or constant by tensor name, an integer, scratch, or NULL."""

    kind: ArgKind
    value: str | int = ""


@dataclass(frozen=True)
class Span:
    """Bytes of a tensor: ``rows`` runs of ``width`` bytes, ``pitch`` bytes from run to run."""

    offset: int
    width: int
    rows: int = 1
    pitch: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes in all runs."""
        return self.width * self.rows

    @property
    def dense(self) -> bool:
        """True if the runs follow each other without a gap."""
        return self.rows == 1 or self.pitch == self.width


@dataclass(frozen=True)
class Operand:
    """An operand of a call that is done tile by tile; ``tensor`` is read, or written if ``out``.

    Tile i works on ``spans[i]`` of it. ``buffers`` are offsets in the call's scratch to which
    spans are copied, run behind run: as many as ``buffering`` says, or one where all tiles see
    the same bytes. Without buffers the call works where the operand lies, in L1.
    """

    tensor: str
    out: bool
    spans: tuple[Span, ...]
    buffers: tuple[int, ...]

    @property
    def buffer_bytes(self) -> int:
        """Bytes of one staging buffer."""
        return max(span.nbytes for span in self.spans)


@dataclass(frozen=True)
class Tiling:
    """How a call with operands in L2 is done tile by tile of its output's rows.

    ``integers[i]`` are the integer arguments of tile i in order. With ``buffering`` 2 tiles use two
    staging buffers by turns, and copies go on while a tile is computed. ``constants`` lie in
    L1 for all tiles, at offsets in the call's scratch, which begins with the ``kernel_bytes``
    that the kernel itself needs. ``cycles`` is what the planner expects of the whole call.
    """

    integers: tuple[tuple[int, ...], ...]
    operands: tuple[Operand, ...]
    constants: tuple[tuple[str, int], ...]
    kernel_bytes: int
    cycles: float
    buffering: int = 2

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.integers)


@dataclass(frozen=True)
class KernelCall:
    """One call. ``inputs`` are activation tensors read, ``output`` the one written.

    ``inplace`` lists the inputs (by name) whose buffer the output may take over, because the
    kernel reads each element before it writes it. ``scratch_bytes`` are 8-byte aligned working
    memory, free before and after. ``node`` is the operation that it does whole; None for a
    copy. ``tiling`` (made by ``plan``) says how it is done tile by tile. ``streams``,
    ``all_cores`` and ``pitched`` are what the registry says of the kernel.
    """

    name: str
    op: str
    symbol: str
    args: tuple[Arg, ...]
    inputs: tuple[str, ...]
    output: str
    scratch_bytes: int
    macs: int
    shape: str
    inplace: tuple[str, ...] = ()
    node: Node | None = None
    tiling: Tiling | None = None
    streams: bool = False
    all_cores: bool = False
    pitched: bool = False

    def __str__(self) -> str:
        args = ", ".join(str(a.value) if a.value != "" else a.kind for a in self.args)
        tiles = "" if self.tiling is None else f", {self.tiling.count} tiles"
        work = f"{self.macs} MAC, {self.scratch_bytes} B{tiles}"
        return f"{self.symbol}({args})  # {self.name}, {work}"


@dataclass(frozen=True)
class View:
    """A tensor that is a part of another's buffer, ``offset`` bytes in."""

    base: str
    offset: int


@dataclass(frozen=True, eq=False, repr=False)
class KernelGraph:
    """Calls in execution order; ``tensors`` holds activations and (packed) constants.

    ``views`` maps tensors that need no buffer of their own to the buffer that they live in
    (never a chain: ``base`` is a buffer). An activation that is neither in ``views`` nor an input
    or output of the graph gets an arena buffer from ``plan``. ``states`` are pairs of an input and
    the output that it is in the next call.
    """

    name: str
    target: Target
    tensors: Mapping[str, Tensor]
    views: Mapping[str, View]
    calls: tuple[KernelCall, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kind: ProgramKind = "network"
    states: tuple[tuple[str, str], ...] = ()

    def buffer(self, name: str) -> str:
        """The name of the buffer that tensor ``name`` lives in."""
        return self.views[name].base if name in self.views else name

    def __repr__(self) -> str:
        macs = sum(call.macs for call in self.calls)
        what = f"{self.name} for {self.target.name}"
        return f"KernelGraph {what}, {len(self.calls)} calls, {macs:,} MAC"

    def __str__(self) -> str:
        lines = [f"kernel graph {self.name} for {self.target.name}"]
        lines += [f"  {c}" for c in self.calls]
        lines += [f"  view {n} = {v.base} + {v.offset}" for n, v in self.views.items()]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A KernelGraph with places: ``offsets`` of buffers in the arena, scratch, and the peak.

    ``lifetimes`` gives for each buffer the first and the last call (inclusive) that need it.
    Scratch of call i lies at ``scratch_offsets[i]`` (-1 where it has none). On a cluster the arena
    is in L1; what does not fit there has a place in a second arena in L2 (``l2_offsets``,
    ``l2_bytes``); ``caller_l2`` are those of the graph's inputs and outputs that the caller
    keeps in L2. A microcontroller's second RAM is described as L2 is. ``l1_constants`` are
    constants that lie in L1 at all times.
    """

    graph: KernelGraph
    offsets: Mapping[str, int]
    lifetimes: Mapping[str, tuple[int, int]]
    scratch_offsets: tuple[int, ...]
    arena_bytes: int
    l2_offsets: Mapping[str, int] = field(default_factory=dict)
    l2_bytes: int = 0
    caller_l2: frozenset[str] = frozenset()
    l1_constants: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        size = f"arena {self.arena_bytes:,} B, second {self.l2_bytes:,} B"
        return f"Plan {self.graph.name}, {len(self.offsets)} buffers, {size}"

    def __str__(self) -> str:
        lines = [f"plan {self.graph.name}: arena {self.arena_bytes} B"]
        lines += self._lines(self.offsets)
        if self.l2_bytes or self.caller_l2:
            lines.append(f"in L2: arena {self.l2_bytes} B, {sorted(self.caller_l2)}")
            lines += self._lines(self.l2_offsets)
        return "\n".join(lines)

    def _lines(self, offsets: Mapping[str, int]) -> list[str]:
        lines = []
        for name, offset in sorted(offsets.items(), key=lambda item: item[1]):
            first, last = self.lifetimes[name]
            size = self.graph.tensors[name].nbytes
            lines.append(f"  {offset:8d} +{size:<8d} calls {first}..{last}  {name}")
        return lines
