"""The front end of a network on a target: a figure of its own, beside the network's."""

from dataclasses import dataclass

import microformer
from microformer import Compiled, MicroformerError, RangeDoppler, Report
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.converter import gain
from tinyradar.models import UNIT, Model


@dataclass(frozen=True)
class OnFront:
    """Features of a sequence on a target, and their sum with the network; ``reason`` says why
    there are none, and all else is None. ``window_cycles`` are those of one of ``windows``."""

    reason: str = ""
    bit_exact: bool | None = None
    windows: int | None = None
    window_cycles: int | None = None
    core_cycles_per_fft: float | None = None
    cycles: int | None = None
    latency_ms: float | None = None
    energy_mj: float | None = None
    total_cycles: int | None = None
    total_latency_ms: float | None = None
    total_energy_mj: float | None = None


def front_end(model: Model, data: Dataset) -> RangeDoppler:
    """What makes the input of ``model`` of a radar's samples.

    ``points`` are what the radar sends; of these the model's every ``step``-th is read.
    """
    return RangeDoppler(
        points=data.x.shape[3],
        sensors=data.x.shape[4],
        count=data.step * gain(),
        unit=UNIT,
        step=model.reader.step,
    )


def with_front_end(compiled: Compiled, model: Model, data: Dataset) -> tuple[Compiled, str]:
    """``compiled`` with its front end; where the target has no room for it, as it was, and why."""
    try:
        return microformer.with_front(compiled, front_end(model, data)), ""
    except MicroformerError as error:
        return compiled, str(error)


def on_front(report: Report, refused: str) -> OnFront:
    """The figures of a run."""
    made = report.features
    if made is None:
        return OnFront(refused)
    return OnFront(
        bit_exact=made.bit_exact,
        windows=made.windows,
        window_cycles=made.one_window.cycles,
        core_cycles_per_fft=made.core_cycles_per_fft,
        cycles=made.sequence.cycles,
        latency_ms=made.sequence.latency_ms,
        energy_mj=made.sequence.energy_mj,
        total_cycles=made.total.cycles,
        total_latency_ms=made.total.latency_ms,
        total_energy_mj=made.total.energy_mj,
    )
