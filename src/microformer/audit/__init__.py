"""Stage ``audit``: a conversion, its float model and samples -> Audit, layer by layer, measured."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import beyond_chance, sqnr_db
from microformer.audit.advice import advise
from microformer.audit.hybrid import Hybrid
from microformer.audit.record import Audit, LayerAudit
from microformer.graph.conversion import Conversion
from microformer.graph.ends import columns_of
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array

__all__ = ["Audit", "LayerAudit", "audit"]

_MOVING = {"Reshape", "Transpose", "Slice", "Concat", "MaxPool"}
"""They compute nothing: what they lose is lost before them."""


def audit(
    conversion: Conversion,
    reference: FloatModel,
    x: Array,
    y: Array | None = None,
    *,
    answers: str = "",
    softmax: str = "lut",
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """What every layer of a quantised model costs at the end, and what to do about it.

    ``reference`` is the float model that the integers are compared with, node by node of the same
    names. Each layer is put back to float alone and the whole program is run again over ``x``
    [N, *input shape]: no figure is inferred from another. ``y`` are classes of the output
    ``answers``, the first if it is empty.
    """
    return _Auditor(conversion, reference, x, y, answers).audit(softmax, progress)


def _float_values(model: FloatModel, x: Array) -> dict[str, Array]:
    """Every float tensor over the samples, each [N, *its shape]."""
    runner = FloatRunner(model, keep=True)
    rows = [runner(x[i][None]) for i in range(len(x))]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


class _Auditor:
    def __init__(
        self,
        conversion: Conversion,
        reference: FloatModel,
        x: Array,
        y: Array | None,
        answers: str,
    ) -> None:
        self._conversion, self._reference, self._y = conversion, reference, y
        self._answers = columns_of(reference.outputs, answers)
        self._hybrid = Hybrid(conversion, reference, x)
        self._floats = _float_values(reference, x)
        self._wanted = np.concatenate([self._flat(e.name) for e in reference.outputs], axis=1)
        self._base = self._hybrid.run().outputs

    def audit(self, softmax: str, progress: Callable[[int, int], None] | None) -> Audit:
        """All layers; ranked by ``cost_db``, those beyond chance first."""
        nodes = list(self._layers())
        layers = []
        for done, node in enumerate(nodes, 1):
            layers.append(self._layer(node))
            if progress is not None:
                progress(done, len(nodes))
        worst = sorted(layers, key=lambda layer: (not layer.certain, -layer.cost_db))
        return Audit(
            model=self._reference.name,
            softmax=softmax,
            samples=len(self._base),
            sqnr_db=sqnr_db(self._wanted, self._base),
            accuracy_float=self._accuracy(self._wanted),
            accuracy_int8=self._accuracy(self._base),
            layers=tuple(layers),
            culprits=tuple(layer.name for layer in worst),
        )

    def _layers(self) -> Iterator[ir.Node]:
        """Nodes that compute something and have integer work of their own."""
        for node in self._reference.model.graph:
            if node.op_type not in _MOVING and self._conversion.nodes[str(node.name)]:
                yield node

    def _layer(self, node: ir.Node) -> LayerAudit:
        name, result = str(node.name), str(node.outputs[0].name)
        alone = self._hybrid.run(frozenset({name}))
        around = frozenset({name, *(str(use.node.name) for use in node.outputs[0].uses())})
        rounded, exposed = self._hybrid.run(around), self._hybrid.run(around, exposed=result)
        assert alone.layer is not None
        tensor = self._conversion.graph.tensors[self._conversion.tensors[result]]
        assert tensor.qparams is not None
        levels = self._hybrid.levels[tensor.name]
        low, high = tensor.qparams.low_high
        half = tensor.qparams.scale / 2
        own = alone.layer.reshape(len(levels), -1).astype(np.float64)
        clipped = (own < low - half) | (own > high + half)
        figures = LayerAudit(
            name=name,
            op=node.op_type,
            sqnr_db=sqnr_db(self._flat(result), self._hybrid.real(result)),
            own_sqnr_db=sqnr_db(own, self._hybrid.real(result)),
            saturated=float(clipped.mean()),
            range_use=float(int(levels.max()) - int(levels.min())) / (2**tensor.qparams.bits - 1),
            channel_spread=_channel_spread(self._floats[result], node.op_type),
            coarse_channels=self._coarse(name),
            gain_db=self._gain_db(alone.outputs, self._base),
            output_gain_db=self._gain_db(exposed.outputs, rounded.outputs),
            gain_points=self._points(alone.outputs, self._base, exposed.outputs, rounded.outputs),
            certain=self._certain(alone.outputs, self._base)
            or self._certain(exposed.outputs, rounded.outputs),
            advice="",
            bits=tensor.qparams.bits,
        )
        return advise(figures)

    def _gain_db(self, after: Array, before: Array) -> float:
        better = sqnr_db(self._wanted, after)
        return 0.0 if math.isinf(better) else better - sqnr_db(self._wanted, before)

    def _certain(self, after: Array, before: Array) -> bool:
        """Whether the samples' errors fall by more than chance."""
        errors = [np.square(self._wanted - run).sum(axis=1) for run in (before, after)]
        return beyond_chance(errors[0] - errors[1])

    def _points(self, *runs: Array) -> float | None:
        """Percentage points that runs 0 and 2 are better than runs 1 and 3."""
        shares = [self._accuracy(run) for run in runs]
        known = [share for share in shares if share is not None]
        return 100.0 * (known[0] - known[1] + known[2] - known[3]) if known else None

    def _flat(self, name: str) -> NDArray[np.float64]:
        value = self._floats[name]
        return value.reshape(len(value), -1).astype(np.float64)

    def _accuracy(self, outputs: NDArray[np.float64]) -> float | None:
        if self._y is None:
            return None
        asked = self._y >= 0  # of a sequence its last step
        return float((outputs[asked][:, self._answers].argmax(axis=1) == self._y[asked]).mean())

    def _coarse(self, name: str) -> int:
        """Channels of a layer whose multiplier has fewer than three bits."""
        graph = self._conversion.graph
        count = 0
        for node in graph.nodes:
            if node.name in self._conversion.nodes[name] and node.op.kind in {"Linear", "Conv2d"}:
                mult = graph.tensors[node.inputs[2]].data
                count += 0 if mult is None else int((mult < 8).sum())
        return count


def _channel_spread(value: Array, op_type: str) -> float:
    """Largest magnitude of any channel over the median channel's; 1 where there is but one."""
    axis = 2 if op_type in {"Conv", "AveragePool"} else value.ndim - 1  # [N, 1, C, ...]
    peaks = np.abs(value).max(axis=tuple(a for a in range(value.ndim) if a != axis))
    median = float(np.median(peaks))
    return float(peaks.max()) / median if median > 0.0 else 1.0
