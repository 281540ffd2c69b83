"""Folds trained by Dask are the bytes of folds trained here."""

import dataclasses
from pathlib import Path

import pytest

from tinyradar import models
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.errors import DatasetError
from tinyradar.reproduce.far import train_far
from tinyradar.reproduce.runs import Run
from tinyradar.train.checkpoint import network_arrays

NAME = "transformer-frames"


def test_far_and_here_are_the_same_bytes(
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import LocalCluster  # noqa: PLC0415  an extra, slow to import

    model = models.MODELS[NAME]
    short = dataclasses.replace(model, recipe=dataclasses.replace(model.recipe, epochs=1))
    monkeypatch.setitem(models.MODELS, NAME, short)
    folds = person_folds(data.persons, 3)
    features = Path(str(data.x.filename)).parent  # type: ignore[attr-defined]

    def runs(place: Path) -> list[Run]:
        return [Run(short, data, folds[n], f"fold{n}of3", place, False) for n in (0, 1)]

    here = [run.train_floats(lambda *_: None)[1] for run in runs(tmp_path / "here")]
    said: list[str] = []
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        places = [(run, n, 3) for n, run in enumerate(runs(tmp_path / "far"))]
        train_far(
            *(places, features, cluster.scheduler_address),
            *(lambda _done, _total: None, said.append),
        )
    for run, network in zip(runs(tmp_path / "far"), here, strict=True):
        far = run.floats()
        assert far is not None
        first, second = network_arrays(far), network_arrays(network)
        assert all((first[name] == second[name]).all() for name in second)


def test_without_features_there_is_a_sentence(data: Dataset, tmp_path: Path) -> None:
    folds = person_folds(data.persons, 3)
    run = Run(models.MODELS[NAME], data, folds[0], "fold0of3", tmp_path, False)
    with pytest.raises(DatasetError, match="is not a cache of features"):
        train_far([(run, 0, 3)], tmp_path, "nowhere", lambda *_: None, print)
