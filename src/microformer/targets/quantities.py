"""Sizes and frequencies as people write them: 512K, 1M, 64MHz."""

import re

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?)(i?B|Hz|)\s*")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


def _number(text: str | int, base: int, units: tuple[str, ...]) -> int | None:
    if isinstance(text, int):
        return text if text > 0 else None
    found = _QUANTITY.fullmatch(text)
    if found is None or found[3] not in units:
        return None
    value = float(found[1]) * base ** _POWERS[found[2].lower()]
    return int(value) if value >= 1 and value == int(value) else None


def size_of(text: str | int) -> int | None:
    """Bytes: a number, or one with K, M, G (of 1,024); None if it is none."""
    return _number(text, 1024, ("", "B", "iB"))


def frequency_of(text: str | int) -> int | None:
    """Hertz: a number, or one with k, M, G (of 1,000); None if it is none."""
    return _number(text, 1000, ("", "Hz"))
