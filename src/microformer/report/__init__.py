"""Stage ``report``: everything that is known of a run -> Report. JSON first; the rest are views."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from microformer.analysis.statistics import sqnr_db
from microformer.graph.compiled import Compiled
from microformer.graph.ends import columns_of, input_bytes, quantized, real_outputs, scored
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.report.arena import least_bytes
from microformer.report.cluster import cluster_report
from microformer.report.features import Features
from microformer.report.fidelity import (
    Fidelity,
    accuracy,
    layer_sqnr,
)
from microformer.report.record import (
    LayerReport,
    Loss,
    Measured,
    OutputReport,
    RamParts,
    Report,
)
from microformer.targets import BOARD_OVER_ESTIMATE, Target

__all__ = ["LayerReport", "Report", "report"]

Progress = Callable[[int, int], None]


def report(
    compiled: Compiled,
    target: Target,
    image: Image,
    result: RunResult,
    x: Array,
    y: Array | None,
    *,
    answers: str = "",
    floats: Array | None = None,
    features: Features | None = None,
    kept: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the run bit for bit, measure fidelity and put all figures together.

    ``x`` are the samples as the user gave them [N, ...]; ``y`` class indices [N] or None, of the
    output ``answers`` (the first, if empty).
    ``features`` are the figures of a front end; ``kept`` is what was measured on the board.
    ``floats`` are the samples of the float model where it has states of its own [N].
    ``result.outputs`` int8 [M, size] belong to the first M of them. Accuracies are those of all
    N samples: the int8 one from the NumPy reference, which the device equals on the M it ran.
    """
    image = _of_firmware(image, compiled.project, target)
    fidelity = Fidelity(compiled, progress)
    reference, scores, real_floats = fidelity.outputs(x, floats)
    ran = len(result.outputs)
    wrong = (result.outputs != reference[:ran].reshape(ran, -1)).any(axis=1)
    firmware = _firmware(compiled, result, x[:ran], reference[:ran])
    by_layer = layer_sqnr(compiled, x)
    graph = compiled.int_graph
    real = real_outputs(scored(graph), scores)
    ends = _outputs(compiled, real_floats, real)
    answer = columns_of(compiled.float_model.outputs, answers)
    macs = sum(layer.macs for layer in compiled.project.layers)
    return Report(
        model=compiled.project.name,
        target=target.name,
        softmax=compiled.softmax,
        bit_exact=not bool(wrong.any()) and (features is None or features.bit_exact),
        mismatches=int(wrong.sum()),
        samples=len(x),
        samples_run=ran,
        accuracy_float=accuracy(real_floats.reshape(len(x), -1)[:, answer], y),
        accuracy_int8=accuracy(scores.reshape(len(x), -1)[:, answer], y),
        sqnr_db=min((level for end in ends if (level := end.sqnr_db) is not None), default=None),
        cycles=result.cycles,
        cycles_kind=result.cycles_kind,
        instructions=result.instructions,
        latency_ms=_latency(target, result),
        energy_mj=None if result.cycles is None else target.energy_mj(result.cycles),
        macs=macs,
        macs_per_cycle=None if not result.cycles else macs / result.cycles,
        flash_bytes=image.flash_bytes,
        ram_bytes=image.ram_bytes,
        stack_bytes=result.stack_bytes,
        arena_bytes=compiled.project.arena_bytes,
        weight_bytes=compiled.project.weight_bytes,
        calibrated=compiled.calibrated,
        layers=_layers(compiled, result, by_layer),
        losses=_losses(compiled, by_layer),
        outputs=ends if len(ends) > 1 else (),
        power_source=target.power_source or None,
        cluster=cluster_report(image, result),
        features=features,
        notes=graph.notes,
        board=target.board,
        clock_hz=target.clock_hz,
        wait_states=target.flash.wait_states,
        board_wait_states=None if target.board_flash is None else target.board_flash.wait_states,
        board_cycles=result.board_cycles,
        board_latency_ms=None if (on := result.board_cycles) is None else target.latency_ms(on),
        board_energy_mj=None if on is None else target.energy_mj(on),
        board_over_estimate=BOARD_OVER_ESTIMATE if result.cycles_kind == "estimate" else None,
        measured=_measured(kept, result),
        memories=image.memories,
        ram=_ram(compiled.project, image, target),
        buffers=compiled.project.buffers,
        arena_least_bytes=least_bytes(compiled.project.buffers),
        macs_per_cycle_limit=target.most_macs_per_cycle,
        tool_version=version("microformer"),
        firmware_exact=None if firmware is None else not bool(firmware.any()),
        firmware_samples=None if result.inputs is None else len(result.inputs),
        firmware_mismatches=0 if firmware is None else int(firmware.sum()),
    )


def _harness_bytes(project: CProject) -> int:
    """RAM that only the machine around the program takes: states in its rows of ports."""
    return project.input_size + project.output_size - sum(project.given_bytes())


