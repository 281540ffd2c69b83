"""Every error a user can meet.

Each message is one sentence that says what is wrong, where in the model or file, and what to do.
The command prints it and exits with code 2; the Python API raises it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path


class MicroformerError(Exception):
    """Base of all errors that are the user's to mend."""


class ModelError(MicroformerError):
    """The model file is missing, broken, or says something that no transformer should."""


class UnsupportedOpError(ModelError):
    """The model has an operation, or a form of one, that microformer does not compile."""


class DataError(MicroformerError):
    """The samples are missing, empty, not finite, or of the wrong shape or type."""


class TargetError(MicroformerError):
    """The target is unknown, or the model does not fit into it."""


class DoesNotFitError(TargetError):
    """The linked program exceeds a memory of the target.

    ``memory`` is "flash" or "RAM", of a cluster "L2" or "L1"; ``over_bytes`` by how much it is
    exceeded.
    """

    def __init__(self, message: str, memory: str, over_bytes: int) -> None:
        super().__init__(message)
        self.memory = memory
        self.over_bytes = over_bytes


class ToolError(MicroformerError):
    """An external tool (compiler, emulator) is missing or failed."""


class OutputError(MicroformerError):
    """The output folder exists already or cannot be written."""


class ArithmeticProofError(MicroformerError):
    """The no-overflow proof of a layer failed: its numbers do not fit 32 bits."""


class UnexpectedError(MicroformerError):
    """Something that microformer did not expect, so a defect of its own; the cause is attached."""


def unexpected(error: BaseException, doing: str) -> UnexpectedError:
    """One sentence for an error of any kind: which node it was at, and what to do.

    The node is the innermost one that a function at work had in hand. The text of ``error`` is
    for developers: it is its cause, and ``--debug`` prints it.
    """
    node, trace = "", error.__traceback__
    while trace is not None:
        node = _node_in_hand(trace.tb_frame.f_locals) or node
        trace = trace.tb_next
    where = f" at {node}" if node else ""
    return UnexpectedError(
        f"Something unexpected happened while {doing}{where} ({type(error).__name__}); please "
        "report it with the model file, and run with --debug to see where."
    )


def _node_in_hand(names: Mapping[str, object]) -> str:
    """A graph's node among the variables of a function, by name and operation."""
    for key in ("node", "call"):
        held = names.get(key)
        name, kind = getattr(held, "name", None), getattr(held, "op_type", None)
        kind = kind or getattr(getattr(held, "op", None), "kind", None) or getattr(held, "op", None)
        if isinstance(name, str) and isinstance(kind, str):
            return f"node '{name}' ({kind})"
    return ""


class VerifyError(Exception):
    """A pass or stage broke the graph: a defect of microformer, never the user's fault.

    Shape, type or order of a graph is inconsistent; the message names the stage.
    """


def near_names(path: Path) -> str:
    """The files beside ``path`` that are called nearly as it is, in brackets; or nothing."""
    try:
        beside = [entry.name for entry, _ in zip(path.parent.iterdir(), range(2000), strict=False)]
    except OSError:
        return ""
    near = get_close_matches(path.name, beside, 3)
    return f" (near it: {', '.join(map(printable, near))})" if near else ""


def printable(text: str) -> str:
    """``text`` with control characters escaped: a model's names may hold a terminal's commands."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
