"""The JSON of every record that a command prints, and its published schema (docs/schema/)."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from microformer.graph.serialize import finite

Record = TypeVar("Record")

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 (a fifth of a second, for who needs it)

    return TypeAdapter(kind)


def to_json(record: Any) -> str:
    """A record (a dataclass of plain fields) as JSON text; what is not finite becomes null."""
    plain = _adapter(type(record)).dump_python(record, mode="json")
    return json.dumps(finite(plain), indent=2)


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as CSV with a heading; None is empty. Of RFC 4180, lines end in LF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def from_json(text: str | bytes, kind: type[Record]) -> Record:
    """The record that ``to_json`` wrote. Raises ValueError, one line, for anything else."""
    from pydantic import ValidationError  # noqa: PLC0415 (as in ``_adapter``)

    try:
        made: Record = _adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None
    return made


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a kind of record, as ``to_json`` writes it."""
    made: dict[str, Any] = _adapter(kind).json_schema(mode="serialization")
    return made
