"""The targets: one frozen record each."""

from microformer.errors import TargetError
from microformer.targets.boards import TARGETS, Target

__all__ = ["TARGETS", "Target", "find"]


def find(name: str) -> Target:
    """The target called ``name``; TargetError, naming those that exist, if there is none."""
    try:
        return TARGETS[name]
    except KeyError:
        known = ", ".join(TARGETS)
        raise TargetError(f"There is no target '{name}'; choose one of: {known}.") from None
