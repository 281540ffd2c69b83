"""docs/operators.md is what the reader's own tables say, and ONNX's cases that pass."""

import json
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from microformer.load.attributes import ATTRIBUTES, MICROSOFT, _only, honoured, no_say
from microformer.load.check import UNDERSTOOD
from microformer.load.limits import LIMITS
from microformer.load.patterns.integers import LOWER
from microformer.load.patterns.microsoft import DOMAIN
from microformer.load.tflite_ops import OPERATORS
from microformer.load.tflite_shapes import KNOWN
from tests.e2e.test_node_cases import GOLDEN, operators_of_cases

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"
_HEAD = (
    "# Operators\n\n"
    "Written by `pytest --update-golden tests/golden/test_operators_page.py` from the tables that "
    "the reader itself works by\n(`load/check.py`, `load/attributes.py`, `load/patterns`, "
    "`load/tflite_ops.py`). What becomes of each kind: `import.md`.\n\n"
    "Every operator is taken where its parameters are constant and its output float. An attribute, "
    "mode or output that is not\nlisted is refused by name. Cases are ONNX's own of that operator "
    "that pass on this machine, in float and in int8, in one\nspelling or more, of all that have "
    "a real input (`tests/e2e/test_node_cases.py`). None is wrong; the others are refused in a\n"
    "sentence: of integer types, of parameters that are not constant, of further outputs.\n"
)


def _attributes(op: str) -> str:
    found = []
    for name, allowed in sorted(ATTRIBUTES.get(op, {}).items()):
        if allowed is no_say:
            continue
        values = getattr(allowed, "__closure__", None)
        if allowed is honoured or not values:
            found.append(name)
        else:
            found.append(f"{name} = {', '.join(map(str, values[0].cell_contents))}")
    return ", ".join(found)


def _cases() -> tuple[Counter[str], Counter[str]]:
    """(all, passed) cases by operator."""
    known = json.loads(GOLDEN.read_text("utf-8"))
    passed = {name.rsplit(" ", 1)[0] for name in known["pass"]}
    every = {name.rsplit(" ", 1)[0] for names in known.values() for name in names}
    operators = operators_of_cases()
    return (
        Counter(operators[name] for name in every if name in operators),
        Counter(operators[name] for name in passed if name in operators),
    )


def page() -> str:
    """The whole page."""
    every, passed = _cases()
    lines = [
        _HEAD,
        "## ONNX",
        "",
        "| operator | attributes | limits | cases |",
        "|---|---|---|---|",
    ]
    own = sorted(UNDERSTOOD - {"Requantize"} | {op for d, op in LOWER if not d})
    for op in own:
        cases = f"{passed[op]} of {every[op]}" if every[op] else ""
        lines.append(f"| {op} | {_attributes(op)} | {LIMITS.get(op, '')} | {cases} |")
    lines += ["", "Not taken, and what to do:", ""]
    lines += [f"- {op}: {hint}." for op, hint in sorted(LIMITS.items()) if op not in own]
    microsoft = sorted({*MICROSOFT, *(op for domain, op in LOWER if domain == DOMAIN)})
    lines += ["", "## onnxruntime's own (com.microsoft)", "", f"{', '.join(microsoft)}."]
    others = sorted({f"{domain}::{op}" for domain, op in LOWER if domain not in ("", DOMAIN)})
    lines += ["", "## Others", "", f"{', '.join(others)}."]
    lines += ["", "## TFLite", "", f"{', '.join(sorted(OPERATORS))}."]
    shapes = sorted(set(KNOWN) - set(OPERATORS))
    lines += ["", f"Where they compute shapes of constants alone: {', '.join(shapes)}.", ""]
    return "\n".join(_wrapped(line) for line in "\n".join(lines).split("\n"))


def _wrapped(line: str) -> str:
    """Prose of at most 120 columns; rows of a table stay whole."""
    if line.startswith("|") or len(line) <= 120:
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, 120, subsequent_indent=indent, break_on_hyphens=False)


def test_the_page_of_operators(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, "run pytest --update-golden and read the difference"


def test_what_may_be_only_one_value_is_shown() -> None:
    assert _only(1).__closure__ is not None
    assert "p = 2" in _attributes("LpNormalization")
