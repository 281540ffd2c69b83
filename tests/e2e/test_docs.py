"""The pages: every block of code runs, the site builds, generated pages are those of the code."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microformer
import reference_pages
import results_page
from microformer.api import compiled as api_compiled
from microformer.api import verbs
from microformer.demo import demo_paths

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = sorted([*(DOCS / "tutorial").glob("*.md"), *(DOCS / "howto").glob("*.md")])
_BLOCK = re.compile(r"(<!-- not run: .+? -->\n)?^```(python|sh)\n(.*?)^```$", re.M | re.S)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """(language, code) of the blocks that are to run, in order."""
    for skipped, language, code in _BLOCK.findall(page.read_text("utf-8")):
        if not skipped:
            yield language, code


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("page", RUN, ids=lambda p: p.stem)
def test_every_block_runs_as_it_stands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python in one process a page, as in a notebook; commands in bash, in the same folder."""
    monkeypatch.chdir(tmp_path)
    where = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{where}{os.pathsep}{os.environ['PATH']}"}
    names: dict[str, object] = {"__name__": "__main__"}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, f"{page.name}", "exec"), names)
            continue
        commands = "\n".join(line for line in code.splitlines() if not line.startswith("pip "))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [verbs, api_compiled], ids=lambda m: m.__name__)
def test_examples_of_the_api(
    module: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with demo_paths() as paths:
        shutil.copy(paths.model, tmp_path / "model.onnx")
        with np.load(paths.calibration) as file:
            x = file["x"][:32]
        with np.load(paths.held_out) as file:
            y = file["y"][:32]
    names = {"microformer": microformer, "x": x, "y": y}
    runner = doctest.DocTestRunner()
    count = 0
    for test in doctest.DocTestFinder().find(module, globs=names):
        count += len(test.examples)
        runner.run(test)
    assert count >= 8 and runner.failures == 0


@pytest.mark.parametrize("name", reference_pages.ALL)
def test_reference_pages_are_the_code(name: str) -> None:
    text = (DOCS / "reference" / name).read_text("utf-8")
    assert text == reference_pages.ALL[name](), "run python bench/reference_pages.py"


def test_results_are_what_was_measured() -> None:
    text = results_page.PAGE.read_text("utf-8")
    days = results_page.written_days(text)
    assert text == results_page.page(days), "run python bench/results_page.py"
    assert len(days) == len(results_page.SECTIONS) and "undated" not in text


@pytest.mark.slow
def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        check=False,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    listed = {p.relative_to(DOCS) for p in DOCS.rglob("*.md")}
    assert len(list((tmp_path / "site").rglob("index.html"))) >= len(listed)
    api = (tmp_path / "site" / "reference" / "api" / "index.html").read_text("utf-8")
    for name in ("compile", "quantize", "predict", "Report", "RangeDoppler"):
        assert name in api


def test_links_of_the_readme_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text("utf-8")):
            assert (ROOT / link).exists(), f"{name}: {link}"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: str(p.relative_to(DOCS)))
def test_prose_has_at_most_120_columns(page: Path) -> None:
    inside = False
    for line in page.read_text("utf-8").splitlines():
        inside ^= line.lstrip().startswith("```")
        if not inside and not line.startswith("|"):
            assert len(line) <= 120 or "](" in line, line
