"""Records that files may hold: what is read has no fields but their own."""

from typing import Any, ClassVar


class Strict:
    """The base of every part of a target's record: pydantic refuses names that it does not have."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
