"""Samples from an .npz file, checked against the model before anything is computed."""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microformer.errors import DataError
from microformer.graph.arrays import read_npz
from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import SensorFrontEnd
from microformer.graph.tensor import Array

MAX_BYTES = 8 * 2**30

_UNREADABLE = (OSError, ValueError, zlib.error)
"""What is raised for a damaged, hostile or foreign file."""


ArrayLike = Any
"""What ``numpy.asarray`` takes: arrays, lists, torch tensors."""


def as_array(data: ArrayLike, name: str) -> Array:
    """``data`` as an array of numbers; float64 of Python's own lists becomes float32 later.

    Raises DataError where it is none.
    """
    detach = getattr(data, "detach", None)  # a torch tensor that wants a gradient, or is elsewhere
    try:
        found = np.asarray(data if detach is None else detach().cpu())
    except Exception as error:  # whatever a foreign object raises
        raise DataError(
            f"{name} cannot be made an array ({type(error).__name__}); give numbers of one shape."
        ) from None
    if found.dtype.kind not in "fiub":
        kind = type(data).__name__
        raise DataError(f"{name} is a {kind} of no numbers; give an array of samples along axis 0.")
    return found


@dataclass(frozen=True, eq=False)
class Samples:
    """``x`` [N, *input shape without batch], float32 or int32; ``y`` class indices [N] or None.

    Of a model with a front end x may be int16 [N, windows, *window], its sensor's samples.
    """

    x: Array
    y: Array | None

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def evenly(self, count: int) -> "Samples":
        """``count`` of them at equal steps, the first among them; all where there are no more."""
        if count >= len(self):
            return self
        chosen = np.arange(count) * len(self) // count
        return Samples(self.x[chosen], None if self.y is None else self.y[chosen])

    def first(self, count: int) -> "Samples":
        """The first ``count`` of them."""
        return Samples(self.x[:count], None if self.y is None else self.y[:count])


def read_samples(path: Path, model: FloatModel, front: SensorFrontEnd | None = None) -> Samples:
    """The samples of ``path`` (an .npz with ``x`` and optionally ``y``) for ``model``.

    Given its ``front`` end, x may also be int16 samples of the sensor.

    Raises DataError, one sentence, for whatever is wrong with the file or its arrays.
    """
    if not path.is_file():
        raise DataError(f"There is no sample file '{path}'; give an .npz that holds x (and y).")
    try:
        arrays = read_npz(path, MAX_BYTES)
    except _UNREADABLE as error:
        raise DataError(
            f"'{path}' is no readable .npz file ({error}); write it with numpy.savez(x=..., y=...)."
        ) from None
    if "x" not in arrays:
        found = ", ".join(arrays) or "nothing"
        raise DataError(f"'{path}' holds {found} but no array 'x'; save the samples as x.")
    return check_samples(arrays["x"], arrays.get("y"), model, f"'{path}'", front)


def check_samples(
    x: Array, y: Array | None, model: FloatModel, where: str, front: SensorFrontEnd | None = None
) -> Samples:
    """``x`` and ``y`` as Samples, or a DataError that says what does not fit the model."""
    wanted = model.input_shape[1:]
    raw = front is not None and x.dtype == np.int16
    if front is not None and raw:
        wanted = (*wanted[: -len(front.map)], *front.window)
    if x.ndim == 0 or x.shape[0] == 0:
        raise DataError(f"{where} holds no samples; x needs at least one along axis 0.")
    if tuple(x.shape[1:]) != wanted:
        raise DataError(
            f"{where}: each sample of x has shape {list(x.shape[1:])}, but the model's input "
            f"'{model.input_name}' takes {list(wanted)}; reshape x to [N, {_dims(wanted)}]."
        )
    if model.input_dtype == "int32":
        if x.dtype.kind not in "iu":
            raise DataError(f"{where}: x is {x.dtype}, but the model takes integer token indices.")
        highest = smallest_table(model) - 1
        if x.min() < 0 or x.max() > highest:
            raise DataError(
                f"{where}: x holds the indices {x.min()} to {x.max()}, but the model's smallest "
                f"embedding has rows 0 to {highest}; check the tokens."
            )
        x = x.astype(np.int32)
    elif not raw:
        x = _real(x, where)
    if y is not None and (y.ndim != 1 or len(y) != len(x) or y.dtype.kind not in "iu"):
        raise DataError(
            f"{where}: y must be one class index (an integer) for each of the {len(x)} samples, "
            f"but is {y.dtype} of shape {list(y.shape)}."
        )
    classes = math.prod(model.output_shape)
    if y is not None and (y.min() < 0 or y.max() >= classes):
        raise DataError(
            f"{where}: y holds the classes {y.min()} to {y.max()}, but the model's output "
            f"'{model.output_name}' has {classes} values, classes 0 to {classes - 1}."
        )
    return Samples(x, y)


def smallest_table(model: FloatModel) -> int:
    """Rows of the smallest embedding table, 2^31 if there is none."""
    tables = (node.inputs[0] for node in model.model.graph if node.op_type == "Gather")
    constant = (t for t in tables if t is not None and t.const_value is not None)
    rows = [t.shape[0] for t in constant if t.shape is not None]
    return min((r for r in rows if isinstance(r, int)), default=2**31)


def _dims(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _real(x: Array, where: str) -> Array:
    if x.dtype.kind != "f":
        raise DataError(
            f"{where}: x is {x.dtype}, but the model takes real values; convert it to float32 "
            "with the scaling that the model was trained with."
        )
    for first, sample in enumerate(x):  # one at a time: a mask of all would be as large again
        if np.isfinite(sample).all():
            continue
        raise DataError(f"{where}: sample {first} of x holds NaN or Inf; remove or mend it.")
    return x.astype(np.float32, copy=False)


def random_samples(model: FloatModel, count: int, seed: int) -> Samples:
    """Standard normal values (or any indices): ranges from them mean nothing, shapes do."""
    generator = np.random.default_rng(seed)
    shape = (count, *model.input_shape[1:])
    if model.input_dtype == "int32":
        return Samples(generator.integers(0, smallest_table(model), shape, np.int32), None)
    return Samples(generator.standard_normal(shape).astype(np.float32), None)
