"""A program built and measured, and what it answers, apart from the road from a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microformer.build import build
from microformer.emit import emit
from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.graph.verify import verify
from microformer.integer import evaluate
from microformer.integer.proof import prove
from microformer.lower import lower
from microformer.plan import plan
from microformer.report.fidelity import BATCH, quantized_input
from microformer.run import run
from microformer.samples import Samples
from microformer.scratch import temporary_folder
from microformer.targets import Target


def build_project(project: CProject, target: Target, folder: Path) -> Image:
    """Build; where the program does not fit, say which layers weigh most."""
    try:
        return build(project, target, folder)
    except DoesNotFitError as error:
        in_flash = error.memory == "flash"
        weights = {y: y.weight_bytes if in_flash else y.ram_bytes for y in project.layers}
        heaviest = sorted(weights, key=lambda y: -weights[y])[:3]
        names = ", ".join(f"{y.name} ({weights[y]:,} B)" for y in heaviest)
        raise TargetError(f"{str(error).rstrip('.')}; the heaviest layers are {names}.") from None


def predict_model(compiled: Compiled, samples: Samples) -> Array:
    """What a firmware gets: outputs float32 [N, *output shape], by the NumPy meaning."""
    graph = compiled.int_graph
    quant = graph.tensors[graph.outputs[0]].quant
    assert quant is not None
    parts = [
        evaluate(graph, quantized_input(compiled, samples.x[start : start + BATCH]))
        for start in range(0, len(samples), BATCH)
    ]
    levels = np.concatenate([part[graph.outputs[0]] for part in parts])
    return quant.real(levels)


@dataclass(frozen=True, eq=False)
class Measurement:
    """An integer graph on a target: what it cost, and whether every byte was right."""

    project: CProject
    image: Image
    result: RunResult
    bit_exact: bool


def measure_graph(
    graph: IntGraph, inputs: Array, target: Target, *, isas: tuple[str, ...] | None = None
) -> Measurement:
    """Stages 5 to 8 of a graph that nobody quantised: ``inputs`` int8 [N, *input shape]."""
    prove(verify(graph, "measure"))
    project = emit(plan(lower(graph, target, isas=isas), target))
    with temporary_folder() as folder:
        image = build_project(project, target, folder)
        result = run(project, image, inputs.reshape(len(inputs), -1), target)
    expected = evaluate(graph, inputs)[graph.outputs[0]].reshape(result.outputs.shape)
    return Measurement(project, image, result, bool((result.outputs == expected).all()))
