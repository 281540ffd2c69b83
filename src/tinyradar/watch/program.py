"""The network as an 8-bit program: what it answers, and what it costs on a target, measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import microformer
from microformer import Compiled, MicroformerError, Report
from tinyradar.models import Model
from tinyradar.reproduce.front import with_front_end
from tinyradar.watch.basis import Basis
from tinyradar.watch.kept import kept_figures

PREFERRED = ("pulp-ri5cy", "cortex-m7")
"""Cycle-exact where its RTL is there, else an estimate that needs nothing but pip."""
BATCH = 32

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """``costs`` are those of one sequence, run on the target with the FFT that makes its maps,
    where there is room for it (``figures_of``); ``note`` says why on no better target, or why
    without."""

    model: Model
    compiled: Compiled
    costs: dict[str, Any]
    note: str

    def scores(self, x: NDArray[Any]) -> Scores:
        """Of sequences [N, ...] of the set the softmax of the outputs: [N, classes].

        The outputs are those of the integer program, bit for bit.
        """
        parts = [
            microformer.predict(self.compiled, self.model.reader.inputs(x[i : i + BATCH]))
            for i in range(0, len(x), BATCH)
        ]
        outputs = np.concatenate(parts).reshape(len(x), -1)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Scores = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def figures(self) -> dict[str, Any]:
        """What the page shows; null is what the target has no model of."""
        return self.costs | {"note": self.note}


def figures_of(report: Report) -> dict[str, Any]:
    """Of a run what the page shows of it."""
    kind = report.cycles_kind
    if kind is None and report.latency_ms is not None:
        kind = "wall clock of this computer"
    made = report.features
    costs = {"network": (report.latency_ms, report.energy_mj)}
    if made is not None:
        for name, cost in (("maps", made.sequence), ("together", made.total)):
            costs[name] = (cost.latency_ms, cost.energy_mj)
    return {
        "costs": costs,
        "target": report.target,
        "kind": kind,
        "cycles": report.cycles,
        "instructions": report.instructions,
        "power_source": report.power_source,
        "bit_exact": report.bit_exact and (made is None or made.bit_exact),
        "macs": report.macs,
        "ram_bytes": report.ram_bytes,
        "flash_bytes": report.flash_bytes,
    }


def measured(compiled: Compiled, sample: NDArray[Any]) -> dict[str, Any]:
    """The figures of one input [1, ...] on the target, kept from the last time if nothing changed.

    Raises MicroformerError where the target lacks a tool.
    """
    return kept_figures(
        compiled, sample, lambda: figures_of(microformer.run(compiled, sample, count=1))
    )


def on_first(
    target: str | None, make: Callable[[str], tuple[Compiled, dict[str, Any], str]]
) -> tuple[Compiled, dict[str, Any], str]:
    """What ``make`` gives of ``target``; without one, of the first of PREFERRED that works.

    It gives program, figures and a note; the note says in place of it what was not there.
    """
    note = ""
    for name in (target,) if target else PREFERRED:
        try:
            compiled, costs, more = make(name)
        except MicroformerError as error:
            if target or name == PREFERRED[-1]:
                raise
            note = f"Not on {name}: {error}"
        else:
            return compiled, costs, note or more
    raise AssertionError("the last target has either raised or returned")


def program(found: Basis, target: str | None) -> Program:
    """Compile for ``target`` and run one sequence there; without one, the first of PREFERRED.

    Raises MicroformerError where the target is unknown, lacks a tool or is too small.
    """
    model = found.subject.model

    def make(name: str) -> tuple[Compiled, dict[str, Any], str]:
        _, compiled = found.subject.compiled(found.data, name)
        whole, refused = with_front_end(compiled, model, found.data)
        return compiled, measured(whole, model.reader.inputs(found.sample)), refused

    return Program(model, *on_first(target, make))
