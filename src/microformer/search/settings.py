"""What a study is asked for; it is kept in the study, so that who joins asks for the same."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from microformer.errors import DataError

PRUNERS = ("none", "median", "hyperband")


@dataclass(frozen=True)
class Limits:
    """What a candidate may cost on the target at most, by the estimate; None: anything."""

    cycles: int | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None


@dataclass(frozen=True)
class Settings:
    """A study of ``trials`` candidates of the user's file ``spec`` for ``target``.

    ``prune``: "none" searches the front of loss and cycles; "median" and "hyperband" end trials
    that report poor losses, and search the loss alone, within the limits. ``given`` is handed to
    the spec's ``configure``.
    """

    spec: str
    target: str = "cortex-m4"
    trials: int = 50
    seed: int = 0
    prune: str = "none"
    limits: Limits = field(default_factory=Limits)
    given: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prune not in PRUNERS:
            raise DataError(f"There is no pruner '{self.prune}'; there are {', '.join(PRUNERS)}.")
        if self.trials < 1:
            raise DataError("A study has one trial at least.")

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "Settings":
        """The inverse. Raises DataError where the text is none of ours."""
        try:
            fields: dict[str, Any] = json.loads(text)
            limits = Limits(**fields.pop("limits"))
            return Settings(limits=limits, **fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise DataError("The study's settings are damaged; begin another study.") from None
