"""The measure of every trial: how far the integer program's output is from the float model's."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import beyond_chance, sqnr_db
from microformer.errors import MicroformerError
from microformer.graph.conversion import Conversion
from microformer.graph.cost import macs
from microformer.graph.ends import flat_outputs, quantized, real_outputs
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned
from microformer.reference import evaluate

ALL_INT8: frozenset[str] = frozenset()


class Convert(Protocol):
    """What makes integers of a float model; ``int16_tensors`` are the tensors in int16."""

    def __call__(
        self, model: FloatModel, ranges: Ranges, /, *, int16_tensors: frozenset[str] = ALL_INT8
    ) -> Conversion: ...


Calibrate = Callable[[FloatModel, Array], Ranges]


MEASURED = 64
"""Samples that trials are measured on, and as many others that steps are fitted to."""
NORMAL_MACS = 20_000_000
"""Beyond so many, one inference in NumPy takes too long to try forty."""


MACS_PER_SECOND = 2_000_000_000
"""What NumPy and onnxruntime do on one core of a desk's computer, about."""
BUDGET_MACS = 60 * MACS_PER_SECOND
"""Of effort "normal". Counted, not timed: the same model is compiled alike everywhere."""
FEW = 16
"""Samples for a model of more than ``NORMAL_MACS``."""


def measured(x: Array, most: int = MEASURED) -> Array:
    """Every other one of the samples: those that no step is fitted to."""
    return (x[1::2] if len(x) >= 2 else x)[:most]


def graph_macs(graph: IntGraph) -> int:
    """Multiply-accumulates of one inference."""
    tensors = graph.tensors
    return sum(macs(n.op, graph.operands(n), tensors[n.output]) for n in graph.nodes)


def int_values(conversion: Conversion, x: Array) -> dict[str, Array]:
    """Every int tensor for samples x [N, ...], by its name."""
    return evaluate(conversion.graph, quantized(conversion.graph, x), keep=True)


@dataclass(frozen=True, eq=False)
class Score:
    """Squared error at the output, a sample each [N], and the SQNR over all of them."""

    errors: NDArray[np.float64]
    sqnr_db: float

    def better_than(self, other: "Score") -> bool:
        """Whether the mean error is lower, and by more than chance."""
        if not np.isfinite(other.errors).all():
            return bool(np.isfinite(self.errors).all())
        return beyond_chance(other.errors - self.errors)


class Objective:
    """Squared error at the output over samples that no step is fitted to.

    Of several outputs each counts in shares of its own power.
    """

    def __init__(self, model: FloatModel, x: Array, convert: Convert) -> None:
        runner = FloatRunner(model)
        self._x, self._convert = x, convert
        rows = [runner(x[i][None]) for i in range(len(x))]
        parts = [np.stack([row[end.name].reshape(-1) for row in rows]) for end in model.outputs]
        powers = [float(np.square(part, dtype=np.float64).mean()) ** 0.5 or 1.0 for part in parts]
        weights = [np.full(p.shape[1], 1.0 / w) for p, w in zip(parts, powers, strict=True)]
        self._weights = np.concatenate(weights) if len(parts) > 1 else np.ones(1)
        self._real = np.concatenate(parts, axis=1).astype(np.float64) * self._weights

    def __len__(self) -> int:
        """Samples that a score takes."""
        return len(self._x)

    def score(
        self, model: FloatModel, ranges: Ranges, int16_tensors: frozenset[str] = ALL_INT8
    ) -> Score:
        """The score of a model; infinitely bad where 32 bits do not hold the program."""
        try:
            conversion = self._convert(model, ranges, int16_tensors=int16_tensors)
        except MicroformerError:
            return Score(np.full(len(self._x), math.inf), -math.inf)
        made = flat_outputs(conversion.graph, int_values(conversion, self._x))
        real = real_outputs(conversion.graph, made).reshape(self._real.shape) * self._weights
        errors: NDArray[np.float64] = np.square(self._real - real).sum(axis=1)
        return Score(errors, sqnr_db(self._real, real))


def objective_of(start: Tuned, x: Array, convert: Convert) -> Objective:
    """What steps are measured with that are tried whatever the model's size is."""
    large = graph_macs(convert(start.model, start.ranges).graph) > NORMAL_MACS
    return Objective(start.model, measured(x, FEW if large else MEASURED), convert)
