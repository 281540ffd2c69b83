"""A firmware's conversions on the target: real values to the input's integers, outputs to real.

They run the functions that the emitted header holds (build/harness_convert.h), a part at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microformer.errors import ToolError
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
    """Arrays for what the target's conversions make; None for those that are not asked for.

    ``inputs`` int8 [N, input_size] of samples in float32, ``real`` float32 [N, output_size].
    """

    inputs: Array | None
    real: Array | None

    @classmethod
    def empty(cls, project: CProject, samples: Array, *, dequantize: bool) -> "Converted":
        """The arrays, zero, for ``samples`` [N, input_size]."""
        count = len(samples)
        quantize = samples.dtype == np.float32
        return cls(
            np.zeros((count, project.input_size), np.int8) if quantize else None,
            np.zeros((count, project.output_size), np.float32) if dequantize else None,
        )

    def fill(self, quantized: Path, dequantized: Path) -> None:
        """Take both from files that a simulator wrote. Raises ToolError."""
        for array, path in ((self.inputs, quantized), (self.real, dequantized)):
            if array is None:
                continue
            data = path.read_bytes() if path.exists() else b""
            if len(data) != array.nbytes:
                raise ToolError(
                    f"The conversions of real values stopped early: {len(data)} bytes instead of "
                    f"{array.nbytes}; compile again, else report it."
                )
            array[:] = np.frombuffer(data, array.dtype).reshape(array.shape)
