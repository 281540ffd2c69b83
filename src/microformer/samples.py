"""Samples from an .npz file, checked against the model before anything is computed."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microformer.errors import DataError, near_names
from microformer.graph.arrays import read_npz
from microformer.graph.ends import records
from microformer.graph.float_model import FloatEnd, FloatModel
from microformer.graph.frontend import SensorFrontEnd
from microformer.graph.tensor import Array

MAX_BYTES = 8 * 2**30

_UNREADABLE = (OSError, ValueError, zlib.error)
"""What is raised for a damaged, hostile or foreign file."""


ArrayLike = Any
"""What ``numpy.asarray`` takes: arrays, lists, torch tensors."""
SamplesLike = Any
"""An ArrayLike, or of several inputs (or one output of several) a dict of them by name."""


def as_arrays(data: SamplesLike, name: str) -> Array | dict[str, Array]:
    """An array, or a dict of them; a tuple or list is not taken for several."""
    if isinstance(data, Mapping):
        return {str(key): as_array(value, f"{name}[{key!r}]") for key, value in data.items()}
    return as_array(data, name)


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

    Of a model with several inputs x are records [N] of them (``graph.ends``). ``answers`` names the
    output that y is of, empty for the first. Of a model with a front end x may be int16
    [N, windows, *window], its sensor's samples. Of a model that remembers the rows are ``steps``
    steps of each sequence, one sequence behind the other, without the states; y is the class of
    each sequence's last step and -1 of the others.
    """

    x: Array
    y: Array | None
    answers: str = ""
    steps: int = 0

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def evenly(self, count: int) -> "Samples":
        """``count`` of them at equal steps, the first among them; all where there are no more."""
        if count >= len(self):
            return self
        assert not self.steps, "a sequence is not taken apart"
        chosen = np.arange(count) * len(self) // count
        return Samples(self.x[chosen], None if self.y is None else self.y[chosen], self.answers)

    def first(self, count: int) -> "Samples":
        """The first ``count`` of them, of a model that remembers the first sequences."""
        rows = count * (self.steps or 1)
        y = None if self.y is None else self.y[:rows]
        return Samples(self.x[:rows], y, self.answers, self.steps)


def read_samples(path: Path, model: FloatModel, front: SensorFrontEnd | None = None) -> Samples:
    """The samples of ``path`` for ``model``: an .npz with ``x`` and optionally ``y``.

    Of several inputs it holds an array for each by its name; of several outputs the classes may be
    called as the output that they are of. Given its ``front`` end, x may also be int16 samples of
    the sensor.

    Raises DataError, one sentence, for whatever is wrong with the file or its arrays.
    """
    names = [end.name for end in model.given]
    wanted = "x" if len(names) == 1 else ", ".join(names)
    if not path.is_file():
        raise DataError(
            f"There is no sample file '{path}'{near_names(path)}; give an .npz that holds "
            f"{wanted} (and y)."
        )
    try:
        arrays = read_npz(path, MAX_BYTES)
    except _UNREADABLE as error:
        raise DataError(
            f"'{path}' is no readable .npz file ({error}); write it with "
            f"numpy.savez({', '.join(f'{n}=...' for n in wanted.split(', '))}, y=...)."
        ) from None
    if len(names) == 1:
        names = ["x"] if "x" in arrays or names[0] not in arrays else names
    missing = [name for name in names if name not in arrays]
    if missing:
        found = ", ".join(arrays) or "nothing"
        saved = " as x" if names == ["x"] else " by the names of the model's inputs"
        raise DataError(
            f"'{path}' holds {found} but no array '{missing[0]}'; save the samples{saved}."
        )
    x: Array | dict[str, Array] = arrays[names[0]]
    if len(names) > 1:
        x = {name: arrays[name] for name in names}
    answers = next((e.name for e in model.outputs if e.name in arrays and e.name not in names), "")
    y: Array | dict[str, Array] | None = arrays.get("y")
    if y is None and answers and arrays[answers].dtype.kind in "iu":
        y = {answers: arrays[answers]}
    return check_samples(x, y, model, f"'{path}'", front)


