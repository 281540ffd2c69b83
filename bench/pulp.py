"""A PULP cluster against one of its cores, both sides in one run, as JSON.

python bench/pulp.py [--target pulp-ri5cy] [--cores 8] [ROW ...]
"""

import argparse
import json

from microformer.bench import bench
from microformer.targets import find, with_cores

ROWS = (
    "linear_R64_K64_N64",
    "linear_R64_K256_N64",
    "pointwise_R2560_K64_N64",
    "attention_S4_E32_H8_P32",
    "attention_S32_E64_H16_P64",
    "attention_S32_E64_H12_P64",
)


def main() -> None:
    """Print one record a row: cycles of one core and of all, their ratio, MAC a cycle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="pulp-ri5cy")
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    options = parser.parse_args()
    target = find(options.target)
    rows = []
    for name in options.rows:
        (one,) = bench([name], with_cores(target, 1)).rows
        (all_cores,) = bench([name], with_cores(target, options.cores)).rows
        assert one.cycles and all_cores.cycles
        rows.append(
            {
                "name": name,
                "cycles_one_core": one.cycles,
                "cycles": all_cores.cycles,
                "scaling": one.cycles / all_cores.cycles,
                "macs_per_cycle": all_cores.macs_per_cycle,
                "conflicts": all_cores.conflicts,
                "dma_wait_share": all_cores.dma_wait_share,
                "bit_exact": one.bit_exact and all_cores.bit_exact,
            }
        )
    print(json.dumps({"target": target.name, "cores": options.cores, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
