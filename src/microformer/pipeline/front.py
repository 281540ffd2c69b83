"""A front end on its way through the stages: beside the network's, in the same C project."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from microformer.build import build
from microformer.emit import emit
from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import input_bytes, quantized
from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import FrontEnd, SensorFrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import Plan
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.serialize import from_bytes
from microformer.graph.tensor import Array
from microformer.graph.verify import verify
from microformer.lower import lower
from microformer.plan import plan
from microformer.quantize.frontend import front_graph
from microformer.reference import evaluate
from microformer.reference.proof import prove
from microformer.report.features import Features, features_report
from microformer.run import run
from microformer.scratch import temporary_folder
from microformer.targets import Target

NOISE_WINDOWS = 2
"""Windows that are run where no samples are given: the FFT takes as long for any."""
BATCH = 8


def emit_both(
    spec: SensorFrontEnd | None,
    graph: IntGraph,
    placed: Plan,
    target: Target,
    optimize: str = "speed",
) -> tuple[CProject, FrontEnd | None]:
    """The C project of a network, and its front end as an entry point of the same project."""
    if spec is None:
        return emit(placed, optimize=optimize), None
    front = front_graph(spec, graph)
    in_l2 = frozenset[str]()
    if target.is_cluster:
        # samples come from outside; a window lies where the network takes its input
        there = placed.graph.inputs[0] in placed.caller_l2
        in_l2 = frozenset((*front.inputs, *(front.outputs if there else ())))
    placed_front = plan(lower(front, target), target, in_l2=in_l2)
    alone = emit(placed_front, hop=spec.hop)
    project = emit(placed, alone, optimize=optimize)
    return project, FrontEnd(spec, front, both(alone, project))


def emit_graph(
    spec: SensorFrontEnd | None, graph: IntGraph, target: Target, optimize: str = "speed"
) -> tuple[CProject, FrontEnd | None]:
    """Stages 5 to 7 of a network and its front end."""
    return emit_both(spec, graph, plan(lower(graph, target), target), target, optimize)


def both(part: CProject, project: CProject) -> CProject:
    """The front end ``part`` with all files of the network's ``project``."""
    return replace(part, files=project.files, sources=project.sources)


def check_memory(network: Image, front: FrontEnd, image: Image, target: Target) -> None:
    """TargetError where both programs fit, but not the samples beside the network."""
    if network.ram_bytes is None or network.flash_bytes is None or image.flash_bytes is None:
        return
    samples = front.project.input_size * 2
    where, memory = target.data_memory()
    used = network.ram_bytes + samples
    if target.is_cluster:
        where, memory = target.code_memory()
        used = network.flash_bytes + image.flash_bytes  # a window in L2 counts twice, if there
    size = memory.size_bytes
    if used > size:
        raise TargetError(
            f"'{front.project.name}' does not fit into {target.name} beside its network: with the "
            f"{samples:,} bytes of a window's samples {used:,} bytes of {where} are needed, and "
            f"there are {size:,}; choose a larger target or fewer range points."
        )


def features(front: FrontEnd, iq: Array) -> Array:
    """int8 [windows, *map] by the NumPy reference of iq int16 [..., *window], 1 or more windows."""
    flat = iq.reshape(-1, *front.spec.window)
    name = front.graph.outputs[0]
    parts = [evaluate(front.graph, flat[i : i + BATCH])[name] for i in range(0, len(flat), BATCH)]
    return np.concatenate(parts)


def as_input(compiled: Compiled, iq: Array) -> Array:
    """Real values [N, *input shape] that the network quantises to its features of ``iq``."""
    assert compiled.front is not None
    made = features(compiled.front, iq)
    qparams = compiled.int_graph.tensors[compiled.int_graph.inputs[0]].qparams
    assert qparams is not None
    real = qparams.dequantize(made).astype(np.float32)
    return real.reshape(len(iq), *compiled.float_model.input_shape[1:])


