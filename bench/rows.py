"""What groups of rows gain and cost: class-token networks of the zoo, int8, rows and int16.

    python bench/rows.py > rows.json

SQNR over 16 samples that no range was taken from; cycles of one inference on each target.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from tests.zoo.catalogue import NETS

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.settings import Residual

NAMES = ("vit", "deit-distilled", "cait", "vit-registers", "ast")
TARGETS = ("cortex-m4", "cortex-m7", "cortex-m55", "pulp-cv32e40p")
MODES: tuple[Residual, ...] = ("int8", "rows", "int16")


def main() -> None:
    rows = []
    for name in NAMES:
        net = NETS[name]
        x = net.samples(80)
        model = microformer.load(net.module(), example=x[:1], name=name)
        runner = FloatRunner(model)
        real = np.stack([runner(sample[None])[model.output_name] for sample in x[64:]])
        row: dict[str, object] = {"network": name}
        for mode in MODES:
            figures: dict[str, float | int | None] = {}
            for target in TARGETS:
                made = microformer.compile(model, x[:64], target, effort="low", residual=mode)
                answers = np.asarray(microformer.predict(made, x[64:])).reshape(real.shape)
                figures["sqnr_db"] = round(sqnr_db(real.astype(np.float64), answers), 1)
                report = microformer.run(made, x[64:], count=1)
                assert report.bit_exact
                figures[target] = report.cycles
            row[mode] = figures
        rows.append(row)
        sys.stderr.write(f"{row}\n")
    json.dump(rows, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
