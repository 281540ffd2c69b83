"""magika, a published network of file types (pip install magika), in float and in int8.

    python bench/file_types.py MODEL.onnx FOLDER... > bench/results/file_types.json

Files of the folders, a dozen at most of each ending, shuffled by a fixed seed; the first 128 give
ranges and are not counted. What is compared is the class that the float network gives: whether
that is the true one nobody says. Features as magika 1.0 makes them: 1,024 bytes of each end,
stripped, padded with 256.
"""

import json
import os
import random
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db

BLOCK, SIDE, PADDING = 4096, 1024, 256
CALIBRATION, MOST, EACH = 128, 428, 12


def features(data: bytes) -> list[int]:
    """2,048 numbers of a file's content."""
    begin, end = list(data[:BLOCK].lstrip()[:SIDE]), list(data[-BLOCK:].rstrip()[-SIDE:])
    pad = [PADDING] * SIDE
    return (begin + pad)[:SIDE] + (pad + end)[-SIDE:]


def files(folders: list[str]) -> list[Path]:
    """The files that are looked at, in their order."""
    chance = random.Random(0)
    by_ending: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in sorted(names):
                path = Path(place) / name
                if path.is_file() and not path.is_symlink() and 64 < path.stat().st_size < 4 << 20:
                    by_ending[path.suffix].append(path)
    found = [
        path
        for ending in sorted(by_ending)
        if len(by_ending[ending]) >= EACH
        for path in chance.sample(by_ending[ending], EACH)
    ]
    chance.shuffle(found)
    return found[:MOST]


def main() -> None:
    """Print the figures as JSON."""
    x = np.array([features(path.read_bytes()) for path in files(sys.argv[2:])], np.int32)
    model = microformer.load(sys.argv[1])
    runner = FloatRunner(model)
    real = np.stack([runner(sample[None])[model.output_name][0] for sample in x[CALIBRATION:]])
    compiled = microformer.compile(model, x[:CALIBRATION], "host", effort="low")
    made = np.asarray(microformer.predict(compiled, x[CALIBRATION:])).reshape(real.shape)
    same = real.argmax(1) == made.argmax(1)
    sure = real.max(1) > 0.5
    figures = {
        "files": len(real),
        "kinds": len(set(real.argmax(1).tolist())),
        "same_class": float(same.mean()),
        "standard_error": float((same.mean() * (1 - same.mean()) / len(same)) ** 0.5),
        "sure": int(sure.sum()),
        "same_class_where_sure": float(same[sure].mean()),
        "sqnr_db": sqnr_db(real.astype(np.float64), made.astype(np.float64)),
        "macs": sum(layer.macs for layer in compiled.project.layers),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
