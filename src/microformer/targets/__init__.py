"""The targets: one frozen record each."""

from dataclasses import replace

from microformer.errors import TargetError
from microformer.targets.boards import TARGETS, Target
from microformer.targets.flash import BOARD_OVER_ESTIMATE

__all__ = [
    "BOARD_OVER_ESTIMATE",
    "TARGETS",
    "Target",
    "find",
    "with_board_flash",
    "with_cores",
    "with_weights",
]


def with_cores(target: Target, cores: int) -> Target:
    """``target`` with ``cores`` cores; TargetError if it cannot have so many."""
    if cores == target.cores:
        return target
    if not target.rtl:
        raise TargetError(f"{target.name} has one core; leave --cores out.")
    if not 1 <= cores <= 8:
        raise TargetError(f"{target.name} has 1 to 8 cores, not {cores}; give --cores in between.")
    return replace(target, cores=cores)


def with_weights(target: Target, memory: str) -> Target:
    """``target`` with the constants of a program in ``memory``, "l1" or "l2" of a cluster."""
    if memory not in {"l1", "l2"}:
        raise TargetError(f"Weights lie in l1 or l2, not in '{memory[:20]}'.")
    if memory == "l1" and not target.rtl:
        raise TargetError(f"{target.name} has no L1 to put weights into; leave --weights out.")
    return replace(target, near_weights=memory == "l1")


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
        raise TargetError(f"There is no target '{name}'; choose one of: {known}.") from None
