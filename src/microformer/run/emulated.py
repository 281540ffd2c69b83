"""Run on an emulated Cortex-M: start-up, then one inference a sample, the first one counted."""

import time
from collections.abc import Callable

import numpy as np

from microformer.errors import ToolError
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run import profile as profiler
from microformer.run.alignment import AlignmentCheck
from microformer.run.convert import Converted, part_symbol, parts
from microformer.run.firmware import Firmware
from microformer.run.machine import Machine
from microformer.targets import Target

_PAINT = b"\xa5"  # startup_cortex_m.c paints the stack with it
_FILLS = (b"\x55", b"\xaa")  # what the arena holds before a sample must not matter


def run_emulated(
    project: CProject,
    image: Image,
    samples: Array,
    target: Target,
    *,
    profile: bool,
    check_alignment: bool,
    converted: Converted,
    limit_seconds: float,
    progress: Callable[[int, int], None],
) -> RunResult:
    """Outputs int8 [N, output_size], counts of the first sample, deepest stack of all."""
    if image.target != target.name:
        raise ToolError(f"'{image.path}' was built for {image.target}, not for {target.name}.")
    begin = time.perf_counter()
    firmware = Firmware(image.path)
    session = _Session(project, firmware, Machine(target, firmware, limit_seconds))
    if check_alignment:
        AlignmentCheck(session.machine, firmware, unaligned_access=target.unaligned_access)
    counted: profiler.Profile | None = None
    outputs = np.empty((len(samples), project.output_size), np.int8)
    for index, sample in enumerate(samples):
        given = sample
        if index < len(converted.given):
            given = converted.inputs[index] = session.quantized(converted.given[index], index)
        if index == 0 and profile:
            counted = session.count(given, target)
        else:
            session.infer(given, index)
        outputs[index] = session.output(given, index)
        if converted.real is not None:
            converted.real[index] = session.dequantized(index)
        progress(index + 1, len(samples))
    seconds = time.perf_counter() - begin
    return profiler.emulated(outputs, counted, session.stack_bytes(), seconds, converted)


class _Session:
    """The harness's buffers in a machine, and its function."""

    def __init__(self, project: CProject, firmware: Firmware, machine: Machine) -> None:
        self.machine = machine
        self._project = project
        self._firmware = firmware
        self._in = firmware.address("mf_harness_in")
        self._out = firmware.address("mf_harness_out")
        self._arena = firmware.address("mf_harness_arena")
        self._arena2 = firmware.symbols.get("mf_harness_arena2", 0)
        self._real = firmware.symbols.get(part_symbol(project), 0)
        self._infer = firmware.address("mf_harness_infer")

    def count(self, sample: Array, target: Target) -> profiler.Profile:
        """The first inference, under the block hook."""
        self._prepare(sample, 0)
        return profiler.count(
            self._project,
            self._firmware,
            self.machine,
            self._infer,
            target,
        )

    def infer(self, sample: Array, index: int) -> None:
        """One inference at full speed."""
        self._prepare(sample, index)
        self.machine.call(self._infer, f"sample {index}")

    def quantized(self, sample: Array, index: int) -> Array:
        """int8 [input_size] that the emitted quantiser makes of float32 values."""
        convert = self._firmware.address("mf_harness_quantize")
        for begin, count in parts(self._project, self._project.input_size):
            self.machine.write(self._real, sample[begin : begin + count].tobytes())
            self.machine.call(convert, f"quantising sample {index}", begin, 0, count)
        return np.frombuffer(self.machine.read(self._in, self._project.input_size), np.int8)

    def dequantized(self, index: int) -> Array:
        """float32 [output_size] that the emitted dequantiser makes of the outputs."""
        convert = self._firmware.address("mf_harness_dequantize")
        made = b""
        for begin, count in parts(self._project, self._project.output_size):
            self.machine.call(convert, f"dequantising sample {index}", begin, 0, count)
            made += self.machine.read(self._real, 4 * count)
        return np.frombuffer(made, np.float32)

    def _prepare(self, sample: Array, index: int) -> None:
        self.machine.write(self._arena, _FILLS[index % 2] * max(self._project.arena_bytes, 1))
        if self._project.l2_bytes:
            self.machine.write(self._arena2, _FILLS[index % 2] * self._project.l2_bytes)
        self.machine.write(self._out, _FILLS[index % 2] * self._project.output_size)
        self.machine.write(self._in, sample.tobytes())

    def output(self, sample: Array, index: int) -> Array:
        """int8 [output_size]; ToolError if the inference changed its input."""
        if self.machine.read(self._in, sample.nbytes) != sample.tobytes():
            raise ToolError(f"'{self._project.name}' wrote into its input in sample {index}.")
        return np.frombuffer(self.machine.read(self._out, self._project.output_size), np.int8)

    def stack_bytes(self) -> int:
        """The deepest stack so far: all but the bytes at its end that still are paint.

        It counts the frames of start-up and main too, some 16 bytes.
        """
        bottom = self._firmware.address("mf_stack_bottom")
        top = self._firmware.address("mf_stack_top")
        stack = self.machine.read(bottom, top - bottom)
        return len(stack.lstrip(_PAINT))
