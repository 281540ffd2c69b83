"""What a study found: every trial, and the front of loss and cycles."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from microformer.search.settings import Settings
from microformer.search.storage import open_study
from microformer.search.trial import WHY


@dataclass(frozen=True)
class Tried:
    """One trial: its choices, its cost by the estimate, its held-out loss (None: not trained)."""

    number: int
    state: str
    params: dict[str, Any]
    loss: float | None
    cycles: int | None
    ram_bytes: int | None
    flash_bytes: int | None
    why: str

    @property
    def choices(self) -> str:
        """What it chose, in a line; numbers with three digits."""
        return ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.params.items()
        )


@dataclass(frozen=True)
class Found:
    """All trials of a study, and the numbers of those on the front."""

    settings: Settings
    trials: tuple[Tried, ...]
    front: tuple[int, ...]

    def on_front(self) -> list[Tried]:
        """The trials that no other beats in both, from few cycles to many."""
        by_number = {t.number: t for t in self.trials}
        return [by_number[n] for n in self.front]

    def to_json(self, **more: Any) -> str:
        """JSON text, with ``more`` beside it."""
        plain = {
            "settings": asdict(self.settings),
            "trials": [asdict(t) for t in self.trials],
            "front": list(self.front),
        }
        return json.dumps(plain | more, indent=2)


def found(where: str, settings: Settings) -> Found:
    """Read the study in ``where``."""
    study = open_study(where, settings)
    tried = []
    for trial in study.get_trials(deepcopy=False):
        complete = trial.state.name == "COMPLETE"
        attributes = trial.user_attrs
        tried.append(
            Tried(
                trial.number,
                trial.state.name.lower(),
                dict(trial.params),
                float(trial.values[0]) if complete else None,
                attributes.get("cycles"),
                attributes.get("ram_bytes"),
                attributes.get("flash_bytes"),
                str(attributes.get(WHY, "")),
            )
        )
    return Found(settings, tuple(tried), tuple(t.number for t in _front(tried)))


def _front(tried: list[Tried]) -> list[Tried]:
    """Those that no other has both fewer cycles and less loss than."""
    known = [t for t in tried if t.loss is not None and t.cycles is not None]
    known.sort(key=lambda t: (t.cycles, t.loss, t.number))
    front: list[Tried] = []
    for one in known:
        assert one.loss is not None
        if not front or one.loss < (front[-1].loss or 0.0):
            front.append(one)
    return front
