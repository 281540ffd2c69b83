"""The integer program with some of its layers put back to float, run and measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.analysis.float_run import NodeRunner
from microformer.graph.conversion import Conversion
from microformer.graph.ends import quantized
from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import Node
from microformer.graph.ops import Requantize
from microformer.graph.tensor import Array
from microformer.reference import evaluate, step


@dataclass(frozen=True, eq=False)
class Outcome:
    """Real outputs float64 [N, size] of a run, and what its first float layer computed."""

    outputs: NDArray[np.float64]
    layer: Array | None


class Hybrid:
    """Runs a conversion over samples; what no float layer touches is computed once."""

    def __init__(self, conversion: Conversion, reference: FloatModel, x: Array) -> None:
        graph = conversion.graph
        self._conversion, self._reference, self._count = conversion, reference, len(x)
        self._steps = {node.name: node for node in graph.nodes}
        self.levels: Mapping[str, Array] = evaluate(graph, quantized(graph, x), keep=True)
        self._runners: dict[str, NodeRunner] = {}

    def run(self, floats: frozenset[str] = frozenset(), exposed: str = "") -> Outcome:
        """The program with the nodes named in ``floats`` in float.

        A float node reads the real values of its int8 inputs and its result is rounded to int8 (or
        int16) again, as a program that mixes both would do. Only the tensor ``exposed`` is handed
        on to other float nodes as it is.
        """
        values, changed = dict(self.levels), set[str]()
        handed: dict[str, Array] = {}
        first: Array | None = None
        graph = self._conversion.graph
        for node in self._reference.model.graph:
            result = str(node.outputs[0].name)
            if node.name in floats:
                real = self._float(node, values, handed)
                first = real if first is None else first
                if result == exposed:
                    handed[result] = real
                name = self._conversion.tensors[result]
                tensor = graph.tensors[name]
                assert tensor.qparams is not None
                shaped = real.reshape(self._count, *tensor.shape)
                values[name] = tensor.quantize(shaped)
                changed.add(name)
                for start, stop, part in self._conversion.parts.get(result, ()):
                    qparams = graph.tensors[part].qparams
                    assert qparams is not None
                    values[part] = qparams.quantize(shaped[:, start:stop])
                    changed.add(part)
            for work in self._work(node, behind=node.name in floats):
                if changed.intersection(work.inputs):
                    values[work.output] = step(graph, work, values, self._count)
                    changed.add(work.output)
        parts = []
        for end in self._reference.outputs:
            real = handed.get(end.name, self.real(end.name, values))
            parts.append(real.reshape(self._count, -1).astype(np.float64))
        return Outcome(np.concatenate(parts, axis=1), first)

    def _work(self, node: ir.Node, *, behind: bool) -> list[Node]:
        """The integer nodes of a float node; those ``behind`` its result make it narrow again."""
        names = self._conversion.nodes[str(node.name)]
        work = [self._steps[name] for name in names if name in self._steps]
        result = self._conversion.tensors[str(node.outputs[0].name)]
        return [
            w for w in work if (isinstance(w.op, Requantize) and result in w.inputs) or not behind
        ]

    def real(self, name: str, values: Mapping[str, Array] | None = None) -> Array:
        """Real values of the int tensor of a float one, flat [N, size]; indices as they are."""
        int_name = self._conversion.tensors[name]
        tensor = self._conversion.graph.tensors[int_name]
        levels = (self.levels if values is None else values)[int_name].reshape(self._count, -1)
        return tensor.dequantize(levels)

    def _float(self, node: ir.Node, values: dict[str, Array], handed: dict[str, Array]) -> Array:
        name = str(node.name)
        runner = self._runners.setdefault(name, NodeRunner(self._reference, node))
        given = {}
        for value in runner.inputs:
            source = str(value.name)
            assert value.shape is not None
            flat = handed[source] if source in handed else self.real(source, values)
            given[source] = flat.reshape(self._count, *(int(d) for d in value.shape.numpy()))
        return runner(given)
