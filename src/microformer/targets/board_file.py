"""A board as a TOML file: its core by name, its memories, clock, power, and where these are from.

Every error is one sentence that names the file, the line and the key.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from microformer.errors import TargetError
from microformer.targets.cores import CORES, Core
from microformer.targets.flash import Flash
from microformer.targets.memories import ClusterMemory, FlatMemory, Holds, Memory
from microformer.targets.quantities import frequency_of, size_of
from microformer.targets.runners import QemuRunner
from microformer.targets.serial import SEMIHOSTING, Serial, SerialKind, Write
from microformer.targets.strict import Strict
from microformer.targets.target import Target

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LEAST_BYTES = 256
"""Of a region that may be of use."""
Key = Sequence[str | int]


@dataclass(frozen=True)
class MemoryEntry(Strict):
    """One ``[[memories]]``: ``bytes`` is a number or "512K"; ``holds`` says what may lie there.

    ``wait_states``, ``line_bytes`` and ``cache_bytes`` are those of fetching instructions from it.
    """

    name: str
    origin: int
    bytes: int | str
    holds: tuple[Holds, ...]
    wait_states: int = 0
    line_bytes: int = 32
    cache_bytes: int = 0


@dataclass(frozen=True)
class SerialEntry(Strict):
    """``[serial]``: as ``serial.Serial``, the clock a number or "16M"."""

    kind: SerialKind
    base: int = 0
    clock: int | str = 0
    baud: int = 115_200
    setup: tuple[Write, ...] = ()


@dataclass(frozen=True)
class Sources(Strict):
    """Where the figures are from: documents, or who measured."""

    memories: str = ""
    clock: str = ""
    power: str = ""
    wait_states: str = ""
    serial: str = ""


@dataclass(frozen=True)
class BoardFile(Strict):
    """The whole file. ``clock`` is a number of hertz or "64M"; ``core`` one of ``cores.CORES``."""

    name: str
    board: str
    core: str
    clock: int | str
    memories: tuple[MemoryEntry, ...]
    aliases: tuple[str, ...] = ()
    power_mw: float | None = None
    sources: Sources = Sources()
    note: str = ""
    boot: str = ""
    serial: SerialEntry | None = None


@cache
def _adapter() -> "TypeAdapter[BoardFile]":
    from pydantic import TypeAdapter  # noqa: PLC0415 (a fifth of a second, for who needs it)

    return TypeAdapter(BoardFile)


def line_of(text: str, key: Key) -> int | None:
    """The line on which a key of a board's file stands, 1 for the first; None if it does not."""
    lines = text.splitlines()
    table = ""
    place = 0
    count = -1
    wanted_table = "" if len(key) < 2 else str(key[0])
    wanted_count = key[1] if len(key) > 1 and isinstance(key[1], int) else 0
    last = str(key[-1]) if key and isinstance(key[-1], str) else ""
    for number, line in enumerate(lines, 1):
        head = re.match(r"\s*\[\[?\s*([\w-]+)\s*\]\]?", line)
        if head:
            table = head[1]
            count += table == wanted_table
            if table == wanted_table and count == wanted_count:
                place = number
            if len(key) == 1 and table == last:
                return number
        elif table == wanted_table and (not table or count == wanted_count):
            name = re.match(r"\s*([\w-]+)\s*=", line)
            if name and name[1] == last:
                return number
    return place or None


