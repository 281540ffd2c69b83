"""What a model would cost on a target, without a build and without an emulator: a price list.

The kernels that a build would take are chosen and buffers placed as for a build; their cycles are
predicted by the prices of the core (``kernels.prices``), which were fitted to measured rows.
"""

import math

from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import KernelCall, KernelGraph, Plan
from microformer.kernels.prices import code_bytes, core_of, cycles, prices
from microformer.kernels.registry import kernel_of
from microformer.lower import lower
from microformer.noise import random_samples
from microformer.pipeline.progress import Progress
from microformer.pipeline.refuse import refuse_too_large, refuse_too_much
from microformer.plan import plan
from microformer.report.estimate import Estimate, LayerEstimate
from microformer.samples import Samples
from microformer.settings import Settings
from microformer.targets import Target

__all__ = ["Estimate", "LayerEstimate", "estimate_graph", "estimate_model"]

_HARNESS_BYTES = 1024
"""Start-up code and the entry point, roughly."""


def estimate_model(
    model: FloatModel, target: Target, samples: Samples | None = None, *, progress: Progress
) -> Estimate:
    """Of a float model: scales come from ``samples``, or from two random ones.

    Nothing is tuned, so what a build would change for accuracy's sake is not in it.
    """
    try:
        refuse_too_large(model, target)
    except TargetError as error:
        return _refused(model.name, target, str(error))
    from microformer.pipeline.compile import quantize_model  # noqa: PLC0415 (brings an emulator)

    basis = samples if samples is not None else random_samples(model, 2, seed=0)
    settings = Settings(effort="low", residual="int8")
    _, graph = quantize_model(
        model, basis, settings, calibrated=samples is not None, progress=progress
    )
    return estimate_graph(graph, target)


def estimate_graph(graph: IntGraph, target: Target) -> Estimate:
    """Of an integer graph."""
    kernels = lower(graph, target)
    placed: Plan | None = None
    problem: str | None = None
    try:
        placed = plan(kernels, target)
        kernels = placed.graph
        refuse_too_much(placed, target)
    except (DoesNotFitError, TargetError) as error:
        problem = str(error)
    layers = tuple(_layer(call, kernels, target) for call in kernels.calls)
    known = [layer.cycles for layer in layers if layer.cycles is not None]
    total = round(sum(known)) if known and len(known) == len(layers) else None
    seconds = total / target.clock_hz if total is not None and target.clock_hz else None
    used = {str(a.value) for call in kernels.calls for a in call.args if a.kind == "const"}
    weights = sum(kernels.tensors[name].nbytes for name in used)
    ends = sum(kernels.tensors[n].nbytes for n in (*kernels.inputs, *kernels.outputs))
    arena = None if placed is None else placed.arena_bytes
    code = _code(kernels, target)
    return Estimate(
        model=graph.name,
        target=target.name,
        cycles=total,
        latency_ms=None if seconds is None else 1e3 * seconds,
        energy_mj=None if total is None else target.energy_mj(total),
        macs=sum(layer.macs for layer in layers),
        arena_bytes=arena,
        ram_bytes=None if arena is None else arena + ends + target.stack_bytes,
        weight_bytes=weights,
        flash_bytes=None if code is None else weights + code,
        fits=problem is None,
        problem=problem,
        layers=layers,
        rough_cycles=_rough(kernels, target) if total is None else None,
    )


def _rough(graph: KernelGraph, target: Target) -> int:
    """``Kernel.cost`` of all calls, shared by the cores that take part."""
    total = 0.0
    for call in graph.calls:
        if call.node is None:
            continue
        kernel = kernel_of(call.symbol)
        inputs = tuple(graph.tensors[n] if n else None for n in call.node.inputs)
        cost = kernel.cost(call.node.op, inputs, graph.tensors[call.node.output], target)
        total += cost / (target.cores if kernel.all_cores else 1)
    return round(total)


def _refused(name: str, target: Target, problem: str) -> Estimate:
    """Of a model whose weights alone are too many."""
    nothing = (None, None, None, 0, None, None, 0, None)
    return Estimate(name, target.name, *nothing, False, problem, ())


def _layer(call: KernelCall, graph: KernelGraph, target: Target) -> LayerEstimate:
    predicted = None
    if call.node is not None:
        kernel = kernel_of(call.symbol)
        inputs = tuple(graph.tensors[n] if n else None for n in call.node.inputs)
        output = graph.tensors[call.node.output]
        if prices(core_of(target)):
            predicted = cycles(kernel, call.node.op, inputs, output, target)
    elif known := prices(core_of(target)):
        # a copy: a part of a Concat, an output of its own
        price = known.get(call.symbol, {"call": 20.0, "outputs": 4.0})
        count = math.prod(int(n) for n in call.shape.split("x"))
        predicted = price.get("call", 0.0) + price.get("outputs", 0.0) * count
    return LayerEstimate(call.name, call.op, call.shape, call.symbol, call.macs, predicted)


def _code(graph: KernelGraph, target: Target) -> int | None:
    """Bytes of code: each kernel once for each shape that it is called with."""
    core = core_of(target)
    if not prices(core):
        return None
    shapes = {
        (call.symbol, tuple(a.value for a in call.args if a.kind == "int")) for call in graph.calls
    }
    return _HARNESS_BYTES + sum(code_bytes(core, symbol) for symbol, _ in shapes)
