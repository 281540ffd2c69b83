"""An estimate as a person reads it in a terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.errors import printable
from microformer.report.estimate import Estimate


def _count(value: float | None) -> str:
    return "-" if value is None else f"{round(value):,}"


def estimate_view(made: Estimate) -> RenderableType:
    """A summary, then a row a layer; numbers survive where names have no room."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="ellipsis", no_wrap=True, ratio=1, min_width=6)
    table.add_column("operation", overflow="ellipsis", no_wrap=True, min_width=4)
    for heading in ("MAC", "cycles", "share"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=5)
    total = sum(layer.cycles or 0.0 for layer in made.layers)
    for layer in made.layers:
        share = f"{layer.cycles / total:.1%}" if layer.cycles is not None and total else "-"
        macs = _count(layer.macs) if layer.macs else "-"
        table.add_row(printable(layer.name), layer.op, macs, _count(layer.cycles), share)
    lines = [f"{printable(made.model)} on {made.target}: predicted, not run"]
    if made.cycles is not None:
        latency = "" if made.latency_ms is None else f", {made.latency_ms:.3g} ms"
        energy = "" if made.energy_mj is None else f", {made.energy_mj:.3g} mJ"
        lines.append(f"  {made.cycles:,} cycles{latency}{energy}")
    elif made.layers:
        lines.append("  no price list for this core: cycles are not predicted")
    lines.append(
        f"  {made.macs:,} MAC, RAM {_count(made.ram_bytes)} B, arena {_count(made.arena_bytes)} B, "
        f"weights {made.weight_bytes:,} B, flash about {_count(made.flash_bytes)} B"
    )
    lines.append("  it fits" if made.fits else f"  {printable(made.problem or '')}")
    return Group(*(Text(line) for line in lines), *([table] if made.layers else []))
