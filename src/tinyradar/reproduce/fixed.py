"""The fixed simulated set that all our figures are of: made once, features kept, raw removed."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tinyradar.dataset.cache import Dataset, build_cache, open_cache
from tinyradar.dataset.items import tree_items
from tinyradar.dataset.tree import G11
from tinyradar.simulate import Population, simulate

POPULATION = Population(people=26, sessions=2, instances=1, sets=1, seed=26)
"""26 persons, 624 recordings, 1,872 sequences."""

Progress = Callable[[int, int], None]


def fixed_set(
    place: Path,
    *,
    keep_raw: bool,
    processes: int,
    progress: Callable[[str], Progress],
    population: Population = POPULATION,
    step: float | None = None,
) -> Dataset:
    """The features of ``population`` in ``place/features``, simulated where they are not there.

    ``progress(what)`` gives what counts the steps of a stage. With ``keep_raw`` the recordings
    (2 GB for the fixed set) stay in ``place/raw``. ``step`` is another set's, for networks that
    were trained on that.
    """
    folder = place / "features"
    if folder.exists():
        return open_cache(folder)
    place.mkdir(parents=True, exist_ok=True)
    raw = place / "raw" if keep_raw else Path(tempfile.mkdtemp(dir=place, prefix=".raw-"))
    try:
        if not (raw / G11.name).exists():
            simulate(raw, population, processes, progress("simulate"))
        return build_cache(
            lambda: tree_items(raw),
            folder,
            G11.gestures,
            simulated=True,
            progress=progress("features"),
            total=population.recordings,
            step=step,
        )
    finally:
        if not keep_raw:
            shutil.rmtree(raw, ignore_errors=True)
