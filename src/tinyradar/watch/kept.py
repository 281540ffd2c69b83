"""What starting costs time and comes out the same every time, kept in the user's cache.

Ranges: the features that a program is calibrated with, by weights and simulator. Figures: what a
program took on a target, by everything that it is made of. A file that cannot be read is made anew;
no test of a program's bytes is skipped but for a program whose very bytes were tested here.
"""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from microformer import Compiled

Arrays = dict[str, NDArray[Any]]


def _place() -> Path:
    return platformdirs.user_cache_path("tinyradar") / "watch"


def _digest(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()[:32]


def _version() -> bytes:
    return importlib.metadata.version("microformer").encode()


def _write(path: Path, write: Callable[[Path], None]) -> None:
    """At one stroke: another process may read the same file, or write it."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            write(new)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


def kept_arrays(key: object, make: Callable[[], Arrays]) -> Arrays:
    """What ``make`` gives, made once a ``key`` (its repr) and version."""
    path = _place() / f"ranges-{_digest(repr(key).encode(), _version())}.npz"
    with suppress(OSError, ValueError, KeyError, EOFError), np.load(path, allow_pickle=False) as f:
        return dict(f)
    made = make()

    def write(new: Path) -> None:
        with new.open("wb") as file:
            np.savez_compressed(file, **made)  # type: ignore[arg-type]  # no array has that name

    _write(path, write)
    return made


def kept_figures(
    compiled: Compiled, sample: NDArray[Any], make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The figures of a run that ``make`` gives, made once for a program, target and sample.

    Wall clocks are not kept: the host has no figures that come out the same.
    """
    if compiled.target.name == "host":
        return make()
    sources = json.dumps(dict(sorted(compiled.project.files.items())))
    front = "" if compiled.front is None else repr(asdict(compiled.front.spec))  # type: ignore[call-overload]
    parts = (sources, front, repr(compiled.target))
    key = _digest(*(part.encode() for part in parts), sample.tobytes(), _version())
    path = _place() / f"figures-{key}.json"
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    text = json.dumps(make())
    made: dict[str, Any] = json.loads(text)  # what is made anew is what is read, tuples are lists
    if made.get("bit_exact"):
        _write(path, lambda new: _text(new, text))
    return made


def _text(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
