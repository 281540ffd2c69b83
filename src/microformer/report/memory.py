"""Where flash and RAM go, in rows for every view."""

from microformer.page.numbers import count
from microformer.report.record import Report


def ram_rows(report: Report) -> list[tuple[str, int, str]]:
    """(part, bytes, what it is) of the RAM, where it is known."""
    ram = report.ram
    if ram is None:
        return []
    kept = [("state", ram.state, "kept from call to call, the caller's")] if ram.state else []
    seen = "" if report.stack_bytes is None else f"; this run used {count(report.stack_bytes)} B"
    return [
        ("arena", ram.arena, "activations and working memory, handed over by the caller"),
        ("input", ram.input, "the caller's"),
        ("output", ram.output, "the caller's"),
        *kept,
        ("stack", ram.stack, f"reserved{seen}"),
        ("other", ram.other, "start-up code and C library"),
    ]


def flash_rows(report: Report) -> list[tuple[str, int, str]]:
    """(part, bytes, what it is) of the flash, where it is known."""
    if report.flash_bytes is None:
        return []
    code = report.flash_bytes - report.weight_bytes
    return [
        ("constants", report.weight_bytes, "weights, multipliers, tables"),
        ("code", code, "kernels, program, start-up code, C library"),
    ]
