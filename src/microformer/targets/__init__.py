"""The targets: one frozen record each, shipped or the user's own."""

from dataclasses import replace
from pathlib import Path

from microformer.errors import TargetError
from microformer.targets.boards import TARGETS
from microformer.targets.flash import BOARD_OVER_ESTIMATE, Flash
from microformer.targets.record import (
    SUFFIXES,
    read_target,
    target_of,
    target_record,
    target_schema,
    write_target,
)
from microformer.targets.target import (
    ClusterMemory,
    FlatMemory,
    HostRunner,
    Memory,
    QemuRunner,
    RtlRunner,
    Runner,
    Target,
    UnicornRunner,
    resized,
)

__all__ = [
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
    "find",
    "read_target",
    "resized",
    "resolve",
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
    """``target`` with the constants of a program in ``memory``, "l1" or "l2" of a cluster."""
    if memory == "l2":
        return replace(target, weights="l2")
    if memory != "l1":
        raise TargetError(f"Weights lie in l1 or l2, not in '{memory[:20]}'.")
    if not target.is_cluster:
        raise TargetError(f"{target.name} has no L1 to put weights into; leave --weights out.")
    return replace(target, weights="l1")


def with_board_flash(target: Target) -> Target:
    """``target`` with its board's wait states and cache; TargetError if they are not known."""
    if target.board_flash is None:
        raise TargetError(f"No flash setting of {target.name}'s board is known; leave --flash out.")
    return replace(target, flash=target.board_flash)


def find(name: str) -> Target:
    """The target called ``name``; TargetError, naming those that exist, if there is none."""
    try:
        return TARGETS[name]
    except KeyError:
        known = ", ".join(TARGETS)
        raise TargetError(
            f"There is no target '{name}'; choose one of: {known}; or give a file of your own "
            "board, .json or .toml."
        ) from None


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
