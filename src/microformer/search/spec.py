"""The user's file: how a candidate is built, trained and judged."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from microformer.errors import DataError
from microformer.graph.tensor import Array

Report = Callable[[int, float], None]
"""``report(step, loss)``: what a trial is worth so far; it may end the trial."""
Built = tuple[Any, Callable[[Report], None], Callable[[], float]]


@dataclass(frozen=True)
class Spec:
    """``build(trial)`` gives (torch module, ``train(report)``, ``evaluate()``: held-out loss).

    ``example`` is the shape of one sample without the batch axis. ``samples()`` gives real samples
    [N, *example] that finalists are quantised with, ``final(module)`` their score on data that no
    trial saw; both may be missing.
    """

    build: Callable[[Any], Built]
    example: tuple[int, ...]
    samples: Callable[[], Array] | None = None
    final: Callable[[Any], float] | None = None


def read_spec(name: str, given: dict[str, str]) -> Spec:
    """The spec in a Python file, or in a module by its dotted name; the user's own code, run here.

    Raises DataError where it is not what it should be.
    """
    module = _module(name)
    if given or hasattr(module, "configure"):
        if not callable(getattr(module, "configure", None)):
            raise DataError(f"'{name}' has no function 'configure' that takes {', '.join(given)}.")
        try:
            module.configure(**given)
        except TypeError as error:
            raise DataError(f"'{name}': configure does not take this ({error}).") from None
    build = getattr(module, "build", None)
    example = getattr(module, "EXAMPLE", None)
    if not callable(build):
        raise DataError(f"'{name}' has no function 'build(trial)'.")
    if not isinstance(example, tuple) or not all(isinstance(n, int) and n > 0 for n in example):
        raise DataError(f"'{name}' has no EXAMPLE, the shape of one sample, as (28, 10).")
    return Spec(build, example, getattr(module, "samples", None), getattr(module, "final", None))


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            raise DataError(f"'{name}' is neither a file .py nor a module.") from None
    path = Path(name)
    if not path.is_file():
        raise DataError(f"'{name}' is not a file.")
    label = f"microformer_search_{path.stem}"
    made = importlib.util.spec_from_file_location(label, path)
    assert made is not None and made.loader is not None
    module = importlib.util.module_from_spec(made)
    sys.modules[label] = module
    sys.path.insert(0, str(path.parent))  # what lies beside the file is its own
    try:
        made.loader.exec_module(module)
    except Exception as error:
        raise DataError(f"'{name}' cannot be read: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(str(path.parent))
    return module
