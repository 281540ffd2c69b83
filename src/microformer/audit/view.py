"""An audit as a person reads it in a terminal."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.audit.record import Audit, LayerAudit
from microformer.errors import printable
from microformer.page.columns import Column, FittedTable

SHOWN = 12
"""Layers in the table; all of them are in the JSON."""


def audit_table(made: Audit) -> RenderableType:
    """The worst layers first, with what to do about each."""
    shown = made.costly()[:SHOWN] or made.ranked()[:3]

    def column(heading: str, text: Callable[[LayerAudit], str], rank: int) -> Column:
        return Column(heading, [text(layer) for layer in shown], True, rank)

    table = FittedTable(
        (
            Column("layer", [printable(layer.name) for layer in shown]),
            Column("operation", [_operation(layer) for layer in shown], rank=6),
            column("cost dB", lambda layer: f"{layer.cost_db:.2f}", 0),
            column("SQNR", lambda layer: f"{layer.sqnr_db:.1f}", 0),
            column("own", lambda layer: f"{layer.own_sqnr_db:.1f}", 3),
            column("clipped", lambda layer: f"{layer.saturated:.2%}", 4),
            column("used", lambda layer: f"{layer.range_use:.0%}", 5),
            column("spread", lambda layer: f"{layer.channel_spread:.1f}", 7),
        ),
        f"{printable(made.model)}: what costs accuracy, worst first",
        "--json has them",
    )
    advice = Table.grid(padding=(0, 2))
    advice.add_column(max_width=24, overflow="fold")
    advice.add_column(overflow="fold")
    for layer in shown:
        advice.add_row(printable(layer.name), layer.advice)
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
    return Group(table, Text("what to do", style="bold"), advice, Text(""), totals)


def _operation(layer: LayerAudit) -> str:
    return layer.op if layer.bits == 8 else f"{layer.op} int{layer.bits}"
