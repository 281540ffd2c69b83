"""``microformer demo tinyradar``: from the shipped samples to classes."""

import json
from typing import Any

import numpy as np
import pytest

from microformer import cli, pipeline
from microformer.cli.radar import choose_target
from microformer.demo import radar_paths


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What ``microformer demo tinyradar`` prints."""
    monkeypatch.setattr("sys.argv", ["microformer", "demo", "tinyradar", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    return capsys.readouterr().out


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(said(monkeypatch, capsys, "-t", "cortex-m7", "--json"))
    assert made["target"] == "cortex-m7" and made["why"] == "as asked for"
    assert made["bit_exact"] and made["simulated"] is True
    with radar_paths() as paths, np.load(paths.samples) as shipped:
        names, y = [str(name) for name in shipped["gestures"]], shipped["y"]
        assert len(y) == shipped["codes"].shape[0] >= 3
        assert np.abs(shipped["codes"]).max() < 2**11
    assert [one["true"] for one in made["gestures"]] == [names[label] for label in y]
    right = sum(one["found"] == one["true"] for one in made["gestures"])
    assert right >= len(y) - 1  # the network is right six times of seven
    for one in made["gestures"]:
        _check_sums(one)
        assert one["cycles_kind"] == "estimate"


def _check_sums(one: dict[str, Any]) -> None:
    for figure in ("cycles", "latency_ms", "energy_mj"):
        parts = one["features"][figure] + one["network"][figure]
        assert one["total"][figure] == pytest.approx(parts)
        if one["cycles_kind"] == "estimate":  # the flash of the board
            assert one["on_board"][figure] > one["total"][figure]


def test_a_person_can_read_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(monkeypatch, capsys, "-t", "host")
    assert text.startswith("host: as asked for")
    assert "gesture (simulated)" in text and "simulated gestures on host" in text
    assert text.count(" yes ") == 4


def test_the_target_is_the_cluster_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "missing_rtl", lambda _core: "")
    assert choose_target()[0] == "pulp-ri5cy"
    monkeypatch.setattr(pipeline, "missing_rtl", lambda _core: "The RTL is not here.")
    name, why = choose_target()
    assert name == "cortex-m7" and why.endswith("The RTL is not here.")


@pytest.mark.slow
def test_on_the_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if pipeline.missing_rtl("ri5cy"):
        pytest.skip("no RTL here")
    made = json.loads(said(monkeypatch, capsys, "--cores", "8", "--json"))
    assert made["target"] == "pulp-ri5cy" and made["bit_exact"] and made["cores"] == 8
    for one in made["gestures"]:
        _check_sums(one)
        assert one["cycles_kind"] == "cycle-exact"
        assert one["total"]["latency_ms"] < 6.0


def test_a_wrong_choice_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["microformer", "demo", "tinyradar", "-t", "cortex-m9"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2 and "cortex-m9" in capsys.readouterr().err
