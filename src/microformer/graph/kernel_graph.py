"""KernelGraph: what ``lower`` makes. Every node is one call of one C function."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from microformer.graph.tensor import Tensor

ArgKind = Literal["in", "out", "const", "int", "scratch", "null"]


@dataclass(frozen=True)
class Arg:
    """One C argument: a buffer or constant by tensor name, an integer, scratch, or NULL."""

    kind: ArgKind
    value: str | int = ""


@dataclass(frozen=True)
class KernelCall:
    """One call. ``inputs`` are activation tensors read, ``output`` the one written.

    ``inplace`` lists the inputs (by name) whose buffer the output may take over, because the
    kernel reads each element before it writes it. ``scratch_bytes`` are 8-byte aligned working
    memory, free before and after. ``node`` is the IntGraph node it does.
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

    def __str__(self) -> str:
        args = ", ".join(str(a.value) if a.value != "" else a.kind for a in self.args)
        return f"{self.symbol}({args})  # {self.name}, {self.macs} MAC, {self.scratch_bytes} B"


@dataclass(frozen=True)
class View:
    """A tensor that is a part of another's buffer, ``offset`` bytes in."""

    base: str
    offset: int


@dataclass(frozen=True, eq=False)
class KernelGraph:
    """Calls in execution order; ``tensors`` holds activations and (packed) constants.

    ``views`` maps tensors that need no buffer of their own to the buffer that they live in
    (never a chain: ``base`` is a buffer). An activation that is neither in ``views`` nor an input
    or output of the graph gets an arena buffer from ``plan``.
    """

    name: str
    target: str
    tensors: Mapping[str, Tensor]
    views: Mapping[str, View]
    calls: tuple[KernelCall, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cores: int = 1

    def buffer(self, name: str) -> str:
        """The name of the buffer that tensor ``name`` lives in."""
        return self.views[name].base if name in self.views else name

    def __str__(self) -> str:
        lines = [f"kernel graph {self.name} for {self.target}"]
        lines += [f"  {c}" for c in self.calls]
        lines += [f"  view {n} = {v.base} + {v.offset}" for n, v in self.views.items()]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Plan:
    """A KernelGraph with places: ``offsets`` of buffers in the arena, scratch, and the peak.

    ``lifetimes`` gives for each buffer the first and the last call (inclusive) that need it.
    Scratch of call i lies at ``scratch_offsets[i]`` (-1 where it has none).
    """

    graph: KernelGraph
    offsets: Mapping[str, int]
    lifetimes: Mapping[str, tuple[int, int]]
    scratch_offsets: tuple[int, ...]
    arena_bytes: int

    def __str__(self) -> str:
        lines = [f"plan {self.graph.name}: arena {self.arena_bytes} B"]
        for name, offset in sorted(self.offsets.items(), key=lambda item: item[1]):
            first, last = self.lifetimes[name]
            size = self.graph.tensors[name].nbytes
            lines.append(f"  {offset:8d} +{size:<8d} calls {first}..{last}  {name}")
        return "\n".join(lines)
