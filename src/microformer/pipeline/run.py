"""Stages 8 and 9, of what is compiled already: build, run, check, report."""

from dataclasses import replace

import numpy as np

from microformer.analysis.streaming import stream_floats
from microformer.graph.compiled import Compiled
from microformer.graph.ends import input_bytes, input_reals, quantized
from microformer.pipeline.front import as_input, build_front, emit_graph, measure_front
from microformer.pipeline.kept import kept
from microformer.pipeline.measure import build_project
from microformer.pipeline.progress import Progress
from microformer.reference.stream import real_inputs, stream
from microformer.report import Report, report
from microformer.run import run
from microformer.samples import Samples
from microformer.scratch import temporary_folder
from microformer.targets import Target

_CONVERTED = 1 << 16
"""Values that a cluster's RTL converts from float in one run, of one sample at least: it has no
floating-point unit, so that each takes some 400 cycles of a core."""


def recompiled(compiled: Compiled, target: Target) -> Compiled:
    """The C project made anew for another number of cores or memory for weights (stages 4 to 6)."""
    if target == compiled.target:
        return compiled
    spec = None if compiled.front is None else compiled.front.spec
    project, front = emit_graph(spec, compiled.int_graph, target, compiled.project.optimize)
    return replace(compiled, target=target, project=project, front=front)


def run_model(
    compiled: Compiled,
    samples: Samples,
    target: Target,
    *,
    count: int | None = None,
    progress: Progress,
) -> Report:
    """Stages 8 and 9: build, run ``count`` samples (all by default) on the target, report.

    Samples of a front end's sensor (int16) become the network's input by its reference; of the
    first of them every window is made on the target too.
    """
    iq = samples.x if samples.x.dtype == np.int16 else None
    x = samples.x if iq is None else as_input(compiled, iq)
    project = compiled.project
    graph = compiled.int_graph
    floats = None
    if samples.steps:  # the states are the program's own; the float model has its own beside it
        floats = stream_floats(compiled.float_model, x, samples.steps)
        x = real_inputs(graph, stream(graph, x, samples.steps)[0])
    inputs = quantized(graph, x if count is None else x[:count])
    flat = input_bytes(graph, inputs)
    real = None
    if iq is None and project.quantizes:  # what a firmware has
        most = max(_CONVERTED // project.input_size, 1) if target.is_cluster else len(flat)
        most = min(most, len(flat))
        real = input_reals(graph, x[:most], inputs[:most])
    features = None
    with temporary_folder() as folder:
        with progress("build"):
            image = build_project(project, target, folder)
        with progress("run") as advance:
            result = run(project, image, flat, target, real=real, dequantize=True, progress=advance)
        if compiled.front is not None:
            with progress("features"):
                front = build_front(compiled.front, target, folder / "front")
                features = measure_front(compiled, front, iq, target, result.cycles)
    with progress("check") as advance:
        return report(
            *(compiled, target, image, result, x, samples.y),
            answers=samples.answers,
            floats=floats,
            features=features,
            kept=kept(target.name),
            progress=advance,
        )
