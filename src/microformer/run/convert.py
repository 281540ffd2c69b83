"""A firmware's conversions on the target: real values to the input's integers, outputs to real.

They run the functions that the emitted header holds (build/harness_convert.h), a part at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microformer.errors import DataError, ToolError
from microformer.graph.project import CProject
from microformer.graph.tensor import Array

_OWN_COUNT = 64
_LEAST_ARENA = 256


def part_count(project: CProject) -> int:
    """How many float32 the harness converts in one call (MF_REAL_COUNT)."""
    arena = project.arena_bytes
    return arena // 4 if arena >= _LEAST_ARENA else _OWN_COUNT


def part_symbol(project: CProject) -> str:
    """The buffer that holds them (MF_REAL)."""
    return "mf_harness_arena" if project.arena_bytes >= _LEAST_ARENA else "mf_harness_real"


def parts(project: CProject, size: int) -> Iterator[tuple[int, int]]:
    """(begin, count) of the parts of ``size`` values."""
    step = part_count(project)
    return ((begin, min(step, size - begin)) for begin in range(0, size, step))


@dataclass(frozen=True, eq=False)
class Converted:
    """What is to be converted on the target, and arrays for what it makes of it.

    ``given`` float32 [M, input_size] for the first M samples of N; ``inputs`` int8 of its shape;
    ``real`` float32 [N, output_size], None where the outputs stay integers.
    """

    given: Array
    inputs: Array
    real: Array | None

    @classmethod
    def of(
        cls, project: CProject, count: int, given: Array | None, *, dequantize: bool
    ) -> "Converted":
        """For ``count`` samples. Raises DataError if the program cannot convert ``given``."""
        if given is None:
            given = np.zeros((0, project.input_size), np.float32)
        if len(given) and not project.quantizes:
            raise DataError(f"'{project.name}' takes integers and was given real values.")
        if given.shape != (min(len(given), count), project.input_size):
            raise DataError(f"'{project.name}' was given real values of shape {given.shape}.")
        made = dequantize and project.dequantizes
        return cls(
            np.ascontiguousarray(given, np.float32),
            np.zeros(given.shape, np.int8),
            np.zeros((count, project.output_size), np.float32) if made else None,
        )

    @property
    def quantized(self) -> Array | None:
        """``inputs``, None where no sample was given as float."""
        return self.inputs if len(self.inputs) else None

    def fill(self, quantized: Path, dequantized: Path) -> None:
        """Take both from files that a simulator wrote. Raises ToolError."""
        for array, path in ((self.inputs, quantized), (self.real, dequantized)):
            if array is None or not array.size:
                continue
            data = path.read_bytes() if path.exists() else b""
            if len(data) != array.nbytes:
                raise ToolError(
                    f"The conversions of real values stopped early: {len(data)} bytes instead of "
                    f"{array.nbytes}; compile again, else report it."
                )
            array[:] = np.frombuffer(data, array.dtype).reshape(array.shape)
