"""Finalists: trained again with other seeds, their programs measured, predicted beside measured."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from microformer import api
from microformer.errors import DataError, MicroformerError
from microformer.search.record import Found, Tried
from microformer.search.settings import Settings
from microformer.search.spec import Spec
from microformer.search.storage import optuna
from microformer.search.trial import seed_everything

SEEDS = 3


@dataclass(frozen=True)
class Finalist:
    """A trial of the front: ``losses`` of each seed, ``scores`` on data that no trial saw (empty
    where the spec has no ``final``), predicted and measured cycles; ``reason`` why none was."""

    number: int
    params: dict[str, Any]
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    predicted_cycles: int | None
    cycles: int | None = None
    cycles_kind: str | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    bit_exact: bool | None = None
    reason: str = ""

    @property
    def score(self) -> float | None:
        """Mean of the scores."""
        return statistics.fmean(self.scores) if self.scores else None


def measure_finalists(
    made: Found,
    spec: Spec,
    settings: Settings,
    count: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Finalist]:
    """The ``count`` best by loss of the front, each trained SEEDS times and measured once."""
    if spec.samples is None:
        raise DataError("The spec has no function 'samples' that finalists are quantised with.")
    best = sorted(made.on_front(), key=lambda t: t.loss or 0.0)[:count]
    progress(0, len(best))
    results = []
    for one in best:
        results.append(_measured(one, spec, settings))
        progress(len(results), len(best))
    return results


def _measured(one: Tried, spec: Spec, settings: Settings) -> Finalist:
    losses, scores, first = [], [], None
    for seed in range(SEEDS):
        seed_everything((settings.seed + 1) * 7919 + seed)
        module, train, evaluate = spec.build(optuna().trial.FixedTrial(one.params))
        train(lambda _step, _loss: None)
        losses.append(float(evaluate()))
        module.eval()
        first = first if first is not None else module
        if spec.final is not None:
            scores.append(float(spec.final(module)))
    about = (one.number, one.params, tuple(losses), tuple(scores), one.cycles)
    assert spec.samples is not None
    x = spec.samples()
    try:
        compiled = api.compile(first, x, settings.target)
        report = api.run(compiled, x[:1], count=1)
    except MicroformerError as error:
        return Finalist(*about, reason=str(error))
    return Finalist(
        *about,
        cycles=report.cycles,
        cycles_kind=report.cycles_kind,
        ram_bytes=report.ram_bytes,
        flash_bytes=report.flash_bytes,
        bit_exact=report.bit_exact,
    )
