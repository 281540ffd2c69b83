"""A program built and measured, and what it answers, apart from the pipeline of a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microformer.build import build
from microformer.emit import emit
from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import flat_outputs, input_bytes, quantized
from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelCall, KernelGraph, Plan
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.graph.verify import verify
from microformer.lower import lower
from microformer.plan import plan
from microformer.reference import evaluate
from microformer.reference.proof import prove
from microformer.report.fidelity import BATCH
from microformer.run import run
from microformer.samples import Samples
from microformer.scratch import temporary_folder
from microformer.targets import Target

_WEIGHTED = ("Linear", "Conv", "Gather")


def refuse_too_large(model: FloatModel, target: Target) -> None:
    """TargetError where the weights alone exceed the target's flash, before anything is computed.

    A weight takes a byte at least; layers of one weight store it once.
    """
    sizes = {
        node.inputs[place].name: node.inputs[place].const_value.size  # type: ignore[union-attr]
        for node in model.model.graph
        if node.op_type in _WEIGHTED
        for place in ((0,) if node.op_type == "Gather" else (1,))
        if node.inputs[place] is not None and node.inputs[place].const_value is not None  # type: ignore[union-attr]
    }
    total = sum(sizes.values())
    if target.is_host:
        return
    where, memory = target.code_memory()
    if total > memory.size_bytes:
        largest = max(sizes, key=lambda name: sizes[name])
        raise TargetError(
            f"'{model.name}' does not fit into {target.name} ({target.board}): with its {total:,} "
            f"weights alone it exceeds the {memory.size_bytes:,} bytes of {where}; "
            f"choose a larger target or a smaller model; the largest weight is '{largest}'."
        )


def refuse_too_much(placed: Plan, target: Target) -> None:
    """TargetError where constants or buffers of a plan exceed a memory, before C is compiled."""
    if target.is_host or target.is_cluster:  # a cluster's plan has its own memories checked
        return
    graph = placed.graph
    used = {str(a.value) for call in graph.calls for a in call.args if a.kind == "const"}
    ends = sum(graph.tensors[n].nbytes for n in (*graph.inputs, *graph.outputs))
    for (memory, part), need in (
        (target.code_memory(), sum(graph.tensors[n].nbytes for n in used)),
        (target.data_memory(), placed.arena_bytes + ends + target.stack_bytes),
    ):
        size = part.size_bytes
        other = target.second_ram()
        if memory == "flash" or other is None:
            beside = ""
        else:
            beside = f", and the {other.size_bytes:,} of {other.name} beside it are too few"
        if need > size:
            raise TargetError(
                f"'{graph.name}' does not fit into {target.name} ({target.board}): it exceeds the "
                f"{size:,} bytes of {memory} by {need - size:,} bytes or more{beside}; choose a "
                "larger target or a smaller model; the heaviest layers are "
                f"{_heaviest(placed, memory)}."
            )


def _heaviest(placed: Plan, memory: str) -> str:
    """The three layers that need most of a memory, with what they need."""
    graph = placed.graph

    def need(call: KernelCall) -> int:
        if memory == "flash":
            names = {str(a.value) for a in call.args if a.kind == "const"}
        else:
            names = {graph.buffer(n) for n in (*call.inputs, call.output)}
        held = sum(graph.tensors[n].nbytes for n in names)
        return held + (0 if memory == "flash" else call.scratch_bytes)

    worst = sorted(graph.calls, key=lambda call: -need(call))[:3]
    return ", ".join(f"{call.name} ({need(call):,} B)" for call in worst)


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

    Places of the largest values are int32.
    """
    graph = compiled.int_graph
    parts = [
        evaluate(graph, quantized(graph, samples.x[start : start + BATCH]))
        for start in range(0, len(samples), BATCH)
    ]
    made = {}
    for name, end in zip(graph.outputs, compiled.float_model.outputs, strict=True):
        qparams = graph.tensors[name].qparams
        values = np.concatenate([part[name] for part in parts])
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
