"""``reproduce`` on a small set: what exists really runs, and what does not fit is said."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from torch.nn import Module

from microformer import Report
from tinyradar import models, reproduce
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.errors import RadarError
from tinyradar.models import Model
from tinyradar.reproduce import Options
from tinyradar.reproduce.claims import Claim, claims
from tinyradar.reproduce.measure import Figures, FoldResult, OnTarget, Subject, measure_target
from tinyradar.reproduce.runs import Run
from tinyradar.reproduce.table import view
from tinyradar.train import integers

OPTIONS = Options(
    quick=True,
    retrain=False,
    keep_raw=False,
    targets=("cortex-m0plus",),
    models=("transformer-small",),
    bfloat16=True,
    processes=1,
)


def silent(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three folds, one epoch, of a part of the sequences where it is in integers."""
    monkeypatch.setattr(integers, "EPOCHS", 1)
    monkeypatch.setattr(integers, "PARTS", 3)
    for name, model in models.MODELS.items():
        recipe = dataclasses.replace(model.recipe, epochs=1)
        made = dataclasses.replace(model, recipe=recipe, integers=name == "transformer-frames")
        monkeypatch.setitem(models.MODELS, name, made)
    monkeypatch.setitem(reproduce.PROTOCOLS, "folds", 3)


def printed(result: reproduce.Result) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    for part in view(result):
        console.print(part)
    return console.export_text()


def test_the_whole_of_it(short: None, data: Dataset, tmp_path: Path) -> None:
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    shutil.copytree(cache, tmp_path / "features")
    said: list[str] = []
    result = reproduce.reproduce(tmp_path, OPTIONS, silent, said.append)
    assert len(said) == 1 and "1 trainings" in said[0]
    (small,) = result.networks
    assert result.bit_exact and small.folds[0].fold == 0
    assert small.targets[0].cycles_kind == "estimate" and small.targets[0].bit_exact
    assert (small.targets[0].cycles or 0) > 0
    front = small.targets[0].front
    assert front is not None and front.bit_exact and front.windows == 5 and not front.reason
    plain = json.loads(result.to_json())
    assert plain["data"]["simulated"] is True and plain["data"]["folds"] == [0]
    assert "simulated sequences of 3 persons" in printed(result)
    said.clear()
    again = reproduce.reproduce(tmp_path, OPTIONS, silent, said.append)
    assert not said and again.to_json() == result.to_json()  # weights were kept


def test_both_trainings_and_again(short: None, data: Dataset, tmp_path: Path) -> None:
    """Float, then integers; ``retrain`` trains what is there already, and says so before."""
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    shutil.copytree(cache, tmp_path / "features")
    options = dataclasses.replace(
        OPTIONS, models=("transformer-frames",), targets=(), protocol="lopo"
    )
    said: list[str] = []
    bars: list[str] = []

    def new(what: str) -> Callable[[int, int], None]:
        bars.append(what)
        return lambda _done, _total: None

    result = reproduce.reproduce(tmp_path, options, new, said.append)
    assert result.data["of"] == 3 and result.networks[0].folds[0].trained_in_integers
    names = [f"transformer-frames-person0{kind}.npz" for kind in ("", "-int8")]
    assert sorted(p.name for p in (tmp_path / "weights").iterdir()) == sorted(names)
    trained = [f"train transformer-frames-person0{kind}" for kind in ("", " in integers")]
    assert [b for b in bars if b.startswith("train")] == trained and len(said) == 1
    again = reproduce.reproduce(tmp_path, options, new, said.append)
    assert again.to_json() == result.to_json() and len(said) == 1
    bars.clear()
    retrain = dataclasses.replace(options, retrain=True)
    once_more = reproduce.reproduce(tmp_path, retrain, new, said.append)
    assert [b for b in bars if b.startswith("train")] == trained and len(said) == 2
    assert once_more.to_json() == result.to_json()


def test_a_protocol_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(RadarError, match="no protocol 'loso'"):
        options = dataclasses.replace(OPTIONS, protocol="loso")
        reproduce.reproduce(tmp_path, options, silent, lambda _text: None)
    assert not list(tmp_path.iterdir())