def board_of(text: str, where: str) -> Target:
    """The target of a board's file ``text``; TargetError, naming ``where``, if it is none."""
    try:
        record = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TargetError(f"'{where}' is not TOML: {str(error).rstrip('.')[:200]}.") from None
    return _Reader(text, where).target(record)


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where

    def _fail(self, key: Key, what: str) -> NoReturn:
        line = line_of(self._text, key)
        place = f"'{self._where}', line {line}" if line else f"'{self._where}'"
        name = ".".join(str(part + 1) if isinstance(part, int) else part for part in key)
        raise TargetError(f"{place}: {name}: {what} (docs/boards.md).")

    def target(self, record: dict[str, Any]) -> Target:
        """The record checked, with its core's fields."""
        from pydantic import ValidationError  # noqa: PLC0415

        try:
            board = _adapter().validate_python(record)
        except ValidationError as error:
            first = error.errors()[0]
            key = [part for part in first["loc"] if part not in ("int", "str")]
            said = str(first["msg"]).rstrip(".")
            known = {"missing": "it is missing", "unexpected_keyword_argument": "no such key"}
            self._fail(key, known.get(first["type"], said[:1].lower() + said[1:])[:200])
        core = CORES.get(board.core)
        if core is None or core.name == "host":
            near = get_close_matches(board.core, CORES, 3) or list(CORES)[1:]
            self._fail(("core",), f"there is no core '{board.core[:40]}'; {', '.join(near)}")
        clock = frequency_of(board.clock)
        if clock is None:
            self._fail(("clock",), f"'{str(board.clock)[:40]}' is no frequency, as 64M or 64000000")
        memories = [self._memory(i, entry) for i, entry in enumerate(board.memories)]
        self._check_apart(memories)
        made = self._made(board, core, clock, memories)
        return made

    def _memory(self, place: int, entry: MemoryEntry) -> Memory:
        size = size_of(entry.bytes)
        if size is None:
            said = f"'{str(entry.bytes)[:40]}' is no number of bytes, as 512K or 524288"
            self._fail(("memories", place, "bytes"), said)
        if size < LEAST_BYTES:
            self._fail(("memories", place, "bytes"), f"a memory of {size} bytes is too small")
        if not 0 <= entry.origin <= entry.origin + size <= 1 << 32:
            self._fail(("memories", place, "origin"), "it does not lie in 32 bits of addresses")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", entry.name):
            said = "a memory's name is of letters, digits and '_'"
            self._fail(("memories", place, "name"), said)
        if not entry.holds:
            self._fail(("memories", place, "holds"), "it holds nothing: code, constants or data")
        return Memory(entry.origin, size, entry.name, entry.holds)

    def _check_apart(self, memories: list[Memory]) -> None:
        """No two of them overlap, nor are called alike."""
        for place, one in enumerate(memories):
            for other in memories[:place]:
                if one.name == other.name:
                    self._fail(("memories", place, "name"), f"a second memory is called {one.name}")
                if one.origin < other.end and other.origin < one.end:
                    said = f"{one.name} overlaps {other.name}, which ends at {other.end:#010x}"
                    self._fail(("memories", place, "origin"), said)

    def _serial(self, entry: SerialEntry | None) -> Serial:
        if entry is None:
            return SEMIHOSTING
        clock = frequency_of(entry.clock) if entry.clock else 0
        if clock is None:
            self._fail(("serial", "clock"), f"'{str(entry.clock)[:40]}' is no frequency, as 16M")
        if entry.baud < 300:
            self._fail(("serial", "baud"), "it is less than 300")
        return Serial(entry.kind, entry.base, clock, entry.baud, entry.setup)

    def _first(self, memories: list[Memory], what: Holds) -> Memory:
        for memory in memories:
            if what in memory.holds:
                return memory
        self._fail(("memories",), f'none of them holds "{what}"')

    def _made(self, board: BoardFile, core: Core, clock: int, memories: list[Memory]) -> Target:
        code = self._first(memories, "code")
        data = self._first([m for m in memories if m is not code] or memories, "data")
        if data is code:
            self._fail(("memories",), "code and data lie in one: give each a part of its own")
        entry = board.memories[memories.index(code)]
        memory: FlatMemory | ClusterMemory = ClusterMemory(l1=data, l2=code)
        if not core.is_cluster:
            rest = tuple(m for m in memories if m not in (code, data))
            memory = FlatMemory(flash=code, ram=data, others=rest)
        if not core.is_cluster and data.size_bytes <= core.stack_bytes:
            said = f"{data.name} is too small for a stack of {core.stack_bytes:,} bytes"
            self._fail(("memories", memories.index(data), "bytes"), said)
        waits = Flash(entry.wait_states, entry.line_bytes, entry.cache_bytes)
        runner = core.runner
        if isinstance(runner, QemuRunner) and _alike(runner.memory, memory):
            runner = replace(runner, memory=None)
        try:
            return Target(
                name=board.name,
                board=board.board,
                isas=core.isas,
                runner=runner,
                memory=memory,
                triple=core.triple,
                cpu=core.cpu,
                clock_hz=clock,
                power_mw=board.power_mw,
                power_source=board.sources.power,
                timing=core.timing,
                unaligned_access=core.unaligned_access,
                macs_per_cycle_limit=core.macs_per_cycle_limit,
                defines=core.defines,
                board_flash=waits if entry.wait_states else None,
                cores=core.cores,
                max_cores=core.cores,
                stack_bytes=core.stack_bytes,
                memory_source=board.sources.memories,
                core=core.name,
                gcc_flags=core.gcc_flags,
                serial=self._serial(board.serial),
                boot=board.boot,
            )
        except TargetError as error:
            said = str(error).partition("cannot be: ")[2].rstrip(".")
            self._fail(("name",), said or str(error))


def _alike(machine: FlatMemory | None, board: FlatMemory | ClusterMemory) -> bool:
    """Whether code and data lie alike in both."""
    if machine is None or not isinstance(board, FlatMemory):
        return False
    pairs = ((machine.flash, board.flash), (machine.ram, board.ram))
    return all((a.origin, a.size_bytes) == (b.origin, b.size_bytes) for a, b in pairs)
