"""An audit as a person reads it in a terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from microformer.audit.record import Audit

SHOWN = 12
"""Layers in the table; all of them are in the JSON."""


def audit_table(made: Audit) -> RenderableType:
    """The worst layers first, with what to do about each."""
    title = f"{made.model}: what costs accuracy, worst first"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    table.add_column("operation", no_wrap=True)
    for heading in ("cost dB", "SQNR", "own", "clipped", "used", "spread"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what to do", overflow="fold", min_width=24)
    shown = made.costly()[:SHOWN] or made.ranked()[:3]
    for layer in shown:
        table.add_row(
            layer.name,
            layer.op if layer.bits == 8 else f"{layer.op} int{layer.bits}",
            f"{layer.cost_db:.2f}",
            f"{layer.sqnr_db:.1f}",
            f"{layer.own_sqnr_db:.1f}",
            f"{layer.saturated:.2%}",
            f"{layer.range_use:.0%}",
            f"{layer.channel_spread:.1f}",
            layer.advice,
        )
    totals = Table.grid(padding=(0, 2))
    rest = len(made.layers) - len(shown)
    totals.add_row("others", f"{rest} layers cost less, or nothing beyond chance (all in --json)")
    totals.add_row("output SQNR", f"{made.sqnr_db:.1f} dB over {made.samples} samples")
    if made.accuracy_float is not None and made.accuracy_int8 is not None:
        totals.add_row(
            "accuracy", f"float {made.accuracy_float:.2%}, int8 {made.accuracy_int8:.2%}"
        )
    totals.add_row("cost", "SQNR gained with the layer in float and its output unrounded")
    totals.add_row("own", "SQNR of the layer alone, on the integers that it reads")
    if made.imported_scales:
        kept = sum(scale.kept for scale in made.imported_scales)
        merged = "merged into other operations (all in --json)"
        totals.add_row("scales", f"{kept} of the file's {len(made.imported_scales)}; {merged}")
    for note in made.notes:
        totals.add_row("note", note)
    return Group(table, totals)
