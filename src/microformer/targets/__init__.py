"""The targets: one frozen record each."""

from dataclasses import replace

from microformer.errors import TargetError
from microformer.targets.boards import TARGETS, Target

__all__ = ["TARGETS", "Target", "find", "with_board_flash"]


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
