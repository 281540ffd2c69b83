"""Small simulated radar sets that tests/tinyradar shares."""

from pathlib import Path

import pytest

from tinyradar.dataset.cache import Dataset, build_cache
from tinyradar.dataset.items import tree_items
from tinyradar.dataset.tree import G11
from tinyradar.simulate import Population, simulate


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three persons (p1, p2, p0_1), every gesture once."""
    folder = tmp_path_factory.mktemp("radar")
    assert simulate(folder, Population(3, sessions=1, instances=1, seed=5)) == 36
    return folder


@pytest.fixture(scope="session")
def data(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Its features."""
    folder = tmp_path_factory.mktemp("cache") / "features"
    return build_cache(lambda: tree_items(tree), folder, G11.gestures, simulated=True, total=36)
