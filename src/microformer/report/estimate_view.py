"""An estimate as a person reads it in a terminal."""

from rich.console import Group, RenderableType
from rich.text import Text

from microformer.errors import printable
from microformer.page.columns import Column, FittedTable
from microformer.report.estimate import Estimate


def _count(value: float | None) -> str:
    return "-" if value is None else f"{round(value):,}"


def estimate_view(made: Estimate) -> RenderableType:
    """A summary, then a row a layer; numbers survive where names have no room."""
    total = sum(layer.cycles or 0.0 for layer in made.layers)

    def share(cycles: float | None) -> str:
        return f"{cycles / total:.1%}" if cycles is not None and total else "-"

    layers = made.layers
    table = FittedTable(
        (
            Column("layer", [printable(layer.name) for layer in layers]),
            Column("operation", [layer.op for layer in layers], rank=3),
            Column("shape", [layer.shape for layer in layers], rank=5),
            Column("MAC", [_count(layer.macs) if layer.macs else "-" for layer in layers], True, 4),
            Column("cycles", [_count(layer.cycles) for layer in layers], True),
            Column("share", [share(layer.cycles) for layer in layers], True, 1),
        )
    )
    lines = [f"{printable(made.model)} on {made.target}: predicted, not run"]
    if made.cycles is not None:
        latency = "" if made.latency_ms is None else f", {made.latency_ms:.3g} ms"
        energy = "" if made.energy_mj is None else f", {made.energy_mj:.3g} mJ"
        lines.append(f"  {made.cycles:,} cycles{latency}{energy}")
    elif made.layers:
        lines.append("  no price list for this core: cycles are not predicted")
    lines.append(
        f"  {made.macs:,} MAC, RAM {_count(made.ram_bytes)} B, of it arena "
        f"{_count(made.arena_bytes)} B"
    )
    lines.append(
        f"  flash about {_count(made.flash_bytes)} B, of it weights {made.weight_bytes:,} B"
    )
    lines.append("  it fits" if made.fits else f"  {printable(made.problem or '')}")
    return Group(*(Text(line) for line in lines), *([table] if made.layers else []))
