"""Stage ``run``: CProject + Image + inputs + Target -> RunResult: outputs and what they cost."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from microformer.errors import DataError
from microformer.graph.ends import output_columns
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run.convert import Converted
from microformer.run.emulated import run_emulated
from microformer.run.host import run_host
from microformer.run.pulp import run_pulp
from microformer.run.qemu import run_qemu
from microformer.targets import HostRunner, QemuRunner, RtlRunner, Target, UnicornRunner

__all__ = ["run"]


def run(
    project: CProject,
    image: Image,
    inputs: Array,
    target: Target,
    *,
    profile: bool = True,
    check_alignment: bool = False,
    real: Array | None = None,
    dequantize: bool = False,
    limit_seconds: float | None = None,
    limit_cycles: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Run ``image`` on ``inputs`` [N, input_size] of type ``project.input_dtype``, N > 0.

    ``real`` float32 [M, input_size], M <= N, go the way of a user's firmware in place of the
    first M inputs: the emitted quantiser makes them integers on the target. ``dequantize``: the
    emitted dequantiser makes all outputs float32 there. Both are in the result; they need
    ``project.quantizes`` and ``project.dequantizes``.

    On an emulated core the first sample is counted block by block if ``profile``; the others run
    at full speed. ``check_alignment`` (emulated cores, much slower) looks at every access and
    raises on one that the core cannot make. A sample that takes longer than ``limit_seconds``
    (default: by the number of MACs, at least a minute) is taken for a hang.
    ``limit_cycles`` is the same on a PULP cluster.
    ``progress`` is told (samples done, N). Of a project with several inputs a row is the bytes of
    all (``graph.ends.input_bytes``); the outputs of several are side by side.

    Raises DataError for wrong inputs; ToolError, naming the function, if the program hangs,
    touches memory that is not there or not its own, or runs out of stack.
    """
    if inputs.ndim != 2 or inputs.shape[1] != project.input_size or len(inputs) == 0:
        raise DataError(
            f"'{project.name}' takes samples of {project.input_size} values, one or more, and was "
            f"given an array of shape {inputs.shape}."
        )
    if str(inputs.dtype) != project.input_dtype:
        raise DataError(
            f"'{project.name}' takes {project.input_dtype} and was given {inputs.dtype}."
        )
    samples = np.ascontiguousarray(inputs)
    tell = progress or (lambda _done, _total: None)
    if limit_seconds is None:
        # 1 MAC costs at most some 20 instructions; the emulator, counting, does 10 M/s
        limit_seconds = 60.0 + 5e-6 * sum(layer.macs for layer in project.layers)
    converted = Converted.of(project, len(samples), real, dequantize=dequantize)

    match target.runner:
        case HostRunner():
            result = run_host(
                project,
                image,
                samples,
                converted=converted,
                limit_seconds=limit_seconds,
                progress=tell,
            )
        case RtlRunner():
            result = run_pulp(
                project,
                image,
                samples,
                target,
                converted=converted,
                limit_cycles=limit_cycles,
                progress=tell,
            )
        case QemuRunner() as runner:
            result = run_qemu(
                project,
                image,
                samples,
                target,
                runner,
                profile=profile,
                converted=converted,
                limit_seconds=limit_seconds,
                progress=tell,
            )
        case UnicornRunner():
            result = run_emulated(
                project,
                image,
                samples,
                target,
                profile=profile,
                check_alignment=check_alignment,
                converted=converted,
                limit_seconds=limit_seconds,
                progress=tell,
            )
    return _side_by_side(project, result)


def _side_by_side(project: CProject, result: RunResult) -> RunResult:
    """The outputs of several without the bytes that lie between them."""
    if not project.outputs:
        return result
    columns = output_columns(project.outputs)
    real = None if result.real is None else result.real[:, columns]
    return replace(result, outputs=result.outputs[:, columns], real=real)
