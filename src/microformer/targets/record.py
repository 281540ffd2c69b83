"""Targets as files: the whole record as JSON or TOML, checked as it is read."""

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microformer.errors import OutputError, TargetError
from microformer.targets.board_file import board_of
from microformer.targets.target import Target

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_FILE_BYTES = 1 << 20
SUFFIXES = (".json", ".toml")


@cache
def _adapter() -> "TypeAdapter[Target]":
    from pydantic import TypeAdapter  # noqa: PLC0415 (a fifth of a second, for who needs it)

    return TypeAdapter(Target)


def target_schema() -> dict[str, Any]:
    """The JSON schema of a target's record (docs/schema/target.json)."""
    return _adapter().json_schema()


def target_record(target: Target) -> dict[str, Any]:
    """``target`` as plain values: what JSON can hold, every field of it."""
    made: dict[str, Any] = _adapter().dump_python(target, mode="json")
    return made


def target_of(record: object, where: str) -> Target:
    """The target of a record from ``where``; TargetError, naming the field, if it is none."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return _adapter().validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the record"
        said = str(first["msg"]).rstrip(".").lower()
        raise TargetError(
            f"'{where}' does not describe a target: {field}: {said}; see docs/schema/target.json."
        ) from None


def read_target(path: Path) -> Target:
    """The target in a ``.json`` or ``.toml`` file; TargetError if there is none."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise TargetError(f"'{path}' is no file that describes a target, or too large.")
        text = path.read_text("utf-8")
    except OSError as error:
        raise TargetError(f"'{path}' cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise TargetError(f"'{path}' is not a text in UTF-8.") from None
    try:
        record = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split()).rstrip(".")[:200]
        raise TargetError(f"'{path}' is not {path.suffix[1:].upper()}: {said}.") from None
    if isinstance(record, dict) and "memory" not in record and path.suffix == ".toml":
        return board_of(text, str(path))
    return target_of(record, str(path))


def write_target(target: Target, path: Path, *, force: bool = False) -> None:
    """Write ``target`` to a ``.json`` file that ``--target`` takes.

    Raises OutputError where the file exists (without ``force``) or cannot be written.
    """
    if path.exists() and not force:
        raise OutputError(f"'{path}' exists already; choose another name, or force.")
    try:
        path.write_text(json.dumps(target_record(target), indent=2) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from None
