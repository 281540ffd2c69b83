"""A gesture or word recognised on its target: samples to a class, and what that cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from microformer import pipeline
from microformer.graph.compiled import Compiled
from microformer.graph.project import RunResult
from microformer.graph.tensor import Array
from microformer.report.features import Cost, cost
from microformer.targets import Target


@dataclass(frozen=True)
class Recognition:
    """One sequence on its target, from samples to class: ``found`` of the largest score.

    ``features`` is the cost of all windows (None where there is no front end), ``network`` of the
    network, ``total`` of both;
    ``on_board`` is ``total`` with the wait states of the board's own flash, None where not known.
    ``bit_exact``: every byte of the map and of the scores was that of the NumPy reference.
    """

    found: int
    bit_exact: bool
    cycles_kind: str | None
    features: Cost | None
    network: Cost
    total: Cost
    on_board: Cost | None = None


Recogniser = Callable[[Array], Recognition]


def recognition(runs: pipeline.BothRuns, windows: int, target: Target) -> Recognition:
    """Class and cost of a sequence of so many windows.

    The front end's cycles are those of the first window, times the windows: they do not depend on
    the samples, but for a core's turn at a bank.
    """
    maps, scores = runs.maps, runs.scores
    whole = None if maps.cycles is None else maps.cycles * windows
    boards = (maps.board_cycles, scores.board_cycles)
    slow = None if None in boards else (boards[0] or 0) * windows + (boards[1] or 0)
    both_cycles = None if whole is None or scores.cycles is None else whole + scores.cycles
    return Recognition(
        found=int(scores.outputs.argmax()),
        bit_exact=runs.bit_exact,
        cycles_kind=scores.cycles_kind,
        features=cost(target, whole),
        network=cost(target, scores.cycles),
        total=cost(target, both_cycles),
        on_board=None if slow is None else cost(target, slow),
    )


@contextmanager
def recogniser(compiled: Compiled, target: Target) -> Iterator[Recogniser]:
    """A model's programs, built: samples [windows, *window] to a class; without a front end the
    network's real input [*input shape]."""
    if compiled.front is None:
        with pipeline.one_image(compiled, target) as image:
            yield lambda x: _network(*pipeline.run_one(compiled, image, x, target), target)
        return
    with pipeline.both_images(compiled, target) as images:
        yield lambda iq: recognition(
            pipeline.run_both(compiled, images, iq, target), len(iq), target
        )


def _network(scores: RunResult, exact: bool, target: Target) -> Recognition:
    """Class and cost of one input of a network alone."""
    whole = cost(target, scores.cycles)
    return Recognition(
        found=int(scores.outputs.argmax()),
        bit_exact=exact,
        cycles_kind=scores.cycles_kind,
        features=None,
        network=whole,
        total=whole,
        on_board=None if scores.board_cycles is None else cost(target, scores.board_cycles),
    )
