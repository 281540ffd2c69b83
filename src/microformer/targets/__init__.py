"""The targets: one frozen record each, shipped or the user's own."""

from dataclasses import replace
from pathlib import Path

from microformer.errors import TargetError
from microformer.targets.board_file import board_of
from microformer.targets.boards import BOARDS, TARGETS, board_text, find, search
from microformer.targets.flash import BOARD_OVER_ESTIMATE, Flash
from microformer.targets.linker import linker_script
from microformer.targets.memories import ClusterMemory, FlatMemory, Memory
from microformer.targets.record import (
    SUFFIXES,
    read_target,
    target_of,
    target_record,
    target_schema,
    write_target,
)
from microformer.targets.runners import HostRunner, QemuRunner, RtlRunner, Runner, UnicornRunner
from microformer.targets.target import Target, resized

__all__ = [
    "BOARDS",
    "BOARD_OVER_ESTIMATE",
    "TARGETS",
    "ClusterMemory",
    "Flash",
    "FlatMemory",
    "HostRunner",
    "Memory",
    "QemuRunner",
    "RtlRunner",
    "Runner",
    "Target",
    "UnicornRunner",
    "board_of",
    "board_text",
    "customised",
    "find",
    "linker_script",
    "read_target",
    "resized",
    "resolve",
    "search",
    "target_of",
    "target_record",
    "target_schema",
    "with_board_flash",
    "with_cores",
    "with_weights",
    "write_target",
]


def with_cores(target: Target, cores: int) -> Target:
    """``target`` with ``cores`` cores; TargetError if it cannot have so many."""
    if cores == target.cores:
        return target
    most = target.max_cores
    if most == 1:
        raise TargetError(f"{target.name} has one core; leave --cores out.")
    if not 1 <= cores <= most:
        raise TargetError(
            f"{target.name} has 1 to {most} cores, not {cores}; give --cores in between."
        )
    return replace(target, cores=cores)


def with_weights(target: Target, memory: str) -> Target:
    """``target`` with the constants of a program in ``memory``; TargetError if it has no such one.

    "l1" or "l2" of a cluster; of a microcontroller one of its memories by name, in small letters
    or capitals: start-up copies them there from flash, unless it is a flash itself.
    """
    if target.is_cluster or target.is_host or memory == "l2":
        if memory not in ("l1", "l2"):
            raise TargetError(f"Weights lie in l1 or l2, not in '{memory[:20]}'.")
        if memory == "l1" and not target.is_cluster:
            raise TargetError(f"{target.name} has no L1 to put weights into; leave --weights out.")
        return replace(target, weights=memory)
    assert isinstance(target.memory, FlatMemory)
    known = [m for m in (target.memory.ram, *target.memory.others) if m.name]
    found = next((m for m in known if m.name.casefold() == memory.casefold()), None)
    if found is None:
        names = ", ".join(m.name for m in known) or "none but flash that has a name"
        raise TargetError(
            f"{target.name} has no memory '{memory[:20]}'; it has {names}: name one, or leave "
            "--weights out."
        )
    return replace(target, weights=found.name)


def customised(
    target: Target,
    *,
    flash: int | None = None,
    ram: int | None = None,
    clock_hz: int | None = None,
    power_mw: float | None = None,
) -> Target:
    """``target`` with other bytes of flash or RAM, another clock or power; TargetError if it has
    none of these."""
    if flash is None and ram is None and clock_hz is None and power_mw is None:
        return target
    if target.is_host:
        raise TargetError("The host has no memories, clock or power of its own to give.")
    if target.is_cluster and (flash is not None or ram is not None):
        raise TargetError(f"{target.name} has L1 and L2, no flash and RAM; give a board file.")
    if flash is not None or ram is not None:
        target = resized(target, code_bytes=flash, data_bytes=ram)
    if clock_hz is not None:
        target = replace(target, clock_hz=clock_hz)
    if power_mw is not None:
        target = replace(target, power_mw=power_mw, power_source="given by the user")
    return target


def with_board_flash(target: Target) -> Target:
    """``target`` with its board's wait states and cache; TargetError if they are not known."""
    if target.board_flash is None:
        raise TargetError(
            f"No flash setting of {target.name}'s board is known; leave --wait-states out."
        )
    return replace(target, flash=target.board_flash)


def resolve(
    target: str | Path | Target, cores: int | None = None, weights: str | None = None
) -> Target:
    """A target by name, by the file of its record, or as it is. Raises TargetError.

    ``cores`` and ``weights`` are what the user wants else than the target says.
    """
    if isinstance(target, Target):
        board = target
    elif Path(target).suffix in SUFFIXES:
        board = read_target(Path(target))
    else:
        board = find(str(target))
    board = board if cores is None else with_cores(board, cores)
    return board if weights is None else with_weights(board, weights)


def __dir__() -> list[str]:
    return __all__
