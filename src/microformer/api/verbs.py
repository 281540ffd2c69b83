"""The verbs that begin with a model: load, quantize, estimate, compile, audit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microformer import pipeline, targets
from microformer.api.arguments import basis_of, model_of, samples_of
from microformer.api.compiled import Compiled
from microformer.graph import compiled as stages
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.frontend import SensorFrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.page.bars import in_notebook
from microformer.report.estimate import Estimate
from microformer.samples import SamplesLike
from microformer.settings import DEFAULTS, Effort, Optimize, Residual, Settings, SoftmaxKind
from microformer.targets import Target

if TYPE_CHECKING:
    from microformer.audit import Audit


def load(
    source: Any,
    *,
    example: Any = None,
    name: str | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
    fixed: Mapping[str, float] | None = None,
    exact_import: bool = False,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    state: Mapping[str, str] | None = None,
) -> FloatModel:
    """A float model from a path to ``.onnx`` or a ``torch.nn.Module`` (with an ``example`` input).

    ``shape`` fixes dynamic axes by input name, ``fixed`` fills further inputs with a number. Of a
    quantised model (QDQ ONNX, int8 TFLite) the scales are kept; ``exact_import`` also keeps its
    operations apart, attention as softmax and products. ``inputs`` and ``outputs`` name inner
    tensors (or torch modules, whose results they are): only what lies between is loaded.
    ``state`` {input: output} is kept from call to call, from zeros on: samples are sequences then,
    [N, steps, *input shape], of the other inputs.
    Raises ModelError or UnsupportedOpError.

    >>> model = microformer.load("model.onnx")
    >>> model.input_shape
    (1, 1, 8, 8)
    """
    return pipeline.load_model(
        source,
        example=example,
        name=name,
        shape=shape,
        fixed=fixed,
        exact_import=exact_import,
        inputs=inputs,
        outputs=outputs,
        state=state,
    )


def quantize(
    model: Any,
    x: SamplesLike | None = None,
    *,
    softmax: SoftmaxKind = "lut",
    effort: Effort = "normal",
    residual: Residual = "enough",
    calibration_samples: int = DEFAULTS.samples,
    ranges: Ranges | None = None,
) -> IntGraph:
    """The integer program of ``model``, its ranges taken from samples ``x`` [N, *input shape].

    ``effort`` is how much is tried to lose less accuracy: low, normal or high. ``residual`` is
    the residual stream: rows (int8, groups of unlike rows in scales of their own where that gains),
    int8, int16, auto (int16 where it gains), or enough: rows, and auto where that keeps less than
    26 dB. ``ranges`` in place
    of samples are those of a training (``microformer.torch``). Run it in NumPy with
    ``microformer.reference.evaluate``.

    >>> graph = microformer.quantize("model.onnx", x, effort="low")
    >>> graph.inputs, len(graph.nodes) > 20
    (('x',), True)
    """
    settings = Settings(softmax, effort, residual, calibration_samples)
    model = model_of(model, x)
    basis = basis_of(model, x, ranges)
    _, graph = pipeline.quantize_model(model, basis, settings, progress=in_notebook)
    return graph


def compile(
    model: Any,
    x: SamplesLike | None = None,
    target: str | Path | Target = "cortex-m4",
    *,
    softmax: SoftmaxKind = "lut",
    cores: int | None = None,
    weights: str | None = None,
    effort: Effort = "normal",
    residual: Residual = "enough",
    calibration_samples: int = DEFAULTS.samples,
    ranges: Ranges | None = None,
    front: SensorFrontEnd | None = None,
    optimize: Optimize = "speed",
) -> Compiled:
    """The C project of ``model`` for ``target``, built once to prove that it fits.

    ``target`` is the name of one that ships, a ``targets.Target`` of one's own, or the path of its
    record (.json, .toml). ``model`` is whatever ``load`` takes, or what it gave. Samples are
    anything that ``numpy.asarray`` takes, torch tensors too.

    ``x`` [N, *input shape] are calibration samples; ``ranges`` in their place are those of a
    training. ``effort`` and ``residual`` as of ``quantize``. ``microformer.store.save`` writes it.
    ``front`` is a front end that makes the model's input on the device, an entry point of its own.
    ``optimize`` "speed", "balanced" or "size": less code for more cycles.
    Of a PULP cluster, ``cores`` 1 to 8 run it, with ``weights`` in "l1" or "l2";
    the target itself says so where they are left out.

    >>> compiled = microformer.compile("model.onnx", x, "cortex-m4", effort="low")
    >>> compiled.project.arena_bytes
    5024
    """
    settings = Settings(softmax, effort, residual, calibration_samples, optimize)
    board = targets.resolve(target, cores or None, weights)
    model = model_of(model, x)
    basis = basis_of(model, x, ranges)
    made = pipeline.compile_model(
        model,
        basis,
        board,
        settings,
        front=front,
        progress=in_notebook,
    )
    return Compiled.of(made.compiled)


def estimate(
    model: Any,
    target: str | Path | Target = "cortex-m4",
    x: SamplesLike | None = None,
    *,
    cores: int | None = None,
    weights: str | None = None,
) -> Estimate:
    """What ``model`` would cost on ``target``: cycles, RAM, flash, by layer, and whether it fits.

    ``model`` is whatever ``load`` takes, what it gave, or an IntGraph. Nothing is built or run:
    cycles are predicted from the prices of the core's kernels. Without samples ``x`` the scales
    come from random data, which changes no shape.

    >>> predicted = microformer.estimate("model.onnx", "cortex-m4", x)
    >>> predicted.fits, 500_000 < predicted.cycles < 700_000
    (True, True)
    """
    board = targets.resolve(target, cores or None, weights)
    if isinstance(model, IntGraph):
        return pipeline.estimate_graph(model, board)
    loaded = model_of(model, x)
    samples = None if x is None else samples_of(x, None, loaded)
    return pipeline.estimate_model(loaded, board, samples, progress=in_notebook)


def with_front(compiled: stages.Compiled, front: SensorFrontEnd) -> Compiled:
    """``compiled`` with a front end as an entry point of its own, built once more on its target.

    Raises TargetError where the two, and a window's samples, do not fit together.
    """
    return Compiled.of(pipeline.add_front(compiled, front, compiled.target))


def audit(
    model: Any,
    x: SamplesLike,
    y: SamplesLike | None = None,
    *,
    calibration: SamplesLike | None = None,
    softmax: SoftmaxKind = "lut",
    effort: Effort = "normal",
    residual: Residual = "enough",
    calibration_samples: int = DEFAULTS.samples,
    ranges: Ranges | None = None,
) -> "Audit":
    """What every layer of the quantised model costs, measured over ``x`` [N, *input shape].

    ``y`` are classes [N] or None. The ranges come from ``calibration``, from ``ranges``, or from
    ``x`` itself.

    >>> found = microformer.audit("model.onnx", x[:8], effort="low")
    >>> len(found.layers) > 20, found.sqnr_db > 25
    (True, True)
    """
    settings = Settings(softmax, effort, residual, calibration_samples)
    model = model_of(model, x)
    samples = samples_of(x, y, model)
    if ranges is None and calibration is None:
        calibration = x
    basis = basis_of(model, calibration, ranges)
    return pipeline.audit_model(model, basis, samples, settings, progress=in_notebook)
