"""The network as an 8-bit program: what it answers, and what it costs on a target, measured."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import microformer
from microformer import Compiled, MicroformerError, Report
from tinyradar.dataset.cache import Bytes
from tinyradar.models import Model
from tinyradar.reproduce.front import with_front_end
from tinyradar.watch.basis import Basis

PREFERRED = ("pulp-ri5cy", "cortex-m7")
"""Cycle-exact where its RTL is there, else an estimate that needs nothing but pip."""
BATCH = 32

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """``report`` is of one sequence, run on the target with the FFT that makes its maps, where
    there is room for it; ``note`` says why on no better target, or why without."""

    model: Model
    compiled: Compiled
    report: Report
    note: str

    def scores(self, maps: Bytes) -> Scores:
        """Of sequences [N, windows, 32, points, sensors] the softmax of the outputs: [N, classes].

        The outputs are those of the integer program, bit for bit.
        """
        parts = [
            microformer.predict(self.compiled, self.model.reader.inputs(maps[i : i + BATCH]))
            for i in range(0, len(maps), BATCH)
        ]
        outputs = np.concatenate(parts).reshape(len(maps), -1)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Scores = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def figures(self) -> dict[str, Any]:
        """What the page shows; null is what the target has no model of."""
        report = self.report
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
            "note": self.note,
        }


def program(found: Basis, target: str | None) -> Program:
    """Compile for ``target`` and run one sequence there; without one, the first of PREFERRED.

    Raises MicroformerError where the target is unknown, lacks a tool or is too small.
    """
    model, note = found.subject.model, ""
    for name in (target,) if target else PREFERRED:
        try:
            _, compiled = found.subject.compiled(found.data, name)
            whole, refused = with_front_end(compiled, model, found.data)
            report = microformer.run(whole, model.reader.inputs(found.sample), count=1)
        except MicroformerError as error:
            if target or name == PREFERRED[-1]:
                raise
            note = f"Not on {name}: {error}"
        else:
            return Program(model, compiled, report, note or refused)
    raise AssertionError("the last target has either raised or returned")
