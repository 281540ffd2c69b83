"""Reference C against the SIMD kernels on a Cortex-M, both sides in one run, as JSON.

python bench/cortex_m.py [--target cortex-m4] [ROW ...]
"""

import argparse
import json

from microformer.bench import DEFAULT_ROWS, bench
from microformer.targets import find


def main() -> None:
    """Print one record a row: cycles (or instructions) of both sides and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("rows", nargs="*", default=list(DEFAULT_ROWS))
    options = parser.parse_args()
    target = find(options.target)
    rows = []
    for name in options.rows:
        (reference,) = bench([name], target, isas=("ref",)).rows
        (fast,) = bench([name], target).rows
        ours, theirs = fast.cycles or fast.instructions, reference.cycles or reference.instructions
        assert ours and theirs
        rows.append(
            {
                "name": name,
                "unit": "cycles" if fast.cycles else "instructions",
                "reference": theirs,
                "fast": ours,
                "ratio": theirs / ours,
                "kernels": fast.kernels,
                "bit_exact": fast.bit_exact and reference.bit_exact,
            }
        )
    print(json.dumps({"target": target.name, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
