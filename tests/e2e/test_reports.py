"""``run --html``, ``report``, ``compare``: from a folder to pages and exit codes."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from microformer.cli import app
from microformer.demo import demo_paths
from microformer.errors import DataError, OutputError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo compiled for two cores, both run."""
    folder = tmp_path_factory.mktemp("reports")
    with demo_paths() as paths:
        shutil.copy(paths.held_out, folder / "test.npz")
        for core in ("cortex-m4", "cortex-m7"):
            _invoke(
                *("compile", paths.model, "--data", paths.calibration, "--target", core),
                *("--effort", "low", "-o", folder / core),
            )
            _invoke("run", folder / core, "--data", folder / "test.npz", "--samples", 2)
    return folder


def _invoke(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_run_is_kept_and_becomes_a_page(place: Path, tmp_path: Path) -> None:
    said = _invoke("report", place / "cortex-m4", "-o", tmp_path / "page.html")
    assert "page.html" in said
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "cortex-m4" in text and len(text) < 400_000
    with pytest.raises(OutputError, match="exists already"):
        _invoke("report", place / "cortex-m4", "-o", tmp_path / "page.html")
    _invoke("report", place / "cortex-m4", "-o", tmp_path / "page.html", "--force")
    record = json.loads(_invoke("report", place / "cortex-m4", "--json"))
    assert record["bit_exact"] and record["samples_run"] == 2
    rows = list(csv.DictReader(io.StringIO(_invoke("report", place / "cortex-m4", "--csv"))))
    assert [row["name"] for row in rows] == [layer["name"] for layer in record["layers"]]
    assert sum(int(row["cycles"]) for row in rows) <= record["cycles"]


def test_run_writes_the_page_and_refuses_one_that_is_there(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    words = ("run", place / "cortex-m4", "--data", place / "test.npz", "--samples", 1)
    said = _invoke(*words, "--html", page)
    assert str(page) in said.replace("\n", "") and page.stat().st_size > 10_000
    page.write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists already"):
        _invoke(*words, "--html", page)
    assert page.read_text("utf-8") == "mine"
    said = _invoke(*words, "--html", page, "--force", "--csv")
    assert said.startswith("name,op,shape,kernel") and page.stat().st_size > 10_000


def test_a_record_of_another_place_is_as_good(place: Path, tmp_path: Path) -> None:
    record = tmp_path / "kept.json"
    record.write_text(_invoke("report", place / "cortex-m7", "--json"), "utf-8")
    _invoke("report", record)
    assert (tmp_path / "report.html").is_file()
    said = _invoke("compare", place / "cortex-m7", record, "--fail-if", "cycles>+0%")
    assert "kept" in said


def test_compare_names_what_is_beyond_a_limit(place: Path, tmp_path: Path) -> None:
    both = (place / "cortex-m7", place / "cortex-m4")
    said = _invoke("compare", *both, "--fail-if", "cycles>+2%", code=1)
    assert "beyond its limit" in said and "cortex-m4" in said
    _invoke("compare", *both, "--fail-if", "cycles>+500%", "-o", tmp_path / "c.html")
    assert "cortex-m7" in (tmp_path / "c.html").read_text("utf-8")
    made = json.loads(_invoke("compare", *both, "--json"))
    assert made["targets"] == ["cortex-m7", "cortex-m4"] and made["exact"] == [True, True]
    rows = list(csv.DictReader(io.StringIO(_invoke("compare", *both, "--csv"))))
    assert {row["figure"] for row in rows} >= {"cycles", "ram_bytes", "sqnr_db"}


def test_what_cannot_be_shown_is_said_in_a_sentence(place: Path, tmp_path: Path) -> None:
    with demo_paths() as paths:
        _invoke(
            *("compile", paths.model, "--data", paths.calibration, "--target", "host"),
            *("--effort", "low", "-o", tmp_path / "fresh"),
        )
    with pytest.raises(OutputError, match="run it first"):
        _invoke("report", tmp_path / "fresh")
    with pytest.raises(OutputError, match="not a folder that"):
        _invoke("report", tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        _invoke("report", tmp_path / "nothing.json")
    (tmp_path / "other.json").write_text('{"model": 3}', "utf-8")
    with pytest.raises(DataError, match=r"other\.json"):
        _invoke("report", tmp_path / "other.json")
    with pytest.raises(DataError, match="is no limit"):
        _invoke("compare", place / "cortex-m4", place / "cortex-m7", "--fail-if", "speed")
    _invoke("compare", place / "cortex-m4", code=2)
