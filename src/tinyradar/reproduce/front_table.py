"""The terminal's table of front ends."""

from collections.abc import Sequence

from rich.table import Table

from tinyradar.reproduce.measure import Figures


def front_table(networks: Sequence[Figures]) -> Table:
    """A row a network and target: features of one sequence, then features and network."""
    table = Table(title="one sequence, from radar samples: features, then features and network")
    table.add_column("network")
    table.add_column("target")
    columns = ("features, cycles", "ms", "mJ", "with network, cycles", "ms", "mJ", "bit-exact")
    for column in columns:
        table.add_column(column, justify="right")
    for network in networks:
        for target in network.targets:
            on = target.front
            if on is None:
                continue
            cells: tuple[str, ...] = ("not yet, see below",)
            if not on.reason:
                numbers = (
                    *((on.cycles, ","), (on.latency_ms, ".2f"), (on.energy_mj, ".3f")),
                    *((on.total_cycles, ","), (on.total_latency_ms, ".2f")),
                    (on.total_energy_mj, ".3f"),
                )
                shown = ("-" if value is None else format(value, form) for value, form in numbers)
                cells = (*shown, "yes" if on.bit_exact else "NO")
            table.add_row(network.model, target.target, *cells)
    return table
