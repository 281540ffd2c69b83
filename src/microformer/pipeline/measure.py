"""A program built and measured, and what it answers, apart from the pipeline of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microformer.build import build
from microformer.emit import emit
from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import flat_outputs, input_bytes, quantized
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelGraph
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.graph.verify import verify
from microformer.lower import lower
from microformer.pipeline.front import as_input
from microformer.plan import plan
from microformer.reference import evaluate
from microformer.reference.proof import prove
from microformer.reference.stream import stream
from microformer.report.fidelity import BATCH
from microformer.run import run
from microformer.samples import Samples
from microformer.scratch import temporary_folder
from microformer.targets import Target


def build_project(project: CProject, target: Target, folder: Path) -> Image:
    """Build; where the program does not fit, say which layers weigh most."""
    try:
        return build(project, target, folder)
    except DoesNotFitError as error:
        in_flash = error.memory == target.code_memory()[0]
        weights = {y: y.weight_bytes if in_flash else y.ram_bytes for y in project.layers}
        heaviest = sorted(weights, key=lambda y: -weights[y])[:3]
        names = ", ".join(f"{y.name} ({weights[y]:,} B)" for y in heaviest)
        raise TargetError(f"{str(error).rstrip('.')}; the heaviest layers are {names}.") from None


def predict_model(compiled: Compiled, samples: Samples) -> dict[str, Array]:
    """What a firmware gets: outputs float32 [N, *output shape] by name, by the NumPy reference.

    Places of the largest values are int32. Of a program that remembers [N, steps, *output shape].
    """
    graph = compiled.int_graph
    if samples.steps:
        return _predict_steps(compiled, samples)
    x = samples.x if samples.x.dtype != np.int16 else as_input(compiled, samples.x)
    parts = [
        evaluate(graph, quantized(graph, x[start : start + BATCH]))
        for start in range(0, len(samples), BATCH)
    ]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in graph.outputs}
    return _answers(compiled, whole)


def _predict_steps(compiled: Compiled, samples: Samples) -> dict[str, Array]:
    """Of sequences the outputs [N, steps, *output shape] that are no states."""
    graph, model = compiled.int_graph, compiled.float_model
    _, whole = stream(graph, samples.x, samples.steps)
    made = _answers(compiled, whole)
    return {
        end.name: made[end.name].reshape(-1, samples.steps, *made[end.name].shape[1:])
        for end in model.answers
    }


def _answers(compiled: Compiled, levels: Mapping[str, Array]) -> dict[str, Array]:
    """Real values of the outputs' levels [N, *shape], by the names of the user's model."""
    graph, made = compiled.int_graph, {}
    for name, end in zip(graph.outputs, compiled.float_model.outputs, strict=True):
        qparams, values = graph.tensors[name].qparams, levels[name]
        if qparams is not None:
            made[end.name] = qparams.real(values)
        else:
            assert end.places is not None
            made[end.name] = values.reshape(len(values), *end.places[1:])
    return made


@dataclass(frozen=True, eq=False)
class Measurement:
    """An integer graph on a target: what it cost, and whether every byte was right.

    ``kernels`` are the calls that it became.
    """

    kernels: KernelGraph
    project: CProject
    image: Image
    result: RunResult
    bit_exact: bool


def measure_graph(
    graph: IntGraph,
    inputs: Array,
    target: Target,
    *,
    isas: tuple[str, ...] | None = None,
    preferred: frozenset[str] = frozenset(),
) -> Measurement:
    """Stages 5 to 8 of a graph that nobody quantised: ``inputs`` int8 [N, *input shape].

    ``isas`` and ``preferred`` as of ``lower``.
    """
    prove(verify(graph, "measure"))
    kernels = lower(graph, target, isas=isas, preferred=preferred)
    project = emit(plan(kernels, target))
    with temporary_folder() as folder:
        image = build_project(project, target, folder)
        result = run(project, image, input_bytes(graph, inputs), target)
    expected = flat_outputs(graph, evaluate(graph, inputs)).reshape(result.outputs.shape)
    return Measurement(kernels, project, image, result, bool((result.outputs == expected).all()))
