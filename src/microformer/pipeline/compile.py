"""Stages 1 to 7, and the audit: from a float model to a C project."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from microformer.analysis.float_run import FloatRunner
from microformer.analysis.residual import residual_tensors
from microformer.analysis.statistics import sqnr_db
from microformer.analysis.streaming import stream_floats
from microformer.audit import Audit, audit
from microformer.calibrate import calibrate
from microformer.errors import DataError, OutputError, TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import flat_outputs, quantized, real_outputs
from microformer.graph.float_model import FloatModel, ImportedScale, Ranges
from microformer.graph.frontend import SensorFrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.graph.project import Image
from microformer.graph.tuned import Tuned, TuneStep
from microformer.load import load
from microformer.lower import lower
from microformer.pipeline.front import build_front, check_memory, emit_both
from microformer.pipeline.measure import build_project
from microformer.pipeline.progress import Progress
from microformer.pipeline.refuse import refuse_too_large, refuse_too_much
from microformer.plan import plan
from microformer.quantize import convert, imported_scales, quantize, with_places
from microformer.reference import evaluate
from microformer.samples import Samples
from microformer.scratch import temporary_folder
from microformer.settings import DEFAULTS, Settings
from microformer.targets import Target
from microformer.tune import tune


def streamed(model: FloatModel, samples: Samples) -> Samples:
    """Sequences as samples of all inputs: the float model's own states beside what is given."""
    return Samples(stream_floats(model, samples.x, samples.steps), samples.y, samples.answers)


