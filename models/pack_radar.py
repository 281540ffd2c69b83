"""Pack the radar demo: the best transformer of fold 0, and simulated gestures that it never saw.

Run ``python models/pack_radar.py PLACE``; PLACE is the folder of ``tinyradar reproduce``, whose
features are simulated first where they are not there. Writes radar_* into the demo's folder.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from packing import pack_network
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.converter import codes, gain
from tinyradar.dataset.folds import FOLDS, Indices, by_number, person_folds
from tinyradar.dataset.tree import G11
from tinyradar.models import UNIT, find
from tinyradar.reproduce.fixed import POPULATION, fixed_set
from tinyradar.simulate import simulate_one
from tinyradar.train.integers import calibration
from tinyradar.train.weights import find_weights

OUT = Path(__file__).parents[1] / "src" / "microformer" / "demo"
GESTURES = ("PinchIndex", "FastSwipeRL", "Push", "Circle")
CODE_BITS, LEFT = 12, 4
"""A converter of 12 bits, its codes left-aligned in 16."""
MODEL = find("transformer-frames")


def recordings(person: str) -> NDArray[np.int16]:
    """Codes [gestures, 5, 2, 32, points, 2] of the first second of a person's first recordings."""
    made = []
    number, day = next((n, d) for name, n, d in POPULATION.folders() if name == person)
    for gesture in GESTURES:
        samples = simulate_one(POPULATION.seed, number, day, G11.gestures.index(gesture), 0, 0)
        second = samples[:, :160, :: MODEL.reader.step].reshape(2, 5, 32, -1)
        made.append(codes(second.transpose(1, 0, 2, 3), CODE_BITS))
    return np.stack(made)


def pack(out: Path, network: nn.Module, data: Dataset, fold: tuple[Indices, Indices]) -> None:
    """Write the float model, the int8 graph and the recordings."""
    samples = calibration(MODEL, data, fold[0])
    pack_network(network, samples, out, "radar", "maps")
    person = by_number(data.persons[i] for i in fold[1])[0]
    labels = [G11.gestures.index(gesture) for gesture in GESTURES]
    np.savez_compressed(
        out / "radar_samples.npz",
        codes=recordings(person),
        left=np.int64(LEFT),
        y=np.array(labels),
        gestures=np.array(G11.gestures),
        person=np.array(person),
        count=np.float64(data.step * gain(CODE_BITS + LEFT)),
        unit=np.float64(UNIT),
    )


def main() -> None:
    """Find the weights, pack, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    data = fixed_set(
        options.place, keep_raw=False, processes=2, progress=lambda _what: lambda _d, _t: None
    )
    fold = person_folds(data.persons, FOLDS)[0]
    network = find_weights(options.place / "weights", MODEL, data, fold, "fold0")
    if network is None:
        parser.error("there are no weights of fold 0 for this set")
    pack(options.out, network, data, fold)
    for path in sorted(options.out.glob("radar_*")):
        print(f"{path.name} {path.stat().st_size:,}")


if __name__ == "__main__":
    main()
