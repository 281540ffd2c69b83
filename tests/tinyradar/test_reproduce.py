"""``reproduce`` on a small set: what exists really runs, and what does not fit is said."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tinyradar import models, reproduce
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.reproduce import Options
from tinyradar.reproduce.claims import Claim, claims
from tinyradar.reproduce.measure import Figures, FoldResult, OnTarget, measure_target
from tinyradar.reproduce.table import view

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
    """Three folds, one epoch."""
    for name, model in models.MODELS.items():
        recipe = dataclasses.replace(model.recipe, epochs=1)
        monkeypatch.setitem(models.MODELS, name, dataclasses.replace(model, recipe=recipe))
    monkeypatch.setattr(reproduce, "FOLDS", 3)


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
    assert small.targets[0].cycles is None and small.targets[0].bit_exact
    front = small.targets[0].front
    assert front is not None and front.bit_exact and front.windows == 5 and not front.reason
    plain = json.loads(result.to_json())
    assert plain["data"]["simulated"] is True and plain["data"]["folds"] == [0]
    assert "simulated sequences of 3 persons" in printed(result)
    said.clear()
    again = reproduce.reproduce(tmp_path, OPTIONS, silent, said.append)
    assert not said and again.to_json() == result.to_json()  # weights were kept


def test_what_does_not_fit_is_said(data: Dataset) -> None:
    """157 KB of input alone are more than 128 KiB."""
    model = models.find("tinyradarnn")
    fold = person_folds(data.persons, 3)[0]
    found = measure_target(
        model.build(12, 2).eval(), model, data, (fold[0][:4], fold[1]), "cortex-m4"
    )
    assert "does not fit" in found.reason and found.cycles is None and found.bit_exact is None
    figures = dataclasses.replace(of("tinyradarnn", 0.5, None, 1), targets=(found,))
    shown = {"simulated": True, "sequences": 1, "persons": 1, "folds": [0]}
    text = printed(reproduce.Result(shown, (0.5,), (figures,), {}))
    assert "tinyradarnn on cortex-m4: " in text and "not measured" not in text


def test_the_small_transformer_fits_the_m4(data: Dataset) -> None:
    """Its input leaves 50 KB; its first convolution takes the kernel of small blocks."""
    model = models.find("transformer-small")
    fold = person_folds(data.persons, 3)[0]
    found = measure_target(
        model.build(12, 2).eval(), model, data, (fold[0][:4], fold[1]), "cortex-m4"
    )
    assert found.reason == "" and found.bit_exact
    assert found.ram_bytes is not None and found.ram_bytes <= 128 * 1024
    assert found.cycles is not None and found.cycles <= 5_450_000
    assert found.front is not None and found.front.cycles is None
    assert "samples of a window" in found.front.reason  # 126 KB of them


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
    found = claims(base, other, published_size=published_size)
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
        for c in claims(base, of("t", 0.7, 900_000, 1), published_size=False)
    }
    assert not slow["latency"].met and not slow["latency and energy"].met
    assert not slow["accuracy int8"].met
    none = {
        c.what.split(",")[0]: c for c in claims(base, of("t", 0.7, None, 1), published_size=True)
    }
    assert none["latency"].ours is None and none["latency"].met is None
    assert base.spread == pytest.approx(0.00707, abs=1e-4)