@dataclass(frozen=True, eq=False)
class Compilation:
    """Everything that compiling made, stage by stage."""

    tuned: Tuned
    kernel_graph: KernelGraph
    plan: Plan
    image: Image
    compiled: Compiled
    imported: tuple[ImportedScale, ...] = ()

    def dump(self, folder: Path) -> None:
        """One readable file a stage (``--dump-dir``)."""
        stages = {
            "1-load": self.compiled.float_model,
            "2-tune": self.tuned,
            "3-quantize": self.compiled.int_graph,
            "4-lower": self.kernel_graph,
            "5-plan": self.plan,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for stage, data in stages.items():
                (folder / f"{stage}.txt").write_text(f"{data}\n", "utf-8")
        except OSError as error:
            raise OutputError(f"'{folder}' cannot be written: {error.strerror}.") from None


@dataclass(frozen=True)
class KeptScale:
    """A quantised tensor of the file, as ``graph.float_model.ImportedScale``."""

    name: str
    scale: float
    zero_point: int
    reason: str
    changed: bool
    kept: bool


@dataclass(frozen=True)
class CompileRecord:
    """What ``microformer compile --json`` prints; null where a target has no such memory.

    ``tuning`` are the trials that were kept, ``imported_scales`` those of a quantised file.
    """

    model: str
    target: str
    softmax: str
    output: str
    calibrated: bool
    calibration_samples: int
    effort: str
    residual: str
    int16_tensors: tuple[str, ...]
    tuning: tuple[TuneStep, ...]
    layers: int
    macs: int
    weight_bytes: int
    arena_bytes: int
    flash_bytes: int | None
    ram_bytes: int | None
    notes: tuple[str, ...]
    imported_scales: tuple[KeptScale, ...]


load_model = load
"""Stage 1, alone: samples can only be checked once the model's input is known."""


def quantize_model(
    model: FloatModel,
    basis: Samples | Ranges,
    settings: Settings,
    *,
    calibrated: bool = True,
    channels: bool = True,
    progress: Progress,
) -> tuple[Tuned, IntGraph]:
    """Stages 2, 3 and 4; only stage 4 where ``basis`` are ranges that are known already.

    ``channels``: an input may have a scale for each channel. What a front end makes has one.
    """
    if isinstance(basis, Samples) and basis.steps:
        basis = streamed(model, basis)
        channels = False  # a state has one scale, and inputs are alike
    if isinstance(basis, Ranges):
        if settings.residual == "auto":
            raise DataError("residual 'auto' measures on samples; ranges alone need int8 or int16.")
        int16_tensors = residual_tensors(model) if settings.residual == "int16" else ()
        if settings.residual not in ("rows", "enough"):
            basis = replace(basis, rows={})
        tuned = Tuned(model, model, basis, int16_tensors=int16_tensors)
    else:
        given = len(basis)
        basis = basis.evenly(settings.samples)
        with progress("calibrate") as advance:
            ranges = calibrate(model, basis.x, calibrated=calibrated, progress=advance)
        with progress("tune") as advance:
            tuned = tune(
                model,
                ranges,
                basis.x,
                convert=partial(convert, softmax=settings.softmax),
                calibrate=calibrate,
                effort=settings.effort,
                residual=settings.residual,
                channels=channels,
                progress=advance,
            )
    with progress("quantize"):
        wide = frozenset(tuned.int16_tensors)
        graph = quantize(tuned.model, tuned.ranges, softmax=settings.softmax, int16_tensors=wide)
    notes = [*model.notes, *graph.notes, *tuned.notes]
    if isinstance(basis, Samples) and given > len(basis):
        notes.append(
            f"The ranges rest on {len(basis):,} of the {given:,} samples, evenly chosen; more are "
            "taken with --calibration-samples."
        )
    if isinstance(basis, Samples) and calibrated:
        notes += _poor(tuned.reference, graph, basis.evenly(MEASURED))
    return tuned, with_places(replace(graph, notes=tuple(notes)), tuned.model)


MEASURED = 8
"""Calibration samples over which the output is compared with the float model's."""
POOR_DB = 20.0
"""Below this the output's SQNR is said: an error of a tenth of the signal."""


def _poor(model: FloatModel, graph: IntGraph, samples: Samples) -> list[str]:
    """A sentence where the integers are far from the float model."""
    made = flat_outputs(graph, evaluate(graph, quantized(graph, samples.x)))
    runner = FloatRunner(model)
    rows = [runner(samples.x[i][None]) for i in range(len(samples))]
    floats = [np.concatenate([row[e.name].reshape(-1) for e in model.outputs]) for row in rows]
    real = real_outputs(graph, made).reshape(len(samples), -1)
    ratio = sqnr_db(np.stack(floats).astype(np.float64), real)
    if ratio >= POOR_DB or not np.isfinite(ratio):
        return []
    return [
        f"The output's SQNR is {ratio:.1f} dB over {len(samples)} of the calibration samples: the "
        "integers are far from the float model. 'microformer audit' says which layers cost most; "
        "--residual auto and --effort high lose less."
    ]


def compile_model(
    model: FloatModel,
    basis: Samples | Ranges,
    target: Target,
    settings: Settings = DEFAULTS,
    *,
    calibrated: bool = True,
    front: SensorFrontEnd | None = None,
    progress: Progress,
) -> Compilation:
    """Stages 2 to 7, and a build to prove that the program compiles and fits, with its ``front``
    end if there is one."""
    if target.is_cluster and settings.optimize != "speed":
        raise TargetError(
            f"On {target.name} every layer is specialised for its shape; leave --optimize out."
        )
    refuse_too_large(model, target)
    tuned, graph = quantize_model(
        *(model, basis, settings), calibrated=calibrated, channels=front is None, progress=progress
    )
    with progress("lower"):
        kernel_graph = lower(graph, target)
    with progress("plan"):
        placed = plan(kernel_graph, target)
        refuse_too_much(placed, target)
    with progress("emit"):
        project, front_end = emit_both(front, graph, placed, target, settings.optimize)
    compiled = Compiled(
        target,
        settings.softmax,
        tuned.ranges.calibrated,
        tuned.reference,
        graph,
        project,
        front=front_end,
    )
    with progress("build"), temporary_folder() as folder:
        image = build_project(project, target, folder)
        if front_end is not None:
            with_front = build_front(front_end, target, folder / "front")
            check_memory(image, front_end, with_front, target)
    scales = imported_scales(tuned.model, graph)
    return Compilation(tuned, kernel_graph, placed, image, compiled, scales)


def audit_model(
    model: FloatModel,
    basis: Samples | Ranges,
    samples: Samples,
    settings: Settings,
    *,
    progress: Progress,
) -> Audit:
    """What every layer costs over ``samples``, the model quantised by ``basis`` as it would be."""
    if samples.steps:
        samples = streamed(model, samples)
    tuned, graph = quantize_model(model, basis, settings, progress=progress)
    int16_tensors, softmax = frozenset(tuned.int16_tensors), settings.softmax
    conversion = convert(tuned.model, tuned.ranges, softmax=softmax, int16_tensors=int16_tensors)
    with progress("audit") as advance:
        made = audit(
            conversion,
            tuned.reference,
            samples.x,
            samples.y,
            answers=samples.answers,
            softmax=softmax,
            progress=advance,
        )
    scales = imported_scales(tuned.model, graph)
    return replace(made, notes=graph.notes, imported_scales=scales)
