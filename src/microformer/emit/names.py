"""C text: identifiers and comments from a user's names, which may hold anything; long lines."""

import re

from microformer.emit.reserved import RESERVED


def identifier(text: str) -> str:
    """A valid, lower-case C identifier that resembles ``text``; only ever a part of a name."""
    cleaned = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:48].strip("_") or "model"
    return f"m_{cleaned}" if cleaned[0].isdigit() else cleaned


def project_name(text: str) -> str:
    """The name of a project: of its header, its functions and its CMake target.

    It is none that C, C++, POSIX, a compiler, CMake or our kernels have for something of theirs.
    """
    cleaned = identifier(text)
    taken = cleaned in RESERVED or cleaned.startswith("mf_")
    return f"m_{cleaned}" if taken else cleaned


def comment(text: str) -> str:
    """``text`` made safe inside a C comment: one line, no comment marks, bounded length."""
    return re.sub(r"[^A-Za-z0-9 _.,:;()\[\]<>=+-]+", "_", text)[:120]


def wrapped(start: str, items: list[str], end: str) -> list[str]:
    """``start items end`` on lines of at most 100 columns."""
    lines, row = [start], "      "
    for position, text in enumerate(items):
        last = position == len(items) - 1
        piece = f"{text}{end}" if last else f"{text}, "
        if len(row) + len(piece) > 100:
            lines.append(row.rstrip())
            row = "      "
        row += piece
    return [*lines, row.rstrip()]


class Names:
    """Gives every constant one identifier and never the same to two.

    The ``_w_`` in it keeps it apart from functions and types of others: a model called int8 with
    a tensor t, or clock with gettime.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._given:
            base = f"{self._prefix}_w_{identifier(name)}"
            candidate, count = base, 2
            while candidate in self._taken:
                candidate, count = f"{base}_{count}", count + 1
            self._given[name] = candidate
            self._taken.add(candidate)
        return self._given[name]
