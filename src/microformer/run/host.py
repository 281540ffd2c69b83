"""Run on this machine: the shared library by ctypes, or the executable with sanitizers."""

import _ctypes
import ctypes
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from microformer.errors import ToolError
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run.convert import Converted
from microformer.scratch import dies_with_us

_GUARD_BYTES = 64
_GUARD = 0xC3
_FILLS = (0x55, 0xAA)  # what the arena holds before a sample must not matter


def run_host(
    project: CProject,
    image: Image,
    samples: Array,
    *,
    converted: Converted,
    limit_seconds: float,
    progress: Callable[[int, int], None],
) -> RunResult:
    """Outputs int8 [N, output_size]; the wall clock covers the model's function alone."""
    if image.path.suffix == ".exe":
        return _run_sanitized(project, image, samples, limit_seconds, progress)
    with _library(image) as library:
        if len(converted.given):
            _convert(library, "mf_harness_quantize", converted.given, converted.inputs)
            samples = np.concatenate([converted.inputs, samples[len(converted.inputs) :]])
        result = _run_function(_function(library, project, image), project, samples, progress)
        if converted.real is not None:
            _convert(library, "mf_harness_dequantize", result.outputs, converted.real)
        return replace(result, inputs=converted.quantized, real=converted.real)


def _convert(library: ctypes.CDLL, name: str, source: Array, result: Array) -> None:
    """A conversion of build/harness_library.c, a sample [size] at a time."""
    function = getattr(library, name)
    function.restype = None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]
    for before, after in zip(source, result, strict=True):
        function(before.ctypes.data, after.ctypes.data, before.size)


def _run_function(
    function: Callable[..., None],
    project: CProject,
    samples: Array,
    progress: Callable[[int, int], None],
) -> RunResult:
    out = _Guarded(project.output_size, 8 if project.outputs else 1)
    starts = [port.offset for port in project.inputs] or [0]
    ends = [out.address + port.offset for port in project.outputs] or [out.address]
    arena = _Guarded(max(project.arena_bytes, 1), project.arena_alignment)
    arenas = [arena, _Guarded(project.l2_bytes, 8)] if project.l2_bytes else [arena]
    outputs = np.empty((len(samples), project.output_size), np.int8)
    seconds = 0.0
    for index, sample in enumerate(samples):
        for memory in arenas:
            memory.array[:] = _FILLS[index % 2]
        given = sample.copy()
        begin = time.perf_counter()
        places = [given.ctypes.data + start for start in starts]
        function(*places, *ends, *(memory.address for memory in arenas))
        seconds += time.perf_counter() - begin
        for buffer, what in ((out, "its output"), *((memory, "its arena") for memory in arenas)):
            if buffer.broken():
                raise ToolError(
                    f"'{project.name}' wrote outside of {what} in sample {index}; its C sources "
                    "were changed, or microformer has a defect: compile again, else report it."
                )
        if not np.array_equal(given, sample):
            raise ToolError(f"'{project.name}' wrote into its input in sample {index}.")
        outputs[index] = out.array.view(np.int8)
        progress(index + 1, len(samples))
    return _result(outputs, seconds)


class _Guarded:
    """A buffer with bytes of a known pattern on both sides."""

    def __init__(self, size: int, alignment: int) -> None:
        whole = np.full(size + 2 * _GUARD_BYTES + alignment, _GUARD, np.uint8)
        begin = _GUARD_BYTES + (-(whole.ctypes.data + _GUARD_BYTES)) % alignment
        self._before = whole[:begin]
        self._after = whole[begin + size :]
        self.array = whole[begin : begin + size]
        self.address = self.array.ctypes.data

    def broken(self) -> bool:
        """True if a byte of the guards has changed."""
        return bool((self._before != _GUARD).any() or (self._after != _GUARD).any())


def _function(library: ctypes.CDLL, project: CProject, image: Image) -> Callable[..., None]:
    """The model's function."""
    try:
        function: Callable[..., None] = getattr(library, f"{project.name}_run")
    except AttributeError:
        raise ToolError(
            f"'{image.path}' has no function '{project.name}_run'; compile the model again."
        ) from None
    function.restype = None  # type: ignore[attr-defined]
    count = (len(project.inputs) or 1) + (len(project.outputs) or 1)
    count += 2 if project.l2_bytes else 1
    function.argtypes = [ctypes.c_void_p] * count  # type: ignore[attr-defined]
    return function


@contextmanager
def _library(image: Image) -> Iterator[ctypes.CDLL]:
    """The library, loaded only as long as it is used.

    A library left loaded is taken for the next one if that file happens to get the same inode.
    """
    try:
        library = ctypes.CDLL(str(image.path))
    except OSError:
        raise ToolError(f"'{image.path}' cannot be loaded; compile the model again.") from None
    try:
        yield library
    finally:
        if sys.platform == "win32":  # not tried: from ctypes' source
            _ctypes.FreeLibrary(library._handle)
        else:
            _ctypes.dlclose(library._handle)


def _run_sanitized(
    project: CProject,
    image: Image,
    samples: Array,
    limit_seconds: float,
    progress: Callable[[int, int], None],
) -> RunResult:
    """All samples in one process, through its standard input and output."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            [str(image.path)],
            input=samples.tobytes(),
            capture_output=True,
            timeout=limit_seconds * len(samples),
            preexec_fn=dies_with_us(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"'{project.name}' did not end under the sanitizers.") from None
    except OSError as error:
        raise ToolError(f"'{image.path}' cannot be started: {error.strerror}.") from None
    seconds = time.perf_counter() - begin
    expected = len(samples) * project.output_size
    if done.returncode != 0 or len(done.stdout) != expected:
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        first = next((y for y in lines if "error:" in y.lower()), f"exit code {done.returncode}")
        raise ToolError(f"The sanitizers stopped '{project.name}': {first.strip()[:300]}.")
    progress(len(samples), len(samples))
    outputs = np.frombuffer(done.stdout, np.int8).reshape(len(samples), -1).copy()
    return _result(outputs, seconds)


def _result(outputs: Array, seconds: float) -> RunResult:
    return RunResult(
        outputs=outputs,
        cycles=None,
        cycles_kind="host",
        instructions=None,
        layers=(),
        stack_bytes=None,
        wall_seconds=seconds,
    )
