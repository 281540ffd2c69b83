"""Makes ``tests/`` importable, so that test modules share what lies beside it; golden files."""

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

if os.environ.get("PYTEST_XDIST_WORKER"):
    # A process a core: threads of theirs would spin for each other's cores (a training of 12 s took
    # 130). It is set before NumPy and torch read it, and handed on to what tests start.
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

import microformer  # noqa: F401  first: it switches off what onnxruntime would send
from tests.browser import chromium  # noqa: F401  fixture of the tests of pages
from tests.radar_sets import data, tree  # noqa: F401  fixtures of tests/tinyradar

_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden`` writes what the code gives now; read the difference before you commit."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: fails unless the file ``tests/golden/name`` holds ``text``."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"no golden file '{name}': run pytest --update-golden and read it"
        assert text == path.read_text("utf-8")

    return compare


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test session share, for what is built once for all."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


MAY_SKIP = ("root may write anywhere", "this kernel has no Landlock")
"""Reasons that are no missing tool: of this user, of this kernel."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI what is missing (QEMU, GCC, a browser, RTL) is a failure, not a skip."""
    report = yield
    if report.skipped and os.environ.get("MICROFORMER_CI") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(text in reason for text in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not be skipped in CI: {reason}"
    return report


@pytest.fixture
def golden_json(request: pytest.FixtureRequest) -> Callable[[Path, dict[str, str]], None]:
    """``golden_json(path, found)``: each entry of ``found`` is as in the file; others stay.

    The file holds the names by outcome.
    Entries that the file lacks are those of another version of what they are made from. With
    ``--update-golden`` (in one process) the entries are written.
    """
    update = bool(request.config.getoption("--update-golden"))

    def compare(path: Path, found: dict[str, str]) -> None:
        groups: dict[str, list[str]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        known = {name: outcome for outcome, names in groups.items() for name in names}
        if update:
            groups = {}
            for name, outcome in sorted((known | found).items()):
                groups.setdefault(outcome, []).append(name)
            text = json.dumps(groups, indent=1, sort_keys=True, ensure_ascii=False)
            path.write_text(f"{text}\n", "utf-8")
            return
        changed = {n: (known[n], v) for n, v in found.items() if known.get(n, v) != v}
        assert not changed, changed

    return compare