def _of_firmware(image: Image, project: CProject, target: Target) -> Image:
    """``image`` with the RAM that a firmware takes."""
    extra = _harness_bytes(project)
    if not extra or image.ram_bytes is None:
        return image
    origin = None if target.is_cluster else target.data_memory()[1].origin
    return replace(
        image,
        ram_bytes=image.ram_bytes - extra,
        memories=tuple(
            replace(use, used_bytes=use.used_bytes - extra) if use.origin == origin else use
            for use in image.memories
        ),
    )


def _ram(project: CProject, image: Image, target: Target) -> RamParts | None:
    """Where the RAM of a microcontroller goes."""
    if target.is_cluster or project.l2_bytes:
        return None
    if image.ram_bytes is None or image.stack_reserved_bytes is None:
        return None
    stack, (given, made) = image.stack_reserved_bytes, project.given_bytes()
    known = project.arena_bytes + given + made + project.state_bytes + stack
    if known > image.ram_bytes:  # some of it is kept elsewhere
        return None
    return RamParts(
        arena=project.arena_bytes,
        input=given,
        output=made,
        stack=stack,
        other=image.ram_bytes - known,
        state=project.state_bytes,
    )


MOST_LOSSES = 3
LEAST_LOSS_DB = 1.0


def _losses(compiled: Compiled, by_layer: dict[str, float]) -> tuple[Loss, ...]:
    """The layers behind which the SQNR falls most below the worst that they read."""
    graph = compiled.int_graph
    known = {name: by_layer.get(name) for name in graph.inputs}
    kinds = {layer.output: layer for layer in compiled.project.layers}
    found = []
    for node in graph.nodes:
        read = [s for name in node.inputs if (s := known.get(name)) is not None]
        own = by_layer.get(node.output)
        known[node.output] = own if own is not None else min(read, default=None)
        if own is None or not read or min(read) - own < LEAST_LOSS_DB:
            continue
        layer = kinds.get(node.output)
        name, op = (layer.name, layer.op) if layer else (node.name, node.op.kind)
        found.append(Loss(name, op, own, min(read) - own))
    return tuple(sorted(found, key=lambda loss: -loss.lost_db)[:MOST_LOSSES])


def _outputs(compiled: Compiled, floats: Array, real: Array) -> tuple[OutputReport, ...]:
    """Each output's SQNR, of values side by side [N, elements of all]."""
    rows = [values.reshape(len(values), -1) for values in (floats, real)]
    found = []
    for end in compiled.float_model.outputs:
        columns = columns_of(compiled.float_model.outputs, end.name)
        ratio = sqnr_db(rows[0][:, columns], rows[1][:, columns])
        found.append(OutputReport(end.name, end.shape, ratio))
    return tuple(found)


def _firmware(
    compiled: Compiled, result: RunResult, x: Array, reference: Array
) -> npt.NDArray[np.bool_] | None:
    """[M]: samples of which a byte differs on the way from float to float; None: no such way."""
    if result.real is None and result.inputs is None:
        return None
    graph, ran = compiled.int_graph, len(reference)
    differs = np.zeros(ran, np.bool_)
    if result.real is not None:
        expected = real_outputs(graph, reference, single=True).reshape(ran, -1)
        differs |= (result.real.view(np.uint32) != expected.view(np.uint32)).any(axis=1)
    if result.inputs is not None:
        count = len(result.inputs)
        inputs = input_bytes(graph, quantized(graph, x[:count]))
        differs[:count] |= (result.inputs != inputs).any(axis=1)
    return differs


def _measured(kept: Mapping[str, Any] | None, result: RunResult) -> Measured | None:
    if kept is None or result.cycles is None or result.cycles_kind != "estimate":
        return None
    cycles, clock_hz = round(result.cycles * kept["factor"]), int(kept["clock_hz"])
    return Measured(
        board=str(kept["board"]),
        model=str(kept["model"]),
        measured_on=str(kept["measured_on"]),
        factor=float(kept["factor"]),
        clock_hz=clock_hz,
        cycles=cycles,
        latency_ms=cycles / clock_hz * 1e3,
    )


def _latency(target: Target, result: RunResult) -> float | None:
    if result.cycles is not None:
        return target.latency_ms(result.cycles)
    ran = len(result.outputs)
    return result.wall_seconds / ran * 1e3 if target.is_host and ran else None


def _layers(
    compiled: Compiled, result: RunResult, by_layer: dict[str, float]
) -> tuple[LayerReport, ...]:
    counts = {count.symbol: count for count in result.layers}
    rows = []
    for layer in compiled.project.layers:
        count = counts.get(layer.symbol)
        cycles = count.cycles if count else None
        rows.append(
            LayerReport(
                name=layer.name,
                op=layer.op,
                shape=layer.shape,
                kernel=layer.kernel,
                macs=layer.macs,
                cycles=cycles,
                instructions=count.instructions if count else None,
                share=None if cycles is None or not result.cycles else cycles / result.cycles,
                sqnr_db=by_layer.get(layer.output),
                dma_bytes=count.dma_bytes if count else None,
                weight_bytes=layer.weight_bytes,
                ram_bytes=layer.ram_bytes,
                code_bytes=count.code_bytes if count else None,
                reads=layer.reads,
            )
        )
    return tuple(rows)
