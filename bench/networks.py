"""Whole networks on the cores that have a timing model, in one run, as JSON.

`python bench/networks.py > bench/results/networks.json` (a minute). Cycles are estimates at zero
wait states; every network is checked byte for byte as it is measured.
"""

from dataclasses import asdict
from importlib.metadata import version

from microformer import targets
from microformer.bench import bench
from microformer.records import to_json

CORES = ("cortex-m4", "cortex-m7", "cortex-m55")
NETWORKS = ("net_kws", "net_vww", "net_ic", "net_ad", "net_kwt1", "net_deit")
KEPT = ("name", "macs", "cycles", "cycles_per_mac", "ram_bytes", "weight_bytes", "code_bytes")


def main() -> None:
    """Print the table as JSON."""
    rows = []
    for core in CORES:
        made = bench(NETWORKS, targets.resolve(core))
        assert all(row.bit_exact for row in made.rows)
        rows += [{"core": core} | {k: asdict(row)[k] for k in KEPT} for row in made.rows]
    print(to_json({"microformer": version("microformer"), "rows": rows}))


if __name__ == "__main__":
    main()
