"""Which tensors of the residual stream are worth sixteen bits."""

from collections.abc import Callable
from dataclasses import replace

from microformer.analysis.residual import residual_tensors
from microformer.analysis.rows import stream_tensors
from microformer.errors import DataError
from microformer.graph.float_model import Ranges
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned, TuneStep
from microformer.tune.objective import (
    BUDGET_MACS,
    Convert,
    Objective,
    Score,
    graph_macs,
    objective_of,
)

GIVEN_UP_DB = 0.5
"""The part of the output's SQNR with the whole stream in int16 that "auto" may lose."""


def in_residual(
    start: Tuned,
    x: Array,
    convert: Convert,
    *,
    measured: bool,
    progress: Callable[[int, int], None] | None,
) -> Tuned:
    """``start`` with its residual stream in int16; only what gains of it where ``measured``.

    Raises DataError where that cannot be measured, or the scales are a model's own.
    """
    if start.model.imported is not None:
        raise DataError(
            "The scales of a quantised model are kept, so its residual stream stays int8; leave "
            "--residual away, or import the float model."
        )
    if not measured:
        plain = replace(start.ranges, rows={})
        return replace(start, ranges=plain, int16_tensors=residual_tensors(start.model))
    if not start.ranges.calibrated:
        raise DataError(
            "--residual auto measures what gains, and noise tells nothing; give samples, or "
            "--residual int16."
        )
    return _Choice(start, objective_of(start, x, convert), progress).made()


WORTH_DB = 1.0
"""What groups of rows of layers must gain: each is a call more, of few rows."""


def by_rows(start: Tuned, ranges: Ranges, x: Array, convert: Convert) -> Tuned:
    """``start`` with the groups of rows of ``ranges``, if the output is nearer with them.

    Those of the residual stream are tried first, then what products, norms and functions make.
    """
    if not ranges.rows or not ranges.calibrated or start.model.imported is not None:
        return start
    streams = stream_tensors(start.model)
    objective = objective_of(start, x, convert)
    before = objective.score(start.model, start.ranges)
    stages = ((streams, "the residual stream", 0.0), (ranges.rows, "layers", WORTH_DB))
    for names, what, worth in stages:
        rows = {n: f for n, f in ranges.rows.items() if n in names or n in start.ranges.rows}
        found = len(rows) - len(start.ranges.rows)
        if not found:
            continue
        trial = replace(ranges, rows=rows)
        after = objective.score(start.model, trial)
        gains = after.better_than(before) and after.sqnr_db >= before.sqnr_db + worth
        groups = max(map(len, rows.values()))
        where = f"{found} tensors of {what}, up to {groups} each"
        step = TuneStep("groups of rows", where, before.sqnr_db, after.sqnr_db, gains)
        start = replace(start, steps=(*start.steps, step))
        if gains:
            start, before = replace(start, ranges=trial), after
    return start


ENOUGH_DB = 26.0
"""SQNR of the output from which on int8 is enough: an error of a twentieth of the signal."""


def where_needed(
    start: Tuned,
    x: Array,
    convert: Convert,
    progress: Callable[[int, int], None] | None,
) -> Tuned:
    """``start``, with what gains of it in int16 if the output keeps less than ``ENOUGH_DB``.

    What is more than the budget is said.
    """
    count = len(residual_tensors(start.model))
    if not count:
        return start
    objective = objective_of(start, x, convert)
    kept = objective.score(start.model, start.ranges).sqnr_db
    if kept >= ENOUGH_DB:
        return start
    work = graph_macs(convert(start.model, start.ranges).graph)
    if (count + 8) * len(objective) * work > BUDGET_MACS:
        note = (
            f"The output keeps {kept:.1f} dB over the calibration samples, and an int16 residual "
            "stream is too much work to try unasked; --residual auto tries it."
        )
        return replace(start, notes=(*start.notes, note))
    return _Choice(start, objective, progress).made()


class _Choice:
    """Each tensor alone is put back to int8; those that cost least go while little is lost."""

    def __init__(
        self,
        start: Tuned,
        objective: Objective,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._start, self._progress = start, progress
        self._sites = residual_tensors(start.model)
        self._objective = objective
        self._done = 0

    def made(self) -> Tuned:
        """The choice, and a line a tensor."""
        if not self._sites:
            return self._start
        none, all_ = self._score(frozenset()), self._score(frozenset(self._sites))
        gains = all_.better_than(none)
        whole = f"all {len(self._sites)} tensors of the residual stream"
        first = TuneStep("int16", whole, none.sqnr_db, all_.sqnr_db, gains)
        if not gains:
            return replace(self._start, steps=(*self._start.steps, first))
        alone = {s: self._score(frozenset(self._sites) - {s}) for s in self._sites}
        order = sorted(self._sites, key=lambda s: -alone[s].sqnr_db)  # stable: ties as they come
        gone, final = self._put_back(order, all_)
        steps = [first]
        for site in self._sites:
            kept = site not in gone
            steps.append(TuneStep("int16", site, alone[site].sqnr_db, all_.sqnr_db, kept))
        chosen = tuple(s for s in self._sites if s not in gone)
        where = f"the {len(chosen)} that gain most"
        steps.append(TuneStep("int16", where, none.sqnr_db, final.sqnr_db, True))
        steps = [*self._start.steps, *steps]
        plain = replace(self._start.ranges, rows={})
        return replace(self._start, ranges=plain, steps=tuple(steps), int16_tensors=chosen)

    def _put_back(self, order: list[str], all_: Score) -> tuple[frozenset[str], Score]:
        """The most of ``order``'s head that can be int8, by bisection, and the score then."""
        low, high, best = 0, len(order), all_
        while low < high:
            middle = (low + high + 1) // 2
            score = self._score(frozenset(order[middle:]))
            if score.sqnr_db >= all_.sqnr_db - GIVEN_UP_DB:
                low, best = middle, score
            else:
                high = middle - 1
        return frozenset(order[:low]), best

    def _score(self, int16_tensors: frozenset[str]) -> Score:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, len(self._sites) + 8)
        ranges = self._start.ranges
        ranges = replace(ranges, rows={}) if int16_tensors else ranges
        return self._objective.score(self._start.model, ranges, int16_tensors)
