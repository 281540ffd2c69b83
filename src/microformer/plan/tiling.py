"""Tiles of a call with operands in L2: how large, by a model of what copying and computing cost.

The figures of the DMA engine are those of docs/cluster.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from microformer.graph.kernel_graph import KernelCall, Operand, Span, Tiling
from microformer.graph.tensor import Tensor
from microformer.kernels.costs import round8
from microformer.plan.cut import Cut, Piece, cuts
from microformer.targets import Target

_START, _ROW, _BYTES = 24, 2, 8  # cycles a transfer and a further row; bytes a cycle
_TILE_CYCLES = 500  # barrier, waiting, starting copies, entering the kernel
_TILE_ROWS = 4  # of a matrix product


@dataclass(frozen=True)
class Choice:
    """A tile size with what it needs of L1 and the cycles that it is expected to take."""

    rows: int
    l1_constants: bool
    buffering: int
    nbytes: int
    cycles: float


class TilingSpace:
    """The ways in which one call, cut by ``cut``, can be tiled with its tensors ``in_l2``."""

    def __init__(
        self,
        cut: Cut,
        call: KernelCall,
        tensors: Mapping[str, Tensor],
        in_l2: frozenset[str],
        cores: int,
        l1_constants: frozenset[str] = frozenset(),
    ) -> None:
        self._call, self._tensors, self._cores = call, tensors, cores
        self._cut = cut
        self._known: dict[tuple[int, int], Piece] = {}
        named = [(str(a.value), a.kind) for a in call.args if a.kind in {"in", "out", "const"}]
        cut_names = self._cut.piece(0, self._cut.rows, frozenset()).spans.keys()
        self._staged = frozenset(
            name
            for name, kind in named
            if name in in_l2 or (kind == "const" and name in cut_names and name not in l1_constants)
        )
        self._moved = tuple(dict.fromkeys(n for n, _ in named if n in self._staged))
        self._in_l1 = tuple(  # operands that stay in L1, but are cut
            dict.fromkeys(n for n, _ in named if n in cut_names and n not in self._staged)
        )
        whole = {n for n, kind in named if kind == "in" and n not in cut_names}
        self._whole_bytes = sum(tensors[n].nbytes for n in whole)
        stay = {*cut_names, *l1_constants}
        constants = (n for n, kind in named if kind == "const" and n not in stay)
        self._constants = tuple(dict.fromkeys(constants))

    @cached_property
    def choices(self) -> list[Choice]:
        """All of them, the quickest first."""
        made = [
            self._choice(rows, in_l1, buffering)
            for rows in self._sizes()
            for in_l1 in ((False, True) if self._constants else (False,))
            for buffering in ((2, 1) if rows < self._cut.rows else (1,))
            if self._allowed(rows)
        ]
        return sorted(made, key=lambda c: (c.cycles, c.nbytes))

    def best(self, room: int) -> Choice | None:
        """The quickest that needs at most ``room`` bytes of L1."""
        return next((c for c in self.choices if c.nbytes <= room), None)

    def least(self) -> int:
        """Bytes of L1 without which the call cannot be done."""
        return min(c.nbytes for c in self.choices)

    def tiling(self, choice: Choice) -> Tiling:
        """The call, tile by tile."""
        pieces = self._pieces(choice.rows)
        at = kernel_bytes = self._scratch(pieces, choice.l1_constants)
        operands = []
        for name in self._moved:
            spans = tuple(self._span(p, name) for p in pieces)
            size = round8(max(s.nbytes for s in spans))
            buffers = tuple(at + i * size for i in range(_buffers(spans, choice.buffering)))
            at += size * len(buffers)
            operands.append(Operand(name, name == self._call.output, spans, buffers))
        for name in self._in_l1:
            spans = tuple(self._span(p, name) for p in pieces)
            operands.append(Operand(name, name == self._call.output, spans, ()))
        constants = []
        for name in self._constants if choice.l1_constants else ():
            constants.append((name, at))
            at += round8(self._tensors[name].nbytes)
        integers = tuple(p.integers for p in pieces)
        return Tiling(
            *(integers, tuple(operands), tuple(constants), kernel_bytes),
            *(choice.cycles, choice.buffering),
        )

    def _scratch(self, pieces: list[Piece], l1_constants: bool) -> int:
        """Bytes for the kernel, in the tile that needs most."""
        in_l1 = l1_constants or not self._constants
        return round8(max(p.l1_scratch_bytes if in_l1 else p.scratch_bytes for p in pieces))

    def _span(self, piece: Piece, name: str) -> Span:
        return piece.spans.get(name) or Span(0, self._tensors[name].nbytes)

    def _pieces(self, rows: int) -> list[Piece]:
        return [self._piece(begin, rows) for begin in range(0, self._cut.rows, rows)]

    def _piece(self, begin: int, rows: int) -> Piece:
        """The tile of ``rows`` at ``begin``, or what is left of it."""
        key = (begin, min(begin + rows, self._cut.rows))
        if key not in self._known:
            self._known[key] = self._cut.piece(*key, self._staged)
        return self._known[key]

    def _sizes(self) -> list[int]:
        """Tile sizes that give different numbers of tiles, in whole tiles where there are."""
        rows, sizes = self._cut.rows, {self._cut.rows}
        quanta = [q for q in (_TILE_ROWS * self._cores, _TILE_ROWS, 1) if q < rows]
        for count in range(2, rows + 1):
            each = -(-rows // count)
            sizes |= {-(-each // q) * q for q in quanta if -(-each // q) * q < rows}
            if each == 1:
                break
        return sorted(sizes)

    def _allowed(self, rows: int) -> bool:
        """Operands in L1 must lie as the kernel reads them: run behind run, or by its pitches."""
        if not self._in_l1 or self._call.pitched:
            return True
        piece = self._piece(0, rows)
        return all(piece.spans[name].dense for name in self._in_l1)

    def _choice(self, rows: int, l1_constants: bool, buffering: int) -> Choice:
        total = self._cut.rows
        count = -(-total // rows)
        begins = sorted({0, min(1, count - 1) * rows, count // 2 * rows, (count - 1) * rows})
        pieces = [self._piece(begin, rows) for begin in begins]
        nbytes = self._scratch(pieces, l1_constants)
        moved = once = 0.0
        for name in self._moved:
            spans = [self._span(p, name) for p in pieces]
            size = round8(max(s.nbytes for s in spans))
            nbytes += _buffers(spans, buffering) * size
            if all(span == spans[0] for span in spans):
                once += _copy_cycles(spans[0])
            else:
                moved += _copy_cycles(max(spans, key=lambda s: s.nbytes))
        weights = sum(_copy_cycles(Span(0, self._tensors[n].nbytes)) for n in self._constants)
        if l1_constants:
            nbytes += sum(round8(self._tensors[n].nbytes) for n in self._constants)
            once, weights = once + weights, 0.0
        compute = self._compute(max(pieces, key=lambda p: p.cycles), rows)
        # weights that a kernel asks for come behind the rows that are on their way
        each = max(compute, moved + weights) + (min(moved, compute) if weights else 0.0)
        if buffering == 1:
            each = compute + moved + weights
        return Choice(rows, l1_constants, buffering, nbytes, once + moved + count * each)

    def _compute(self, piece: Piece, rows: int) -> float:
        """Cycles of a tile: the cores share its words, or tiles of a product; the last wait."""
        anew = piece.cycles + self._whole_bytes  # what is not cut is read in each tile
        if not self._call.all_cores:
            return anew + _TILE_CYCLES
        made = self._tensors[self._call.output]
        width, elements = made.shape[-1], made.size / self._cut.rows * rows
        units = -(-elements // 4)
        if self._call.macs:
            units = -(-elements // (_TILE_ROWS * width)) * -(-width // 4)
        filled = -(-units // self._cores) * self._cores / units
        return anew * filled / self._cores + _TILE_CYCLES


def tiling_spaces(
    call: KernelCall,
    tensors: Mapping[str, Tensor],
    in_l2: frozenset[str],
    target: Target,
    l1_constants: frozenset[str] = frozenset(),
) -> list[TilingSpace]:
    """One for each way in which the call can be cut."""
    ways = cuts(call, tensors, target)
    return [TilingSpace(cut, call, tensors, in_l2, target.cores, l1_constants) for cut in ways]


def _buffers(spans: list[Span] | tuple[Span, ...], buffering: int) -> int:
    """Staging buffers: as many as ``buffering`` says, but one where nothing changes."""
    return 1 if all(span == spans[0] for span in spans) else buffering


def _copy_cycles(span: Span) -> float:
    return _START + span.rows * -(-span.width // _BYTES) + _ROW * (span.rows - 1)
