"""``reproduce --fresh``: persons who chose nothing, the error by person, the better baseline."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.dataset.marginals import marginals, support_vectors
from tinyradar.dataset.nearest import nearest_labels, nearest_neighbour
from tinyradar.errors import RadarError
from tinyradar.reproduce.fixed import POPULATION
from tinyradar.reproduce.fresh import COMPARED, Fresh, _answers, _baselines, fresh


def silent(_done: int, _total: int) -> None: ...


def test_the_training_persons_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RadarError, match="that of the training persons"):
        fresh(tmp_path, POPULATION.seed, 1, lambda _what: silent)


def test_the_error_is_by_person_of_paired_differences(data: Dataset) -> None:
    rng = np.random.default_rng(0)
    rights = {
        n: [rng.random(len(data.x)) < share for _ in range(2)]
        for n, share in zip(COMPARED, (0.5, 0.9), strict=True)
    }
    answers = tuple(_answers(name, found, data, 0.8) for name, found in rights.items())
    found = Fresh({"seed": 1}, answers)
    points, error = found.difference(COMPARED[1], COMPARED[0])
    persons = np.array(data.persons)
    means = {n: np.mean(r, axis=0) for n, r in rights.items()}
    gaps = [
        100 * float((means[COMPARED[1]] - means[COMPARED[0]])[persons == p].mean())
        for p in np.unique(persons)
    ]
    assert points == pytest.approx(np.mean(gaps))
    assert error == pytest.approx(np.std(gaps, ddof=1) / math.sqrt(len(gaps)))
    record = json.loads(found.to_json())
    assert record["difference"]["standard_error_by_person"] == pytest.approx(error)
    assert record["answers"][0]["worst_person"] == min(answers[0].by_person.values())


def test_the_baselines_learn_and_answer_for_another_set(data: Dataset) -> None:
    """Two persons are too few to be good on the third; what was seen is told apart."""
    train, test = person_folds(data.persons, 3)[0]
    known = marginals(data, train)
    assert (support_vectors(known, data.y[train], known) == data.y[train]).mean() > 0.8
    assert (support_vectors(known, data.y[train], marginals(data, test)) == data.y[test]).any()
    again = nearest_labels(data, train, data)[test]
    assert np.array_equal(again, nearest_neighbour(data, train, test))
    baselines = _baselines(data, data, person_folds(data.persons, 3), lambda _what: silent)
    assert [b.name for b in baselines] == ["support vector machine", "nearest neighbour"]
    assert all(len(b.by_fold) == 3 and b.accuracy_float is None for b in baselines)
