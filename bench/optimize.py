"""What `--optimize` costs and saves: the shipped demo on one board a core, in one run.

`python bench/optimize.py > bench/results/optimize.json` (a minute). Code is flash less constants,
with start-up and harness; cycles are instructions where a core has no timing model.
"""

import json
from importlib.metadata import version

import numpy as np

import microformer
from microformer.demo import demo_paths

TARGETS = ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m55", "rv32imc")
KINDS = ("speed", "balanced", "size")


def main() -> None:
    """Print the table as JSON."""
    rows = []
    with demo_paths() as paths, np.load(paths.calibration) as file:
        model, x = microformer.load(paths.model), file["x"]
    for target in TARGETS:
        for kind in KINDS:
            compiled = microformer.compile(model, x, target, effort="low", optimize=kind)  # type: ignore[arg-type]  # one of three
            report = microformer.run(compiled, x[:1])
            assert report.bit_exact and report.flash_bytes is not None
            rows.append(
                {
                    "target": target,
                    "optimize": kind,
                    "code_bytes": report.flash_bytes - report.weight_bytes,
                    "cycles": report.cycles,
                    "instructions": report.instructions,
                }
            )
    print(json.dumps({"microformer": version("microformer"), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