def test_one_program_is_run_once_on_targets(
    short: None, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TinyRadarNN with other weights; the claims are about the better of both."""
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    shutil.copytree(cache, tmp_path / "features")
    ran: list[str] = []

    def measured(subject: Subject, _data: Dataset, target: str) -> OnTarget:
        ran.append(subject.model.name)
        return OnTarget(target, bit_exact=True, cycles=10, latency_ms=1.0, energy_mj=1.0)

    def fold(subject: Subject, _data: Dataset, number: int) -> tuple[FoldResult, Report, int]:
        int8 = {"tinyradarnn": 0.6, "tinyradarnn-varied": 0.8}.get(subject.model.name, 0.7)
        return FoldResult(number, 0.7, int8, True), Report.__new__(Report), 1

    def figures(model: Model, *rest: Any) -> Figures:
        return dataclasses.replace(of(model.name, 0.7, 10, 1), folds=rest[1], targets=rest[4])

    monkeypatch.setattr(reproduce, "measure_target", measured)
    monkeypatch.setattr(reproduce, "measure_fold", fold)
    monkeypatch.setattr(reproduce, "figures", figures)
    monkeypatch.setattr(Run, "subject", lambda run, _r, _b: Subject(run.model, run.fold, Module()))
    options = dataclasses.replace(OPTIONS, models=())
    result = reproduce.reproduce(tmp_path, options, silent, lambda _text: None)
    assert ran == [name for name in models.MODELS if name != "tinyradarnn-varied"]
    assert set(result.claims) == {n for n in models.MODELS if n.startswith("transformer")}
    points = {c.what.split(",")[0]: c for c in result.claims["transformer-frames"]}
    assert points["accuracy int8"].ours == pytest.approx(-10.0)
    assert points["accuracy int8"].met is False


def test_what_does_not_fit_is_said(data: Dataset) -> None:
    """157 KB of input alone are more than 96 KiB."""
    model = models.find("tinyradarnn")
    fold = person_folds(data.persons, 3)[0]
    subject = Subject(model, (fold[0][:4], fold[1]), model.build(12, 2).eval())
    found = measure_target(subject, data, "cortex-m4")
    assert "does not fit" in found.reason and found.cycles is None and found.bit_exact is None
    figures = dataclasses.replace(of("tinyradarnn", 0.5, None, 1), targets=(found,))
    shown = {"simulated": True, "sequences": 1, "persons": 1, "folds": [0], "of": 5}
    text = printed(reproduce.Result(shown, (0.5,), (figures,), {}))
    assert "tinyradarnn on cortex-m4: " in text and "not measured" not in text


def test_the_small_transformer_does_not_fit_the_96_kib_of_an_stm32l476(data: Dataset) -> None:
    """Its program needs 124 KB in one piece; SRAM2 lies elsewhere. The M7 has the room."""
    model = models.find("transformer-small")
    fold = person_folds(data.persons, 3)[0]
    subject = Subject(model, (fold[0][:4], fold[1]), model.build(12, 2).eval())
    small = measure_target(subject, data, "cortex-m4")
    assert "does not fit" in small.reason and "98,304 bytes of RAM" in small.reason
    found = measure_target(subject, data, "cortex-m7")
    assert found.reason == "" and found.bit_exact and found.cycles is not None


def of(name: str, accuracy: float, cycles: int | None, matrices: int) -> Figures:
    on = OnTarget(
        "pulp-ri5cy",
        bit_exact=True,
        cycles=cycles,
        latency_ms=None if cycles is None else cycles / 1e5,
        energy_mj=None if cycles is None else cycles / 1e5 * 0.051,
    )
    folds = tuple(FoldResult(i, accuracy, accuracy + 0.01 * i, True) for i in range(2))
    return Figures(name, 1, matrices, 1, 1, 1, folds, (on,))


def about(base: Figures, other: Figures, *, published_size: bool) -> dict[str, Claim]:
    found = claims(base, other, published_size=published_size, best_int8=base.accuracy_int8)
    return {claim.what.split(",")[0]: claim for claim in found}


def test_claims() -> None:
    base, small = of("tinyradarnn", 0.8, 8_000_000, 45_000), of("t", 0.85, 500_000, 30_000)
    found = about(base, small, published_size=False)
    assert found["latency"].ours == pytest.approx(5.0) and found["latency"].met
    ratio = found["latency and energy"]
    assert ratio.ours == pytest.approx(16.0) and ratio.met
    assert found["accuracy int8"].ours == pytest.approx(5.0) and found["accuracy int8"].met
    slow = {
        c.what.split(",")[0]: c
        for c in claims(base, of("t", 0.7, 900_000, 1), published_size=False, best_int8=0.8)
    }
    assert not slow["latency"].met and not slow["latency and energy"].met
    assert not slow["accuracy int8"].met
    none = {
        c.what.split(",")[0]: c
        for c in claims(base, of("t", 0.7, None, 1), published_size=True, best_int8=0.8)
    }
    assert none["latency"].ours is None and none["latency"].met is None
    assert base.spread == pytest.approx(0.00707, abs=1e-4)
