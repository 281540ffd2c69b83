"""Recorded or simulated traces, played with the network of recorded hands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import microformer
from microformer import Compiled
from tinyradar.dataset.traces import COLUMNS, FRAME_MS, FRAMES, OPEN, TraceSet, read_traces
from tinyradar.errors import RadarError
from tinyradar.models import TRACE_MODELS
from tinyradar.models.reading import codes
from tinyradar.recorded.protocol import PROTOCOLS, Part, chosen, parts_of
from tinyradar.recorded.tasks import Answers, Task, shipped
from tinyradar.simulate.traces import simulate_traces
from tinyradar.train.checkpoint import read_arrays
from tinyradar.train.integers import calibration
from tinyradar.train.weights import BRING
from tinyradar.watch.program import Program, measured, on_first
from tinyradar.watch.show import Play

MODEL = "transformer-traces"
PROTOCOL = PROTOCOLS["five"]
MOST = 5000
EACH = 3
"""Traces of each gesture that are simulated."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class TraceShow:
    """``data`` are the traces that play; ``about`` says whose they are, for whoever reads hits."""

    data: TraceSet
    program: Program
    fold: int
    about: str

    def session(self) -> dict[str, Any]:
        """What does not change while the page is open; as ``Show``'s, of traces."""
        figures = self.program.figures()
        return {
            "model": MODEL,
            "fold": self.fold,
            "trained_on": "recorded",
            "in_integers": False,
            "gestures": self.data.gestures,
            "window_s": FRAME_MS / 1000.0,
            "windows_a_decision": FRAMES,
            "a_decision": "Trace",
            "shown": "Trace",
            "scale": ["what the network reads", "its 8-bit codes, lowest to highest"],
            "rows": COLUMNS,
            "figures": figures,
            "notes": [note for note in (self.about, figures["note"], _COLUMNS_NOTE) if note],
            "recordings": [
                {"name": name, "label": int(label), "simulated": self.data.simulated}
                for name, label in zip(self._names, self.data.y, strict=True)
            ],
        }

    @cached_property
    def _names(self) -> list[str]:
        """Person, gesture and a number of its own."""
        seen: dict[tuple[str, int], int] = {}
        names = []
        for person, label in zip(self.data.persons, self.data.y.tolist(), strict=True):
            number = seen[person, label] = seen.get((person, label), 0) + 1
            names.append(f"person {person}/{self.data.gestures[label]}/{number}")
        return names

    def play(self, index: int) -> Play:
        """The trace of that index: its codes appear frame by frame, the answer with the last."""
        x = self.data.x[index]
        levels = (codes(x).astype(np.int16) + 128).astype(np.uint8)  # [FRAMES, VALUES]
        maps = np.zeros((FRAMES, 1, len(COLUMNS), FRAMES), np.uint8)
        for frame in range(FRAMES):
            maps[frame, 0, :, : frame + 1] = levels[: frame + 1].T
        scores = tuple(round(float(s), 4) for s in self.program.scores(x[None])[0])
        return Play(maps, (*(None,) * (FRAMES - 1), scores), (FRAMES - 1,))

    def warm(self) -> None:
        """Nothing takes long here."""


_COLUMNS_NOTE = "What the ten values of a frame are is a guess: the set names no column."


def watch_traces(
    source: Path | None,
    fold: int,
    target: str | None,
    seed: int,
    new_bar: Callable[[str], Progress],
) -> TraceShow:
    """Read (or simulate) traces, compile the shipped network, measure it.

    Of the set that the weights know, the fold's held-out persons play; of any other all do, and
    the page says so. Raises RadarError or MicroformerError.
    """
    if source is None:
        data = simulate_traces(1, EACH, seed)
    else:
        data = read_traces(source, new_bar("traces"))
    mine = chosen(data, PROTOCOL)
    if not len(mine.x):
        gestures = ", ".join(PROTOCOL.gestures)
        raise RadarError(f"'{source}' holds no trace of the network's gestures ({gestures}).")
    if not 0 <= fold < 5:
        raise RadarError(f"There is no fold {fold}; there are 0 to 4.")
    arrays, task, about = _network(mine, data, fold)
    network = Answers(task, arrays).network(len(PROTOCOL.gestures))
    samples = calibration(TRACE_MODELS[MODEL], mine, task.part.train)
    model = TRACE_MODELS[MODEL]
    play = _only(mine, task.part.open[:MOST])
    advance = new_bar("compile and measure")
    advance(0, 1)

    def make(name: str) -> tuple[Compiled, dict[str, Any], str]:
        compiled = microformer.compile(network, samples, name)
        return compiled, measured(compiled, model.reader.inputs(play.x[:1])), ""

    made = Program(model, *on_first(target, make))
    advance(1, 1)
    return TraceShow(play, made, fold, about)


def _network(mine: TraceSet, data: TraceSet, fold: int) -> tuple[Any, Task, str]:
    """Weights of a fold, the task that they are of, and whether these persons are known to them."""
    path = shipped(f"{MODEL}-{PROTOCOL.name}-fold{fold}-seed0")
    if not path.is_file():
        raise RadarError(f"Here are no weights of {MODEL} for fold {fold}; {BRING}.")
    arrays, meta = read_arrays(path)
    if not data.simulated and set(data.scenes) >= {OPEN}:
        (part,) = parts_of(data, PROTOCOL, (fold,)) if len(set(mine.persons)) >= 5 else (None,)
        if part is not None:
            task = Task(MODEL, PROTOCOL, part, 0)
            if meta == task.description(data):
                about = f"Recorded persons on whom the network of fold {fold} was not trained."
                return arrays, task, about
    every = np.arange(len(mine.x))
    task = Task(MODEL, PROTOCOL, Part(fold, every, every, every[:0]), 0)
    who = "A simulated person" if data.simulated else "Persons that the weights do not know"
    return arrays, task, f"{who}; the network was trained on recorded hands."


def _only(data: TraceSet, indices: NDArray[np.int64]) -> TraceSet:
    """The traces of ``indices``."""
    return TraceSet(
        data.x[indices],
        data.y[indices],
        _at(data.persons, indices),
        _at(data.scenes, indices),
        data.gestures,
        data.skipped,
        data.simulated,
    )


def _at(values: Sequence[str], indices: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(values[int(i)] for i in indices)