def check_samples(
    x: Array | Mapping[str, Array],
    y: Array | Mapping[str, Array] | None,
    model: FloatModel,
    where: str,
    front: SensorFrontEnd | None = None,
) -> Samples:
    """``x`` and ``y`` as Samples, or a DataError that says what does not fit the model.

    Of several inputs x is an array for each by its name; y may name the output that it is of.
    """
    names = [end.name for end in model.given]
    given = dict(x) if isinstance(x, Mapping) else {names[0]: x}
    if len(names) > 1 and not isinstance(x, Mapping):
        raise DataError(
            f"{where}: the model has {len(names)} inputs ({', '.join(names)}); give an array for "
            "each, by its name."
        )
    unknown = sorted(set(given) - set(names))
    missing = [name for name in names if name not in given]
    if unknown or missing:
        what = f"no samples of '{missing[0]}'" if missing else f"'{unknown[0]}', which is no input"
        raise DataError(f"{where} has {what}; the model's inputs are {', '.join(names)}.")
    steps = 0
    if model.states:
        given, steps = _in_steps(given, model, where)
    checked = {
        end.name: _check_input(given[end.name], model, end, where, front) for end in model.given
    }
    counts = {len(values) for values in checked.values()}
    if len(counts) > 1:
        sizes = ", ".join(f"{len(values)} of '{name}'" for name, values in checked.items())
        raise DataError(f"{where} has unlike numbers of samples: {sizes}.")
    count = counts.pop()
    answers, classes = _check_answers(y, count // (steps or 1), model, where)
    if classes is not None and steps:
        last = np.full((count // steps, steps), -1, np.int64)
        last[:, -1] = classes
        classes = last.reshape(-1)
    return Samples(records(checked), classes, answers, steps)


def _in_steps(
    given: Mapping[str, Array], model: FloatModel, where: str
) -> tuple[dict[str, Array], int]:
    """Sequences [N, steps, *shape] of each input as their steps [N * steps, *shape], and how many.

    Raises DataError where they are none, or of unlike lengths.
    """
    made, lengths = {}, {}
    for end in model.given:
        values = given[end.name]
        if values.ndim != len(end.shape) + 1 or 0 in values.shape[:2]:
            raise DataError(
                f"{where}: the model remembers, so samples of '{end.name}' are sequences "
                f"[{_dims(('N', 'steps', *end.shape[1:]))}]; these have shape "
                f"{list(values.shape)}."
            )
        lengths[end.name] = values.shape[1]
        made[end.name] = values.reshape(-1, *values.shape[2:])
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{n} of '{name}'" for name, n in lengths.items())
        raise DataError(f"{where} has sequences of unlike numbers of steps: {listed}.")
    return made, next(iter(lengths.values()))


def _check_input(
    x: Array, model: FloatModel, end: FloatEnd, where: str, front: SensorFrontEnd | None
) -> Array:
    """The samples of one input [N, *shape], float32 or int32."""
    wanted = end.shape[1:]
    called = "x" if len(model.inputs) == 1 else end.name
    raw = front is not None and x.dtype == np.int16
    if front is not None and raw:
        wanted = (*wanted[: -len(front.map)], *front.window)
    if x.ndim == 0 or x.shape[0] == 0:
        raise DataError(f"{where} holds no samples; {called} needs at least one along axis 0.")
    if tuple(x.shape[1:]) != wanted:
        raise DataError(
            f"{where}: each sample of {called} has shape {list(x.shape[1:])}, but the model's "
            f"input '{end.name}' takes {list(wanted)}; reshape {called} to "
            f"[{_dims(('N', *wanted))}]."
        )
    if end.dtype == "int32":
        if x.dtype.kind not in "iu":
            raise DataError(
                f"{where}: {called} is {x.dtype}, but the model takes integer token indices."
            )
        highest = smallest_table(model, end.name) - 1
        if x.min() < 0 or x.max() > highest:
            raise DataError(
                f"{where}: {called} holds the indices {x.min()} to {x.max()}, but the model's "
                f"smallest embedding has rows 0 to {highest}; check the tokens."
            )
        return x.astype(np.int32)
    return x if raw else _real(x, where, called)


def _check_answers(
    y: Array | Mapping[str, Array] | None, count: int, model: FloatModel, where: str
) -> tuple[str, Array | None]:
    """The output that the classes are of (empty: the first), and they, int [N]."""
    if y is None:
        return "", None
    answers = ""
    if isinstance(y, Mapping):
        answers = next(iter(y), "")
        if len(y) != 1 or answers not in model.output_names:
            listed = ", ".join(end.name for end in model.outputs)
            raise DataError(f"{where}: y names no one output; the model's outputs are {listed}.")
        y = y[answers]
    end = next((e for e in model.outputs if e.name == answers), model.answers[0])
    if y.ndim != 1 or len(y) != count or y.dtype.kind not in "iu":
        raise DataError(
            f"{where}: y must be one class index (an integer) for each of the {count} samples, "
            f"but is {y.dtype} of shape {list(y.shape)}."
        )
    classes = math.prod(end.shape)
    if y.min() < 0 or y.max() >= classes:
        raise DataError(
            f"{where}: y holds the classes {y.min()} to {y.max()}, but the model's output "
            f"'{end.name}' has {classes} values, classes 0 to {classes - 1}."
        )
    return answers, y


def smallest_table(model: FloatModel, name: str) -> int:
    """Rows of the smallest embedding table that input ``name`` indexes, 2^31 if there is none."""
    rows = []
    for node in model.model.graph:
        if node.op_type != "Gather" or node.inputs[1] is None or node.inputs[1].name != name:
            continue
        table = node.inputs[0]
        if table is not None and table.const_value is not None and table.shape is not None:
            rows.append(table.shape[0])
    return min((r for r in rows if isinstance(r, int)), default=2**31)


def _dims(shape: Sequence[object]) -> str:
    return ", ".join(map(str, shape))


def _real(x: Array, where: str, called: str) -> Array:
    if x.dtype.kind != "f":
        raise DataError(
            f"{where}: {called} is {x.dtype}, but the model takes real values; convert it to "
            "float32 with the scaling that the model was trained with."
        )
    for first, sample in enumerate(x):  # one at a time: a mask of all would be as large again
        if np.isfinite(sample).all():
            continue
        raise DataError(f"{where}: sample {first} of {called} holds NaN or Inf; remove or mend it.")
    return x.astype(np.float32, copy=False)