def measure_front(
    compiled: Compiled, image: Image, iq: Array | None, target: Target, cycles: int | None
) -> Features:
    """The front end's ``image`` on its target: the windows of the first sequence, or noise.

    ``cycles`` are the network's.
    """
    front = compiled.front
    assert front is not None
    if iq is None:
        top = 2 ** (front.spec.bits - 1)
        shape = (NOISE_WINDOWS, *front.spec.window)
        windows = np.random.default_rng(0).integers(-top, top, shape).astype(np.int16)
    else:
        windows = iq[0].reshape(-1, *front.spec.window)
    result = run(front.project, image, windows.reshape(len(windows), -1), target)
    reference = features(front, windows)
    wrong = (result.outputs != reference.reshape(result.outputs.shape)).any(axis=1)
    count = compiled.project.input_size // front.project.output_size
    return features_report(front, target, image, result, int(wrong.sum()), count, cycles)


@dataclass(frozen=True, eq=False)
class BothRuns:
    """A sequence through a front end and its network: ``maps`` of its windows, ``scores``.

    ``bit_exact``: every byte of both was that of the NumPy reference.
    """

    maps: RunResult
    scores: RunResult
    bit_exact: bool


def run_both(
    compiled: Compiled, images: tuple[Image, Image], iq: Array, target: Target
) -> BothRuns:
    """Samples iq int16 [windows, *window] through both programs: ``images`` (network, front).

    The network reads what the front end made on the target.
    """
    front = compiled.front
    assert front is not None
    maps = run(front.project, images[1], iq.reshape(len(iq), -1), target)
    reference = features(front, iq)
    given = maps.outputs.reshape(1, -1)
    scores = run(compiled.project, images[0], given, target)
    expected = evaluate(compiled.int_graph, reference[None])[compiled.int_graph.outputs[0]]
    exact = np.array_equal(given, reference.reshape(1, -1)) and np.array_equal(
        scores.outputs, expected.reshape(1, -1)
    )
    return BothRuns(maps, scores, exact)


def build_front(front: FrontEnd, target: Target, folder: Path) -> Image:
    """The image of the front end alone. Raises TargetError."""
    try:
        return build(front.project, target, folder)
    except DoesNotFitError as error:
        samples, made = front.project.input_size * 2, front.project.output_size
        raise TargetError(
            f"{str(error).split(';')[0]}: samples of a window take {samples:,} bytes and its map "
            f"{made:,}; choose a larger target or fewer range points."
        ) from None


def compile_graph(
    model: FloatModel,
    structure: Path,
    constants: Path,
    target: Target,
    *,
    front: SensorFrontEnd | None = None,
    optimize: str = "speed",
) -> Compiled:
    """Stages 5 to 7 of an integer graph that was quantised before, with its front end."""
    graph = from_bytes(structure.read_text("utf-8"), constants.read_bytes())
    prove(verify(graph, "load"))
    project, made = emit_graph(front, graph, target, optimize)
    return Compiled(target, "lut", True, model, graph, project, front=made)


def add_front(compiled: Compiled, spec: SensorFrontEnd, target: Target) -> Compiled:
    """``compiled`` with a front end, built to prove that both fit. Raises TargetError."""
    project, front = emit_graph(spec, compiled.int_graph, target)
    made = replace(compiled, project=project, front=front)
    with both_images(made, target):
        return made


def run_one(compiled: Compiled, image: Image, x: Array, target: Target) -> tuple[RunResult, bool]:
    """One real input x [*input shape] through the network's ``image``, and whether it is exact."""
    given = quantized(compiled.int_graph, x[None])
    scores = run(compiled.project, image, input_bytes(compiled.int_graph, given), target)
    expected = evaluate(compiled.int_graph, given)[compiled.int_graph.outputs[0]]
    return scores, np.array_equal(scores.outputs, expected.reshape(1, -1))


@contextmanager
def one_image(compiled: Compiled, target: Target) -> Iterator[Image]:
    """The network's image alone, built. Raises TargetError where it does not fit."""
    with temporary_folder() as folder:
        yield build(compiled.project, target, folder)


@contextmanager
def both_images(compiled: Compiled, target: Target) -> Iterator[tuple[Image, Image]]:
    """(network, front end) of a compiled model, built. Raises TargetError where they do not fit."""
    assert compiled.front is not None
    with temporary_folder() as folder:
        network = build(compiled.project, target, folder)
        front = build_front(compiled.front, target, folder / "front")
        check_memory(network, compiled.front, front, target)
        yield network, front
