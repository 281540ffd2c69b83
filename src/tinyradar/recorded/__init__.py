"""One command, one table of recorded hands: each network on persons that it never saw.

``reproduce_recorded`` trains both networks of each protocol (``protocol.py``) on every fold and
seed, asks float and 8-bit programs for the class of every held-out trace, asks two baselines that
need no training by gradient, and runs the programs on their targets. The set is read where it lies;
its name (``digest``), what was skipped and all seeds are part of the result.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyradar.dataset.traces import read_traces
from tinyradar.farm import run_tasks
from tinyradar.models import TRACE_MODELS
from tinyradar.recorded.baselines import BASELINES, baseline, flat_codes
from tinyradar.recorded.protocol import PROTOCOLS, SEEDS, Part, chosen, parts_of
from tinyradar.recorded.scores import Scores, scores
from tinyradar.recorded.targets import Program, program
from tinyradar.recorded.tasks import Answers, Task, answer
from tinyradar.reproduce.persons import difference

__all__ = ["DEFAULT_TARGETS", "Options", "Recorded", "reproduce_recorded"]

DEFAULT_TARGETS = ("cortex-m0plus", "cortex-m4", "cortex-m7", "pulp-ri5cy")
TRANSFORMER, NET = "transformer-traces", "cnn-tcn-traces"
NewBar = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True)
class Options:
    """What is asked for. ``dask``: the address of a scheduler, None for this machine alone."""

    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    folds: tuple[int, ...] = tuple(range(5))
    seeds: tuple[int, ...] = SEEDS
    targets: tuple[str, ...] = DEFAULT_TARGETS
    processes: int = 1
    dask: str | None = None


@dataclass(frozen=True)
class Recorded:
    """All that was measured: what the set is, scores by protocol, each network's programs."""

    data: dict[str, Any]
    scores: tuple[Scores, ...]
    programs: tuple[Program, ...]

    @property
    def bit_exact(self) -> bool:
        """True if every program that ran gave the reference's bytes."""
        return all(p.on.bit_exact for p in self.programs if p.on.bit_exact is not None)

    def find(self, protocol: str, who: str, arithmetic: str) -> Scores:
        """The scores of a network or baseline."""
        return next(
            s
            for s in self.scores
            if (s.protocol, s.who, s.arithmetic) == (protocol, who, arithmetic)
        )

    def best_baseline(self, protocol: str, arithmetic: str) -> Scores:
        """Of all that is no transformer the most accurate; networks in ``arithmetic``."""
        rest = [
            s
            for s in self.scores
            if s.protocol == protocol and s.who != TRANSFORMER and s.arithmetic in ("", arithmetic)
        ]
        return max(rest, key=lambda s: s.accuracy)

    def differences(self) -> list[dict[str, Any]]:
        """The transformer against the best baseline, by person, in points."""
        found = []
        for protocol in dict.fromkeys(s.protocol for s in self.scores):
            for arithmetic in ("float", "int8"):
                ours = self.find(protocol, TRANSFORMER, arithmetic)
                best = self.best_baseline(protocol, arithmetic)
                points, error = difference(ours.by_person, best.by_person)
                found.append(
                    {
                        "protocol": protocol,
                        "arithmetic": arithmetic,
                        "than": best.who,
                        "points": points,
                        "standard_error_by_person": error,
                    }
                )
        return found

    def to_json(self) -> str:
        """JSON text."""
        plain = {
            "data": self.data,
            "scores": [s.as_json() for s in self.scores],
            "differences": self.differences(),
            "programs": [asdict(p) for p in self.programs],
        }
        return json.dumps(plain, indent=2)


def reproduce_recorded(
    folder: Path, place: Path, options: Options, new_bar: NewBar, say: Callable[[str], None]
) -> Recorded:
    """Read the set in ``folder``, train what is not yet in ``place``, measure everything.

    A run that is killed goes on where it was: each fold and seed is kept as it is done.
    """
    data = read_traces(folder, new_bar("read traces"))
    parts = {name: parts_of(data, PROTOCOLS[name], options.folds) for name in options.protocols}
    tasks = [
        Task(model, PROTOCOLS[name], part, seed)
        for name, found in parts.items()
        for seed in options.seeds
        for part in found
        for model in TRACE_MODELS
    ]
    made = run_tasks(
        answer,
        tasks,
        data,
        place / "recorded",
        processes=options.processes,
        dask=options.dask,
        progress=new_bar("train and answer"),
        say=say,
    )
    answers = [Answers(task, arrays) for task, arrays in zip(tasks, made, strict=True)]
    found = _scores(data, parts, answers, new_bar)
    described = {
        "simulated": data.simulated,
        "digest": data.digest,
        "traces": len(data.x),
        "persons": len(set(data.persons)),
        "skipped": len(data.skipped),
        "seeds": list(options.seeds),
        "folds": list(options.folds),
    }
    return Recorded(described, found, tuple(_programs(data, parts, answers, options, new_bar)))


def _scores(
    data: Any, parts: dict[str, list[Part]], answers: list[Answers], new_bar: NewBar
) -> tuple[Scores, ...]:
    found: list[Scores] = []
    for name, cut in parts.items():
        mine = [a for a in answers if a.task.protocol.name == name]
        advance = new_bar(f"baselines, {name}")
        protocol_set = chosen(data, PROTOCOLS[name])
        flat = flat_codes(protocol_set)
        others = []
        for done, who in enumerate(BASELINES, 1):
            others += [baseline(who, flat, protocol_set.y, part) for part in cut]
            advance(done, len(BASELINES))
        found += scores(data, PROTOCOLS[name], cut, mine, others)
    return tuple(found)


def _programs(
    data: Any,
    parts: dict[str, list[Part]],
    answers: list[Answers],
    options: Options,
    new_bar: NewBar,
) -> list[Program]:
    """The first fold's program of each network and protocol on each target."""
    firsts = [
        next(a for a in answers if (a.task.protocol.name, a.task.model) == (name, model))
        for name in parts
        for model in TRACE_MODELS
    ]
    advance = new_bar("programs on targets")
    total = len(firsts) * len(options.targets)
    advance(0, total)
    found = []
    for first in firsts:
        for target in options.targets:
            found.append(program(data, first, target))
            advance(len(found), total)
    return found
