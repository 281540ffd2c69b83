"""Counting one inference: which blocks ran, in which order, in which layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import unicorn

from microformer.errors import ToolError
from microformer.graph.project import CProject, LayerCount, RunResult
from microformer.graph.tensor import Array
from microformer.run.convert import Converted
from microformer.run.firmware import Firmware
from microformer.run.machine import Machine
from microformer.run.timing import Block, Timing, find
from microformer.targets import Target
from microformer.targets.flash import Flash

SIZE_BITS = 16  # a block is (address << 16) | size: one integer, because the hook must be quick
_NONE = 0

Edges = dict[tuple[int, int], int]
"""How often control went from one block to the next, by (block, block)."""


@dataclass(frozen=True)
class Profile:
    """Counts of one inference, from the first instruction of the model's function to its return."""

    cycles: int | None
    instructions: int
    layers: tuple[LayerCount, ...]
    board_cycles: int | None = None


class Recorder:
    """Collects the edges between blocks while the emulator runs, layer by layer.

    A layer begins at the first instruction of its function and lasts, with whatever it calls,
    until control is back in the model's function or the next layer begins; what the model's
    function does itself belongs to no layer, and what the harness does is not counted.
    ``owner`` of an address says to whom control passes there.
    """

    def __init__(self, project: CProject, firmware: Firmware) -> None:
        entry = firmware.functions.get(project.entry)
        model = firmware.functions.get(f"{project.name}_run", entry)  # or inlined into the step
        harness = firmware.functions.get("mf_harness_infer")
        if model is None or harness is None:
            raise ToolError(f"'{firmware.path}' has no function '{project.name}_run'.")
        self.outside: Edges = {}
        self.model: Edges = {}
        self.owner: dict[int, Edges] = {}
        main = firmware.functions.get("main", harness)  # where the harness may return to
        parts = [(harness, self.outside), (main, self.outside), (model, self.model)]
        parts += [(entry, self.model)] if entry is not None else []
        for function, edges in parts:
            self.owner |= dict.fromkeys(range(function.begin, function.end, 2), edges)
        self.layers: list[Edges | None] = []
        for layer in project.layers:
            begin = _entry(firmware, layer.symbol)
            if begin is None or begin in self.owner:
                self.layers.append(None)  # the compiler removed it, or merged it with another
                continue
            self.owner[begin] = {}
            self.layers.append(self.owner[begin])
        self.current = self.outside
        self.previous = _NONE

    def run(self, machine: Machine, address: int) -> None:
        """Call the function at ``address`` with the hook on."""
        owner = self.owner
        edges, previous = self.outside, _NONE

        def on_block(_uc: Any, address: int, size: int, _data: Any) -> None:
            nonlocal edges, previous
            block = address << SIZE_BITS | size
            edge = (previous, block)
            edges[edge] = edges.get(edge, 0) + 1  # under the owner of the block that was left
            previous = block
            if address in owner:
                edges = owner[address]

        handle = machine.hook(unicorn.UC_HOOK_BLOCK, on_block)
        try:
            machine.call(address, "sample 0, counted")
        finally:
            machine.unhook(handle)
        self.current, self.previous = edges, previous


def finish(
    project: CProject,
    firmware: Firmware,
    recorder: Recorder,
    target: Target,
) -> Profile:
    """What the recorded edges cost, layer by layer; in sum also with the board's own flash."""
    timing = find(target.timing)
    counts = _Counts(recorder, firmware, timing, target.flash)
    layers = []
    for layer, edges in zip(project.layers, recorder.layers, strict=True):
        spent: tuple[int | None, int | None] = (None, None)
        if edges is not None:
            spent = counts.of(edges)
        sizes = _code_sizes(firmware, edges) if edges is not None else []
        code = (sum(sizes), sizes[0]) if sizes else (None, None)
        layers.append(LayerCount(layer.symbol, *spent, *code))
    cycles, instructions = counts.total()
    board = None
    if target.board_flash is not None:
        board, _ = _Counts(recorder, firmware, timing, target.board_flash).total()
    return Profile(cycles, instructions, tuple(layers), board)


def emulated(
    outputs: Array,
    counted: Profile | None,
    stack_bytes: int,
    wall_seconds: float,
    converted: Converted,
) -> RunResult:
    """The result of a run on an emulated core; ``counted`` is None where nothing was counted."""
    cycles = None if counted is None else counted.cycles
    return RunResult(
        outputs=outputs,
        cycles=cycles,
        cycles_kind=None if cycles is None else "estimate",
        instructions=None if counted is None else counted.instructions,
        layers=() if counted is None else counted.layers,
        stack_bytes=stack_bytes,
        wall_seconds=wall_seconds,
        board_cycles=None if counted is None else counted.board_cycles,
        inputs=converted.quantized,
        real=converted.real,
    )


