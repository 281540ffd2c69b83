"""The base of every operation of an IntGraph (``microformer.graph.ops``)."""

from dataclasses import dataclass, fields

from microformer.errors import VerifyError


@dataclass(frozen=True)
class Op:
    """Base of all operations."""

    @property
    def kind(self) -> str:
        """Display name, for instance ``Linear``."""
        return type(self).__name__

    def __str__(self) -> str:
        shown = [f for f in fields(self) if getattr(self, f.name) != f.default]
        attributes = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in shown)
        return f"{self.kind}({attributes})"


def unknown(op: Op, table: str) -> VerifyError:
    """The error of a table over operations that has no line for ``op``: none guesses."""
    return VerifyError(f"{table} has no line for the operation {op.kind}")
