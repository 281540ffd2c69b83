"""Stage ``validate``: what a board said + what it must say -> Validation: bytes, cycles, factor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from microformer.errors import ToolError
from microformer.graph.tensor import Array
from microformer.validate.lines import Broken, Line, read
from microformer.validate.record import Hello, Round, first_round

__all__ = ["Broken", "Expected", "Hello", "Line", "MeasuredLayer", "Validation", "read", "validate"]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class MeasuredLayer:
    """One layer: the median of its cycles over all samples, and the estimate where there is one."""

    name: str
    op: str
    cycles: int
    estimate: int | None
    ratio: float | None


@dataclass(frozen=True)
class Validation:
    """A board's round against the reference.

    ``exact``: every output byte of every sample came and is right. ``broken`` and ``missing`` name
    what was not believed or did not come. ``cycles`` is the median over samples of the whole
    network; ``factor`` is it over ``estimate``, None where the core has no timing model.
    """

    model: str
    board: str
    target: str
    measured_on: str
    samples: int
    exact: bool
    wrong_bytes: int
    broken: tuple[str, ...]
    missing: tuple[str, ...]
    counter: str
    clock_hz: int
    cycles: int | None
    estimate: int | None
    factor: float | None
    layers: tuple[MeasuredLayer, ...]
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, eq=False)
class Expected:
    """What the firmware of a compiled model must say.

    ``outputs`` int8 [N, bytes]; ``layers`` are (name, op, estimated cycles or None).
    """

    model: str
    target: str
    digest: str
    inputs: str
    outputs: Array
    layers: Sequence[tuple[str, str, int | None]]
    estimate: int | None


def validate(expected: Expected, lines: "Sequence[Line | Broken]") -> Validation:
    """Check a log. Raises ToolError where no round began, or it is of another program."""
    said = first_round(list(lines))
    hello = said.hello
    if hello.digest != expected.digest:
        raise ToolError(
            f"The board runs another program: '{hello.model}' with digest {hello.digest}, and "
            f"'{expected.model}' has {expected.digest}; export and flash it again."
        )
    if hello.inputs != expected.inputs:
        raise ToolError(
            "The board measures with other samples than these: give --data as it was given to "
            "'microformer export --firmware', or leave it out where it was left out."
        )
    wrong = 0
    for sample in range(hello.samples):
        made = said.output(sample)
        if made is not None:
            wanted = expected.outputs[sample].tobytes()
            wrong += sum(a != b for a, b in zip(made, wanted, strict=True))
    missing = tuple(said.missing())
    if not said.complete:
        missing = (*missing, "the line that ends the round")
    cycles = _median(list(said.totals.values()))
    estimate = expected.estimate
    return Validation(
        model=expected.model,
        board=hello.board,
        target=expected.target,
        measured_on=date.today().isoformat(),
        samples=hello.samples,
        exact=not wrong and not missing and not said.broken,
        wrong_bytes=wrong,
        broken=tuple(map(str, said.broken)),
        missing=missing,
        counter=hello.counter,
        clock_hz=hello.clock_hz,
        cycles=cycles,
        estimate=estimate,
        factor=cycles / estimate if cycles and estimate else None,
        layers=_layers(expected, said),
    )


def _median(values: list[int]) -> int | None:
    return int(np.median(values)) if values else None


def _layers(expected: Expected, said: Round) -> tuple[MeasuredLayer, ...]:
    rows = []
    for number, (name, op, estimate) in enumerate(expected.layers):
        cycles = _median([c[number] for c in said.cycles.values() if number in c])
        if cycles is not None:
            ratio = cycles / estimate if estimate else None
            rows.append(MeasuredLayer(name, op, cycles, estimate, ratio))
    return tuple(rows)
