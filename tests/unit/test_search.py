"""The search: one study however often it is killed, limits before training, a front, a page."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microformer import cli
from microformer.errors import DataError, ToolError
from microformer.search import (
    Limits,
    Settings,
    create,
    found,
    measure_finalists,
    read_spec,
    search,
    stored_settings,
    write_page,
)
from microformer.search.storage import WORKER, open_study

SPEC = """
import time
from pathlib import Path
import numpy as np
import torch
from torch import nn

EXAMPLE = (6, 8)
PAUSE, LOG = 0.0, ""


def configure(pause="0", log=""):
    global PAUSE, LOG
    PAUSE, LOG = float(pause), log


def build(trial):
    width = trial.suggest_int("width", 4, 32, step=4)
    rate = trial.suggest_float("rate", 1e-3, 1e-1, log=True)
    module = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3))
    x = torch.randn(64, 6, 8, generator=torch.Generator().manual_seed(1))
    y = (x[..., :3] ** 2).detach()

    def train(report):
        if LOG:
            with Path(LOG).open("a") as file:
                file.write(f"{trial.number}\\n")
        time.sleep(PAUSE)
        optimizer = torch.optim.Adam(module.parameters(), rate)
        for step in range(12):
            loss = ((module(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report(step, float(loss.detach()))

    def evaluate():
        with torch.no_grad():
            return float(((module(x) - y) ** 2).mean())

    return module, train, evaluate


def samples():
    return np.random.default_rng(0).normal(0, 1, (16, 6, 8)).astype(np.float32)


def final(module):
    with torch.no_grad():
        return float(module(torch.zeros(1, 6, 8)).abs().mean())
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(SPEC, "utf-8")
    return str(path)


def study(where: Path, settings: Settings, workers: int = 1, dask: str | None = None) -> list:  # type: ignore[type-arg]
    create(str(where), settings)
    search(str(where), settings, workers=workers, dask=dask)
    return [(t.state, t.params, t.loss, t.cycles) for t in found(str(where), settings).trials]


def test_the_same_seed_gives_the_same_study(spec: str, tmp_path: Path) -> None:
    settings = Settings(spec, trials=5, seed=3)
    first = study(tmp_path / "a.log", settings)
    assert first == study(tmp_path / "b.log", settings)
    assert len(first) == 5 and all(state == "complete" for state, *_ in first)
    other = study(tmp_path / "c.log", Settings(spec, trials=5, seed=4))
    assert [p for _, p, *_ in first] != [p for _, p, *_ in other]


def test_a_study_in_two_parts_is_the_study_in_one(spec: str, tmp_path: Path) -> None:
    whole = study(tmp_path / "whole.log", Settings(spec, trials=5, seed=1))
    where, settings = str(tmp_path / "parts.log"), Settings(spec, trials=5, seed=1)
    create(where, settings)
    from microformer.search.trial import next_trial  # noqa: PLC0415

    assert next_trial(read_spec(spec, {}), where, settings)
    search(where, settings)
    assert [(t.state, t.params, t.loss, t.cycles) for t in found(where, settings).trials] == whole


def test_a_limit_rejects_before_training(spec: str, tmp_path: Path) -> None:
    log = tmp_path / "trained.txt"
    made = Settings(
        spec, trials=6, seed=0, limits=Limits(cycles=3500), given={"log": str(log), "pause": "0"}
    )
    study(tmp_path / "s.log", made)
    result = found(str(tmp_path / "s.log"), made)
    rejected = [t for t in result.trials if t.state == "pruned"]
    assert rejected and len(rejected) < 6
    assert all("cycles where 3,500 are allowed" in t.why for t in rejected)
    trained = {int(line) for line in log.read_text().split()}
    assert trained == {t.number for t in result.trials if t.state == "complete"}
    assert all(t.cycles is not None and t.cycles <= 3500 for t in result.on_front())


def test_the_front_is_of_those_that_no_other_beats(spec: str, tmp_path: Path) -> None:
    settings = Settings(spec, trials=6)
    study(tmp_path / "s.log", settings)
    result = found(str(tmp_path / "s.log"), settings)
    front = result.on_front()
    assert front
    for one in front:
        assert not any(
            (t.cycles or 0) <= (one.cycles or 0) and (t.loss or 0) < (one.loss or 0)
            for t in result.trials
        )


def test_a_pruner_ends_poor_trials(spec: str, tmp_path: Path) -> None:
    settings = Settings(spec, trials=14, prune="median")
    states = [state for state, *_ in study(tmp_path / "s.log", settings)]
    assert "pruned" in states and "complete" in states


@pytest.mark.slow
def test_two_killed_workers_lose_nothing(spec: str, tmp_path: Path) -> None:
    """A killed process of the command, then a killed Dask worker: every trial is there once."""
    from distributed import Client, LocalCluster  # noqa: PLC0415  an extra, slow to import

    where, settings = tmp_path / "s.log", Settings(spec, trials=6, given={"pause": "2"})
    create(str(where), settings)
    command = [sys.executable, "-m", "microformer", "search", spec, "--join"]
    process = subprocess.Popen([*command, "--storage", str(where)])
    _until_running(where, settings)
    process.kill()
    process.wait()
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        import threading  # noqa: PLC0415

        def kill() -> None:
            time.sleep(4)
            for pid in list(client.run(os.getpid, on_error="ignore").values())[:1]:
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        search(str(where), settings, dask=cluster.scheduler_address)
        killer.join()
    trials = found(str(where), settings).trials
    done = [t for t in trials if t.state == "complete"]
    lost = [t for t in trials if t.state == "fail"]
    assert len(done) == 6
    assert lost
    for one in lost:  # what was lost was done again
        assert any(t.params == one.params for t in done)


def _until_running(where: Path, settings: Settings) -> None:
    for _ in range(600):
        trials = open_study(str(where), settings).get_trials(deepcopy=False)
        if any(t.params and WORKER in t.user_attrs for t in trials):  # whose and which is known
            return
        time.sleep(0.1)
    pytest.fail("no trial began")


def test_processes_of_this_machine_share_a_study(spec: str, tmp_path: Path) -> None:
    states = [s for s, *_ in study(tmp_path / "s.log", Settings(spec, trials=4), workers=2)]
    assert states.count("complete") == 4


def test_finalists_are_measured_and_the_page_shows_them(spec: str, tmp_path: Path) -> None:
    settings = Settings(spec, trials=4)
    study(tmp_path / "s.log", settings)
    made = found(str(tmp_path / "s.log"), settings)
    finalists = measure_finalists(made, read_spec(spec, {}), settings, 1)
    (one,) = finalists
    assert one.bit_exact and one.cycles is not None and one.predicted_cycles is not None
    assert len(one.losses) == len(one.scores) == 3 and one.score is not None
    assert abs(one.predicted_cycles / one.cycles - 1) < 0.25
    write_page(made, finalists, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert f"{one.cycles:,}" in text and "Finalists" in text
    assert len(text) < 400_000 and "src=" not in text and text.count("<circle") == 4
    with pytest.raises(DataError, match="no function 'samples'"):
        without = read_spec(spec, {})
        measure_finalists(made, type(without)(without.build, without.example), settings, 1)


def test_what_a_user_can_get_wrong(spec: str, tmp_path: Path) -> None:
    where = str(tmp_path / "s.log")
    create(where, Settings(spec, trials=2))
    assert stored_settings(where) == Settings(spec, trials=2)
    with pytest.raises(DataError, match="holds a study of other settings"):
        create(where, Settings(spec, trials=3))
    with pytest.raises(DataError, match="no pruner 'best'"):
        Settings(spec, prune="best")
    with pytest.raises(DataError, match="one trial at least"):
        Settings(spec, trials=0)
    for text, words in (
        ("", "no function 'build"),
        ("def build(trial): ...", "no EXAMPLE"),
        ("EXAMPLE = 3\ndef build(trial): ...", "no EXAMPLE"),
        ("1 / 0", "ZeroDivisionError"),
    ):
        path = tmp_path / "wrong.py"
        path.write_text(text, "utf-8")
        with pytest.raises(DataError, match=words):
            read_spec(str(path), {})
    with pytest.raises(DataError, match="no function 'configure'"):
        path.write_text("EXAMPLE = (1,)\ndef build(trial): ...", "utf-8")
        read_spec(str(path), {"x": "1"})
    with pytest.raises(DataError, match="configure does not take this"):
        read_spec(spec, {"colour": "red"})
    with pytest.raises(DataError, match="is not a file"):
        read_spec("nothing.py", {})
    with pytest.raises(DataError, match="neither a file"):
        read_spec("no.such.module", {})
    with pytest.raises(ToolError, match="no Dask scheduler"):
        search(where, Settings(spec, trials=2), dask="nowhere")


def test_a_trial_that_raises_ends_alone(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "half.py"
    text = SPEC.replace(
        "    module = nn", "    if width > 16: raise ValueError('wide')\n    module = nn"
    )
    path.write_text(text, "utf-8")
    settings = Settings(str(path), trials=8)
    study(tmp_path / "s.log", settings)
    trials = found(str(tmp_path / "s.log"), settings).trials
    assert any(t.why == "ValueError: wide" for t in trials)
    assert any(t.state == "complete" for t in trials)


def test_the_command(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where, page = str(tmp_path / "s.log"), tmp_path / "page.html"
    words = ["search", spec, "--storage", where, "--trials", "3", "--with", "pause=0"]
    assert _command(monkeypatch, [*words, "--html", str(page), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert len(made["trials"]) == 3 and made["front"] and page.is_file()
    assert _command(monkeypatch, ["search", spec, "--storage", where, "--join"]) == 0
    assert "3 trials for cortex-m4: 3 complete" in capsys.readouterr().out
    assert _command(monkeypatch, ["search", spec, "--storage", str(tmp_path / "x"), "--join"]) == 2
    assert _command(monkeypatch, [*words[:4], "--with", "nothing"]) == 2


def _command(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
