"""The JSON of every record that a command prints, and its published schema (docs/schema/)."""

import json
from typing import TYPE_CHECKING, Any

from microformer.graph.serialize import finite

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 (a fifth of a second, for who needs it)

    return TypeAdapter(kind)


def to_json(record: Any) -> str:
    """A record (a dataclass of plain fields) as JSON text; what is not finite becomes null."""
    plain = _adapter(type(record)).dump_python(record, mode="json")
    return json.dumps(finite(plain), indent=2)


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a kind of record, as ``to_json`` writes it."""
    made: dict[str, Any] = _adapter(kind).json_schema(mode="serialization")
    return made