def _entry(firmware: Firmware, symbol: str) -> int | None:
    """Address of a layer's function; compilers append ``.something`` to those they specialise."""
    if symbol in firmware.functions:
        return firmware.functions[symbol].begin
    for name, function in firmware.functions.items():
        if name.startswith(f"{symbol}."):
            return function.begin
    return None


def _code_sizes(firmware: Firmware, edges: Edges) -> list[int]:
    """Bytes of each function that a layer ran, the largest first."""
    starts = {after >> SIZE_BITS for _, after in edges}
    sizes = {
        f.begin: f.end - f.begin
        for f in firmware.functions.values()
        if any(f.begin <= start < f.end for start in starts)
    }
    return sorted(sizes.values(), reverse=True)


def count(
    project: CProject,
    firmware: Firmware,
    machine: Machine,
    address: int,
    target: Target,
) -> Profile:
    """Run the inference at ``address`` once under the hook and count it."""
    recorder = Recorder(project, firmware)
    recorder.run(machine, address)
    return finish(project, firmware, recorder, target)


class _Counts:
    """Turns edges into instructions and cycles, each charged to its owner."""

    def __init__(
        self, recorder: Recorder, firmware: Firmware, timing: Timing | None, flash: Flash
    ) -> None:
        self._firmware = firmware
        self._timing = timing
        self._blocks: dict[int, Block] = {}
        self._instructions: dict[int, int] = {}
        self._cycles: dict[int, int] = {}
        inside = [recorder.model, *(e for e in recorder.layers if e is not None)]
        for edges in (*inside, recorder.outside):
            self._charge(edges, recorder.owner)
            if edges is not recorder.outside:
                self._add(self._cycles, edges, self._fetches(edges, flash))
        if recorder.current is not recorder.outside and timing is not None:
            # the model was the harness's last call: no block follows its return
            last = timing.exit_cycles(self._block(recorder.previous), taken=True)
            self._add(self._cycles, recorder.current, last)
        self._inside = inside

    def of(self, edges: Edges) -> tuple[int | None, int]:
        """(cycles, instructions) charged to the owner of ``edges``."""
        instructions = self._instructions.get(id(edges), 0)
        return (None if self._timing is None else self._cycles.get(id(edges), 0)), instructions

    def total(self) -> tuple[int | None, int]:
        """(cycles, instructions) of the model and all its layers."""
        pairs = [self.of(edges) for edges in self._inside]
        instructions = sum(pair[1] for pair in pairs)
        return (None if self._timing is None else sum(c or 0 for c, _ in pairs)), instructions

    def _charge(self, edges: Edges, owner: Mapping[int, Edges]) -> None:
        """Leaving a block belongs to whoever owned it, entering the next to its new owner.

        Of the times that a branch is passed, the rarer way counts as mispredicted.
        """
        ways: dict[int, list[int]] = {}
        for (before, after), count in edges.items():
            block = self._block(after)
            entered = owner.get(block.address, edges)
            self._add(self._instructions, entered, count * block.instructions)
            if self._timing is None:
                continue
            previous = self._block(before) if before != _NONE else None
            falls = previous is not None and previous.end == block.address
            fallen_from = previous if falls else None
            self._add(self._cycles, entered, count * self._timing.entry_cycles(block, fallen_from))
            if previous is not None:
                exits = self._timing.exit_cycles(previous, taken=not falls)
                self._add(self._cycles, edges, count * exits)
                ways.setdefault(before, [0, 0])[falls] += count
        if self._timing is not None:
            wrong = sum(min(taken, fallen) for taken, fallen in ways.values())
            self._add(self._cycles, edges, wrong * self._timing.mispredicted)

    def _fetches(self, edges: Edges, flash: Flash) -> int:
        """Cycles that instruction fetch from flash adds to the owner of ``edges``."""
        counts: dict[int, int] = {}
        for (_, after), count in edges.items():
            counts[after] = counts.get(after, 0) + count
        blocks = [self._block(key) for key in counts]
        runs = zip(blocks, counts.values(), strict=True)
        return flash.cycles([(b.address, len(b.code), count) for b, count in runs])

    @staticmethod
    def _add(sums: dict[int, int], edges: Edges, amount: int) -> None:
        sums[id(edges)] = sums.get(id(edges), 0) + amount

    def _block(self, key: int) -> Block:
        if key not in self._blocks:
            address, size = key >> SIZE_BITS, key & ((1 << SIZE_BITS) - 1)
            code = self._firmware.code(address, size)
            self._blocks[key] = Block(address, code, self._firmware.riscv)
        return self._blocks[key]
