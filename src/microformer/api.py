"""The Python API: thin doors to the pipeline, taking arrays in place of files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microformer import pipeline, targets
from microformer.errors import DataError
from microformer.graph.compiled import Compiled
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.frontend import SensorFrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.report import Report
from microformer.report.estimate import Estimate
from microformer.samples import Samples, SamplesLike, as_arrays, check_samples
from microformer.settings import DEFAULTS, Effort, Optimize, Residual, Settings, SoftmaxKind
from microformer.store.folder import write_folder
from microformer.targets import Target

if TYPE_CHECKING:
    from microformer.audit import Audit


@contextmanager
def _silent(_stage: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None


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
) -> FloatModel:
    """A float model from a path to ``.onnx`` or a ``torch.nn.Module`` (with an ``example`` input).

    ``shape`` fixes dynamic axes by input name, ``fixed`` fills further inputs with a number. Of a
    quantised model (QDQ ONNX, int8 TFLite) the scales are kept; ``exact_import`` also keeps its
    operations apart, attention as softmax and products. ``inputs`` and ``outputs`` name inner
    tensors (or torch modules, whose results they are): only what lies between is loaded.
    Raises ModelError or UnsupportedOpError.
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
    """
    settings = Settings(softmax, effort, residual, calibration_samples)
    model = _model(model, x)
    basis = _basis(model, x, ranges)
    _, graph = pipeline.quantize_model(model, basis, settings, progress=_silent)
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
    """
    settings = Settings(softmax, effort, residual, calibration_samples, optimize)
    board = targets.resolve(target, cores or None, weights)
    model = _model(model, x)
    basis = _basis(model, x, ranges)
    made = pipeline.compile_model(
        model,
        basis,
        board,
        settings,
        front=front,
        progress=_silent,
    )
    return made.compiled


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
    """
    board = targets.resolve(target, cores or None, weights)
    if isinstance(model, IntGraph):
        return pipeline.estimate_graph(model, board)
    loaded = _model(model, x)
    samples = None if x is None else _samples(x, None, loaded)
    return pipeline.estimate_model(loaded, board, samples, progress=_silent)


def export(
    compiled: Compiled,
    form: str,
    folder: str | Path,
    *,
    version: str = "1.0.0",
    url: str | None = None,
    force: bool = False,
) -> None:
    """Write ``compiled`` as a package of an ecosystem: library, metadata, README, an example.

    ``form`` is cmake, zephyr, arduino, platformio, cmsis-pack, esp-idf, pico-sdk or stm32cube;
    ``version`` the package's own, ``url`` its page. Raises TargetError for a form that there is
    not or a model for a cluster, OutputError if the folder exists (without ``force``).
    """
    files = pipeline.export_model(compiled, form, version=version, url=url)
    write_folder(files, Path(folder), force=force, marker=pipeline.EXPORT_MARKER)


def with_front(compiled: Compiled, front: SensorFrontEnd) -> Compiled:
    """``compiled`` with a front end as an entry point of its own, built once more on its target.

    Raises TargetError where the two, and a window's samples, do not fit together.
    """
    return pipeline.add_front(compiled, front, compiled.target)


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
    """
    settings = Settings(softmax, effort, residual, calibration_samples)
    model = _model(model, x)
    samples = _samples(x, y, model)
    if ranges is None and calibration is None:
        calibration = x
    basis = _basis(model, calibration, ranges)
    return pipeline.audit_model(model, basis, samples, settings, progress=_silent)


def _basis(model: FloatModel, x: SamplesLike | None, ranges: Ranges | None) -> Samples | Ranges:
    """What the scales are taken from: one of both."""
    if ranges is not None and x is None:
        return ranges
    if x is None or ranges is not None:
        raise DataError("Give either samples x to take the ranges from, or ranges.")
    return _samples(x, None, model)


def _model(source: Any, x: SamplesLike | None) -> FloatModel:
    """``source`` itself if it is loaded already, else what ``load`` makes of it.

    The first of the samples is the example that a torch module needs.
    """
    if isinstance(source, FloatModel):
        return source
    if x is None:
        return load(source)
    given = as_arrays(x, "x")
    if isinstance(given, dict):
        return load(source, example={name: values[:1] for name, values in given.items()})
    return load(source, example=given[:1])


def _samples(
    x: SamplesLike, y: SamplesLike | None, model: FloatModel, front: SensorFrontEnd | None = None
) -> Samples:
    """What the user gave as checked arrays."""
    labels = None if y is None else as_arrays(y, "y")
    return check_samples(as_arrays(x, "x"), labels, model, "x", front)


def run(
    compiled: Compiled, x: SamplesLike, y: SamplesLike | None = None, *, count: int | None = None
) -> Report:
    """Build and run on the target that it was compiled for; check every output byte; report.

    ``x`` [N, *input shape] (a dict of them by name, of several inputs), or int16
    [N, windows, *window] samples of a front end's sensor; ``y`` class indices [N] or None, or a
    dict that names the output that they are of; ``count`` limits how many samples
    the target runs (accuracy is over all N).
    """
    front = None if compiled.front is None else compiled.front.spec
    samples = _samples(x, y, compiled.float_model, front)
    board = compiled.target
    return pipeline.run_model(compiled, samples, board, count=count, progress=_silent)


def predict(compiled: Compiled, x: SamplesLike) -> Any:
    """What the compiled program answers to ``x`` [N, *input shape]: float32 [N, *output shape].

    Of several outputs a dict of them by name. Of a model with a front end ``x`` may also be int16
    [N, windows, *window], samples of its sensor.

    The very bytes that a firmware has after the emitted quantiser, the program and the emitted
    dequantiser (``run`` proves it), from the NumPy reference; nothing is built or emulated.
    """
    front = None if compiled.front is None else compiled.front.spec
    made = pipeline.predict_model(compiled, _samples(x, None, compiled.float_model, front))
    return made if len(made) > 1 else next(iter(made.values()))
