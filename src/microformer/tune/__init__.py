"""Stage ``tune``: FloatModel + Ranges + samples -> Tuned, every step kept only where measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from microformer.graph.conversion import Conversion
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned, TuneStep
from microformer.tune.channels import by_channel
from microformer.tune.equalise import channel_peaks, equalised, sites
from microformer.tune.objective import (
    BUDGET_MACS,
    MACS_PER_SECOND,
    MEASURED,
    Calibrate,
    Convert,
    Objective,
    Score,
    graph_macs,
    int_values,
    measured,
)
from microformer.tune.residual import by_rows, in_residual, where_needed
from microformer.tune.rounding import corrected_bias, layers, rounded_weight

__all__ = ["tune"]

NORMAL_TENSORS = 8
USUAL_TRIALS, FEWEST = 40, 4
"""Trials that the budget is divided by, and the fewest samples that one is measured on."""


def tune(
    model: FloatModel,
    ranges: Ranges,
    x: Array,
    *,
    convert: Convert,
    calibrate: Calibrate,
    effort: str = "normal",
    residual: str = "enough",
    channels: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Tuned:
    """The model and ranges of least measured error at the output.

    ``x`` [N, *input shape] are the calibration samples. "low" changes nothing. "normal" tries
    equalisation everywhere at once, other observers for the tensors where they differ most, and
    bias correction, within ``BUDGET_MACS`` for models of any size: trials run on fewer samples, and
    what is left untried is said. "high" tries equalisation
    site by site, every observer for every tensor, and rounding weights by reconstruction.
    ``residual`` gives groups of rows of the residual stream scales of their own where that gains
    ("rows", and first in "auto" and "enough"), and puts it in int16: nothing of it, all ("int16"),
    what gains ("auto"), or that where the output keeps less than 26 dB otherwise ("enough"). With
    ``channels`` an input of unlike channels has a scale for each, where that gains. Deterministic:
    no random numbers, trials in the model's order.
    """
    start = Tuned(model, model, ranges)
    if channels:
        start = by_channel(start, x, convert, calibrate)
    model, ranges = start.model, start.ranges
    start = replace(start, ranges=replace(ranges, rows={}))
    if residual in ("enough", "rows", "auto"):
        start = by_rows(start, ranges, x, convert)
    if residual in ("int16", "auto"):
        start = in_residual(start, x, convert, measured=residual == "auto", progress=progress)
    calibrate = _with_rows_of(start.ranges, calibrate)
    if not ranges.calibrated or model.imported is not None:
        return start  # noise tells nothing; scales that a model brought along are kept
    if effort != "low":
        start = _searched(start, x, convert, calibrate, effort, progress)
    if residual == "enough":
        start = where_needed(start, x, convert, progress)
    return start


def _searched(
    start: Tuned,
    x: Array,
    convert: Convert,
    calibrate: Calibrate,
    effort: str,
    progress: Callable[[int, int], None] | None,
) -> Tuned:
    """What an effort beyond "low" tries."""
    work = graph_macs(convert(start.model, start.ranges).graph)
    search = _Search(start, x, convert, calibrate, progress, work, effort == "normal")
    search.equalise((0.5,) if effort == "normal" else (0.5, 0.3, 0.7), one_by_one=effort == "high")
    search.observers(NORMAL_TENSORS if effort == "normal" else len(start.ranges.by_name))
    search.biases()
    if effort == "high":
        search.weights()
        search.biases()
    return replace(search.best, steps=tuple(search.steps), notes=search.notes())


def _with_rows_of(ranges: Ranges, calibrate: Calibrate) -> Calibrate:
    """``calibrate``, with groups of rows only of the tensors that have some in ``ranges``."""

    def calibrated(model: FloatModel, x: Array) -> Ranges:
        found = calibrate(model, x)
        return replace(found, rows={n: r for n, r in found.rows.items() if n in ranges.rows})

    return calibrated


@dataclass(eq=False)
class _Search:
    """The best so far, and the log of trials."""

    best: Tuned
    x: Array
    convert: Convert
    calibrate: Calibrate
    progress: Callable[[int, int], None] | None
    work: int
    """Multiply-accumulates of one inference."""
    bounded: bool
    """Whether ``BUDGET_MACS`` holds."""
    steps: list[TuneStep] = field(init=False)
    spent: int = 0
    untried: int = 0

    def __post_init__(self) -> None:
        self.steps = list(self.best.steps)
        most = MEASURED
        if self.bounded:
            most = int(np.clip(BUDGET_MACS // (USUAL_TRIALS * max(self.work, 1)), FEWEST, MEASURED))
        self.fitted = self.x[0::2][:most]
        self.objective = Objective(self.best.model, measured(self.x, most), self.convert)
        self.score = self._score(self.best)

    def affords(self, samples: int) -> bool:
        """Whether so many inferences are within the budget; they are counted, or the trial is."""
        need = samples * self.work
        if self.bounded and self.spent + need > BUDGET_MACS:
            self.untried += 1
            return False
        self.spent += need
        return True

    def notes(self) -> tuple[str, ...]:
        """What the budget left untried."""
        if not self.untried:
            return ()
        seconds = BUDGET_MACS // MACS_PER_SECOND
        return (
            f"Effort 'normal' tried {len(self.steps)} changes and left {self.untried} or more, as "
            f"an inference has {self.work:,} MAC and the budget is about {seconds} seconds of one "
            "core; effort 'high' tries all.",
        )

    def _score(self, trial: Tuned) -> Score:
        return self.objective.score(trial.model, trial.ranges, frozenset(trial.int16_tensors))

    def _converted(self, trial: Tuned) -> Conversion:
        return self.convert(trial.model, trial.ranges, int16_tensors=frozenset(trial.int16_tensors))

    def attempt(self, what: str, where: str, trial: Tuned) -> bool:
        """Measure a trial; it becomes the best where it is better beyond chance."""
        if not self.affords(len(self.objective)):
            return False
        score = self._score(trial)
        kept = score.better_than(self.score)
        step = TuneStep(what, where, self.score.sqnr_db, score.sqnr_db, kept)
        self.steps.append(step)
        if kept:
            self.best, self.score = trial, score
        if self.progress is not None:
            self.progress(len(self.steps), len(self.steps) + 1)
        return kept

    def _with(self, constants: dict[str, Array]) -> Tuned:
        return replace(self.best, model=self.best.model.with_constants(constants))

    def equalise(self, alphas: tuple[float, ...], one_by_one: bool) -> None:
        """Channels alike: at all sites together, then at each alone."""
        if not self.affords(len(self.fitted) + 2 * len(self.x)):  # peaks, and ranges anew
            return
        peaks = channel_peaks(self.best.model, self.fitted)
        if not peaks:
            return
        for alpha in alphas:
            constants: dict[str, Array] = {}
            for site in sites(self.best.model):
                found = equalised(self.best.model, site, peaks[site.name], alpha)
                if not constants.keys() & found.keys():  # two sites may meet in one weight
                    constants |= found
            if self._equalised(f"equalisation {alpha}", "all layers", constants):
                return
        for site in list(sites(self.best.model)) if one_by_one else ():
            for alpha in alphas:
                now = next(s for s in sites(self.best.model) if s.name == site.name)
                constants = equalised(self.best.model, now, peaks[site.name], alpha)
                if self._equalised(f"equalisation {alpha}", site.name, constants):
                    break

    def _equalised(self, what: str, where: str, constants: dict[str, Array]) -> bool:
        model = self.best.model.with_constants(constants)
        trial = Tuned(
            model, model, self.calibrate(model, self.x), int16_tensors=self.best.int16_tensors
        )
        return self.attempt(what, where, trial)

    def observers(self, count: int) -> None:
        """Other ranges for the ``count`` tensors over which the observers differ most."""
        for name in list(_most_disputed(self.best.ranges))[:count]:
            seen = self.best.ranges.by_name[name]
            tried = {(seen.low, seen.high)}
            for observer, low, high in seen.choices:
                if (low, high) in tried:
                    continue
                tried.add((low, high))
                by_name = {**self.best.ranges.by_name, name: replace(seen, low=low, high=high)}
                ranges = replace(self.best.ranges, by_name=by_name)
                self.attempt(f"{observer} range", name, replace(self.best, ranges=ranges))

    def biases(self) -> None:
        """Bias correction of all layers."""
        constants: dict[str, Array] = {}
        if not self.affords(len(self.fitted)):
            return
        conversion = self._converted(self.best)
        for layer in layers(conversion, int_values(conversion, self.fitted)):
            constants |= corrected_bias(layer)
        if constants:
            self.attempt("bias correction", "all layers", self._with(constants))

    def weights(self) -> None:
        """Rounding by reconstruction: every layer on the outputs of those before it."""
        trial = self.best
        names = [str(n.name) for n in trial.model.model.graph if n.op_type == "Linear"]
        for name in names:
            conversion = self._converted(trial)
            values = int_values(conversion, self.fitted)
            for layer in layers(conversion, values):
                if layer.node.name == name:
                    model = trial.model.with_constants(rounded_weight(layer))
                    trial = replace(trial, model=model)
        self.attempt("rounding by reconstruction", "all layers", trial)


def _most_disputed(ranges: Ranges) -> Iterator[str]:
    """Tensors by how much narrower their narrowest proposed range is than their widest."""
    agreement = {}
    for name, seen in ranges.by_name.items():
        widths = [high - low for _, low, high in seen.choices]
        if widths and min(widths) < max(widths):
            agreement[name] = min(widths) / max(widths)
    yield from sorted(agreement, key=lambda n: float(np.round(agreement[n], 6)))
