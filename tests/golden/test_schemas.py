"""The published schemas of JSON records (docs/schema/) are those of the records."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from microformer.audit.record import Audit
from microformer.bench import Bench
from microformer.pipeline.compile import CompileRecord
from microformer.records import schema
from microformer.report import Report
from microformer.report.estimate import Estimate
from microformer.targets import target_schema
from microformer.validate import Validation

_FOLDER = Path(__file__).parents[2] / "docs" / "schema"
SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "target": target_schema,
    "report": lambda: schema(Report),
    "audit": lambda: schema(Audit),
    "bench": lambda: schema(Bench),
    "compile": lambda: schema(CompileRecord),
    "estimate": lambda: schema(Estimate),
    "validate": lambda: schema(Validation),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(name: str, request: pytest.FixtureRequest) -> None:
    text = json.dumps(SCHEMAS[name](), indent=1, sort_keys=True) + "\n"
    path = _FOLDER / f"{name}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "run pytest --update-golden and read the difference"
