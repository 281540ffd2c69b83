"""One command, one table: both networks on simulated gestures, float and int8, on each target."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import FOLDS, fold_name, person_folds
from tinyradar.dataset.nearest import nearest_neighbour
from tinyradar.errors import RadarError
from tinyradar.models import MODELS, PUBLISHED, find
from tinyradar.reproduce.claims import Claim, claims
from tinyradar.reproduce.far import train_far
from tinyradar.reproduce.fixed import Progress, fixed_set
from tinyradar.reproduce.measure import Figures, Subject, figures, measure_fold, measure_target
from tinyradar.reproduce.runs import Run, say_time

__all__ = ["DEFAULT_TARGETS", "Options", "Result", "reproduce"]

DEFAULT_TARGETS = ("pulp-ri5cy", "cortex-m4", "cortex-m7")
PROTOCOLS = {"folds": FOLDS, "lopo": 0}
"""Parts that the persons fall into; 0 leaves one out at a time, as published."""
BASE, VARIED = "tinyradarnn", "tinyradarnn-varied"
SAME = {BASE, VARIED}


@dataclass(frozen=True)
class Options:
    """What is asked for; ``models`` empty means all. ``dask``: a scheduler to train on."""

    quick: bool
    retrain: bool
    keep_raw: bool
    targets: tuple[str, ...]
    models: tuple[str, ...]
    bfloat16: bool
    processes: int
    protocol: str = "folds"
    dask: str | None = None


@dataclass(frozen=True)
class Result:
    """Everything that was measured. ``nearest`` is the nearest neighbour's accuracy a fold."""

    data: dict[str, Any]
    nearest: tuple[float, ...]
    networks: tuple[Figures, ...]
    claims: dict[str, list[Claim]]

    @property
    def bit_exact(self) -> bool:
        """True if every byte that was compared was right, on the host and on the targets."""
        checks = [f.bit_exact for n in self.networks for f in n.folds]
        checks += [t.bit_exact for n in self.networks for t in n.targets if t.bit_exact is not None]
        return all(checks)

    def to_json(self) -> str:
        """JSON text."""
        plain = {
            "data": self.data,
            "nearest_neighbour": list(self.nearest),
            "networks": [n.as_json() for n in self.networks],
            "claims": {name: [c.as_json() for c in found] for name, found in self.claims.items()},
        }
        return json.dumps(plain, indent=2)


def reproduce(
    place: Path, options: Options, new_bar: Callable[[str], Progress], say: Callable[[str], None]
) -> Result:
    """Data, weights (loaded or trained), accuracy a fold, programs on targets, claims."""
    chosen = [find(name) for name in options.models] or list(MODELS.values())
    if options.protocol not in PROTOCOLS:
        raise RadarError(f"There is no protocol '{options.protocol}': folds or lopo.")
    data = fixed_set(
        place, keep_raw=options.keep_raw, processes=options.processes, progress=new_bar
    )
    count = PROTOCOLS[options.protocol]
    folds = person_folds(data.persons, count)
    numbers = [0] if options.quick else list(range(len(folds)))
    runs = [
        Run(model, data, folds[n], fold_name(n, count), place, options.bfloat16)
        for model in chosen
        for n in numbers
    ]
    if options.dask is not None:
        places = [(run, n, count) for run, n in zip(runs, numbers * len(chosen), strict=True)]
        due = [one for one in places if options.retrain or one[0].floats() is None]
        train_far(due, place / "features", options.dask, new_bar("train far"), say)
    else:
        say_time(runs, options.retrain, say)
    nearest = [nearest_neighbour(data, *folds[n]) == data.y[folds[n][1]] for n in numbers]
    anew = options.retrain and options.dask is None
    subjects = [run.subject(anew, new_bar) for run in runs]
    measured: list[Figures] = []
    for model in chosen:
        mine = [subject for subject in subjects if subject.model is model]
        done = {figure.model for figure in measured}
        again = model.name in SAME and bool(done & SAME)  # one program, with other weights
        targets = () if again else options.targets
        measured.append(_measure(mine, data, numbers, targets, new_bar))
    described = {
        "simulated": data.simulated,
        "sequences": len(data.x),
        "recordings": len(set(data.recordings)),
        "persons": len(set(data.persons)),
        "protocol": options.protocol,
        "folds": numbers,
        "of": len(folds),
        "digest": data.digest,
    }
    means = tuple(float(n.mean()) for n in nearest)
    return Result(described, means, tuple(measured), _claims(measured))


def _claims(measured: list[Figures]) -> dict[str, list[Claim]]:
    """Of each transformer, where TinyRadarNN was measured."""
    found = {network.model: network for network in measured}
    if BASE not in found:
        return {}
    best = max(found[name].accuracy_int8 for name in (BASE, VARIED) if name in found)
    return {
        name: claims(found[BASE], network, published_size=name == PUBLISHED.name, best_int8=best)
        for name, network in found.items()
        if name not in SAME
    }


def _measure(
    subjects: list[Subject],
    data: Dataset,
    numbers: list[int],
    targets: tuple[str, ...],
    new_bar: Callable[[str], Progress],
) -> Figures:
    """Figures of one model: accuracies of each fold, and the first fold's program on targets."""
    first = subjects[0]
    steps = len(numbers) + len(targets)
    advance = new_bar(f"measure {first.model.name}")
    advance(0, steps)
    results, report, in_and_out = [], None, 0
    for subject, n in zip(subjects, numbers, strict=True):
        result, report, in_and_out = measure_fold(subject, data, n)
        results.append(result)
        advance(len(results), steps)
    on_targets = []
    for target in targets:
        on_targets.append(measure_target(first, data, target))
        advance(len(results) + len(on_targets), steps)
    assert report is not None
    return figures(first.model, first.network, results, report, in_and_out, on_targets)
