"""The search's spec for recorded hands, on simulated traces, and the command."""

import json
from pathlib import Path

import pytest

from microformer import search
from tinyradar import cli
from tinyradar.errors import RadarError
from tinyradar.recorded import candidates
from tinyradar.simulate.traces import simulate_traces, write_traces


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_traces(simulate_traces(8, 1), tmp_path / "hands")
    monkeypatch.setattr(candidates, "EPOCHS", 1)
    return tmp_path / "hands"


def test_a_study_of_recorded_hands(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, page = tmp_path / "study.json", tmp_path / "study.html"
    words = ["search", "--recorded", str(folder), "--storage", str(tmp_path / "study.log")]
    words += ["--trials", "2", "--finalists", "1", "--json", str(out), "--html", str(page)]
    monkeypatch.setattr("sys.argv", ["tinyradar", *words])
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code
    made = json.loads(out.read_text("utf-8"))
    assert len(made["trials"]) == 2 and page.is_file()
    (final,) = made["finalists"]
    assert final["bit_exact"] and len(final["scores"]) == 3


def test_unseen_persons_are_in_no_inner_fold(folder: Path) -> None:
    search.read_spec("tinyradar.recorded.candidates", {"folder": str(folder)})
    (given,) = candidates._given
    persons = given.data.persons
    parts = [{persons[i] for i in part} for part in (*given.inner, given.unseen)]
    for first in range(3):
        for second in range(first):
            assert parts[first].isdisjoint(parts[second])


def test_without_a_folder_there_is_a_sentence() -> None:
    with pytest.raises(RadarError, match="folder=DIR"):
        candidates.configure()
