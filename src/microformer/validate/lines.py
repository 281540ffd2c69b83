"""The lines of a firmware that measures itself, read and checked: a broken one is named."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PROTOCOL = "MF1"
MOST_BYTES = 4096
"""Of a line: what is longer is noise."""
_LINE = re.compile(r"(MF\d+ [ -)+-~]*) \*([0-9a-f]{8})")


@dataclass(frozen=True)
class Line:
    """One line that is whole: its number in the log, its kind, its fields."""

    number: int
    kind: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """A line that is not: what is wrong with it, and how it begins."""

    number: int
    reason: str
    text: str

    def __str__(self) -> str:
        return f"line {self.number} {self.reason}: '{self.text}'"


def read(lines: Iterable[bytes]) -> Iterator[Line | Broken]:
    """Each line checked. What does not claim to be of the protocol (a boot message) is left out."""
    for number, raw in enumerate(lines, 1):
        text = raw[:MOST_BYTES].decode("ascii", "replace").strip("\r\n\0 ")
        shown = re.sub(r"[^ -~]", "?", text)[:60]
        found = _LINE.fullmatch(text)
        if found is None:
            if re.match(r"MF\d", text):
                yield Broken(number, "is cut or garbled", shown)
            continue
        if zlib.crc32(found[1].encode("ascii")) != int(found[2], 16):
            yield Broken(number, "has a wrong checksum", shown)
            continue
        protocol, kind, *fields = found[1].split(" ")
        if protocol != PROTOCOL:
            yield Broken(number, f"is of protocol {protocol}, and this reads {PROTOCOL}", shown)
            continue
        yield Line(number, kind, tuple(fields))
