"""Pack ``microformer demo gestures``: a network of recorded hands, and simulated traces for it.

``tinyradar reproduce --recorded DIR --place PLACE`` leaves the trained networks in PLACE; that of
fold 0 and seed 0 goes to the demo, and those of all folds and seed 0 ship as weights of tinyradar.
No recorded trace is in any of these files; the ranges of the int8 graph come from recorded ones.

    python models/pack_gestures.py DIR PLACE
"""

import argparse
from pathlib import Path

import numpy as np

from packing import pack_network
from tinyradar.dataset.traces import FIVE, read_traces
from tinyradar.models import TRACE_MODELS
from tinyradar.recorded import TRANSFORMER
from tinyradar.recorded.protocol import PROTOCOLS, SEEDS, chosen, parts_of
from tinyradar.recorded.tasks import Answers, Task, ship
from tinyradar.simulate.traces import simulate_trace
from tinyradar.train.checkpoint import read_arrays
from tinyradar.train.integers import calibration

OUT = Path(__file__).parents[1] / "src" / "microformer" / "demo"
PERSON, SEED = 3, 11
"""Whose traces are simulated."""
EACH = 2


def main() -> None:
    """Pack, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("place", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    data = read_traces(options.folder)
    model = TRACE_MODELS[TRANSFORMER]
    for protocol in PROTOCOLS.values():
        for part in parts_of(data, protocol, tuple(range(5))):
            task = Task(TRANSFORMER, protocol, part, SEEDS[0])
            arrays, meta = read_arrays(options.place / "recorded" / f"{task.name}.npz")
            if meta != task.description(data):
                parser.error(f"'{task.name}' is of another set or recipe")
            print(ship(Answers(task, arrays), data))
    protocol = PROTOCOLS["five"]
    task = Task(TRANSFORMER, protocol, parts_of(data, protocol, (0,))[0], SEEDS[0])
    arrays, _ = read_arrays(options.place / "recorded" / f"{task.name}.npz")
    network = Answers(task, arrays).network(len(FIVE))
    samples = calibration(model, chosen(data, protocol), task.part.train)
    pack_network(network, samples, options.out, "gestures", "trace")
    y = np.repeat(np.arange(len(FIVE)), EACH)
    traces = [simulate_trace(FIVE[label], PERSON, i % EACH, SEED) for i, label in enumerate(y)]
    np.savez_compressed(
        options.out / "gestures_samples.npz",
        x=model.reader.inputs(np.stack(traces)),
        y=y,
        gestures=np.array(FIVE),
    )
    for path in sorted(options.out.glob("gestures_*")):
        print(f"{path.name} {path.stat().st_size:,}")


if __name__ == "__main__":
    main()
