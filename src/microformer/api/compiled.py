"""What one does with a compiled model: save, open, run, predict, export."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from microformer import pipeline, store
from microformer.api.arguments import samples_of
from microformer.graph import compiled as stages
from microformer.page.bars import in_notebook
from microformer.report import Report
from microformer.samples import SamplesLike
from microformer.store.folder import write_folder


def export(
    compiled: stages.Compiled,
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

    >>> compiled = microformer.compile("model.onnx", x, "cortex-m4", effort="low")
    >>> microformer.export(compiled, "arduino", "library")
    """
    files = pipeline.export_model(compiled, form, version=version, url=url)
    write_folder(files, Path(folder), force=force, marker=pipeline.EXPORT_MARKER)


def run(
    compiled: stages.Compiled,
    x: SamplesLike,
    y: SamplesLike | None = None,
    *,
    count: int | None = None,
) -> Report:
    """Build and run on the target that it was compiled for; check every output byte; report.

    ``x`` [N, *input shape] (a dict of them by name, of several inputs), or int16
    [N, windows, *window] samples of a front end's sensor; ``y`` class indices [N] or None, or a
    dict that names the output that they are of; ``count`` limits how many samples
    the target runs (accuracy is over all N).

    >>> compiled = microformer.compile("model.onnx", x, "cortex-m4", effort="low")
    >>> report = microformer.run(compiled, x, y, count=1)
    >>> report.bit_exact, report.firmware_exact, report.cycles_kind
    (True, True, 'estimate')
    """
    front = None if compiled.front is None else compiled.front.spec
    samples = samples_of(x, y, compiled.float_model, front)
    board = compiled.target
    return pipeline.run_model(compiled, samples, board, count=count, progress=in_notebook)


def predict(compiled: stages.Compiled, x: SamplesLike) -> Any:
    """What the compiled program answers to ``x`` [N, *input shape]: float32 [N, *output shape].

    Of several outputs a dict of them by name. Of a model that remembers ``x`` are sequences
    [N, steps, *input shape], each begun with states of zero, and so are the answers. Of a model
    with a front end ``x`` may also be int16 [N, windows, *window], samples of its sensor.

    The very bytes that a firmware has after the emitted quantiser, the program and the emitted
    dequantiser (``run`` proves it), from the NumPy reference; nothing is built or emulated.

    >>> compiled = microformer.compile("model.onnx", x, "host", effort="low")
    >>> microformer.predict(compiled, x[:2]).shape
    (2, 10)
    """
    front = None if compiled.front is None else compiled.front.spec
    made = pipeline.predict_model(compiled, samples_of(x, None, compiled.float_model, front))
    return made if len(made) > 1 else next(iter(made.values()))


class Compiled(stages.Compiled):
    """A compiled model, and what one does with it.

    ``target`` is the whole record, ``project`` the C files, ``int_graph`` the integer program,
    ``float_model`` the model that it was made of.
    """

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the C project and all that ``microformer.open`` needs.

        Raises OutputError if the folder exists (without ``force``) or cannot be written.
        """
        store.save(self, Path(folder), force=force)

    def run(
        self, x: SamplesLike, y: SamplesLike | None = None, *, count: int | None = None
    ) -> Report:
        """As ``microformer.run``."""
        return run(self, x, y, count=count)

    def predict(self, x: SamplesLike) -> Any:
        """As ``microformer.predict``."""
        return predict(self, x)

    def export(
        self,
        form: str,
        folder: str | Path,
        *,
        version: str = "1.0.0",
        url: str | None = None,
        force: bool = False,
    ) -> None:
        """As ``microformer.export``."""
        export(self, form, folder, version=version, url=url, force=force)

    @staticmethod
    def of(made: stages.Compiled) -> "Compiled":
        """What the pipeline made, with these doors."""
        return (
            made
            if isinstance(made, Compiled)
            else Compiled(**{field.name: getattr(made, field.name) for field in fields(made)})
        )


def open(folder: str | Path, *, edited: bool = False) -> Compiled:
    """The compiled model that ``Compiled.save`` or ``microformer compile`` wrote to ``folder``.

    ``edited``: C files that were changed since are taken as they are. Raises OutputError.

    >>> microformer.compile("model.onnx", x, "host", effort="low").save("out")
    >>> microformer.open("out").target.name
    'host'
    """
    return Compiled.of(store.open_folder(Path(folder), edited=edited))
