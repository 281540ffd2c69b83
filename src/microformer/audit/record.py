"""The figures of an audit, as plain data."""

from dataclasses import dataclass

from microformer.graph.float_model import ImportedScale
from microformer.page.numbers import fixed
from microformer.page.tables import html_table
from microformer.records import to_json


@dataclass(frozen=True)
class LayerAudit:
    """What one layer costs in accuracy, each figure measured on the same samples.

    ``sqnr_db`` compares its output with the float model's, ``own_sqnr_db`` with float arithmetic on
    the same integer inputs. ``saturated`` is the share of its values that its type clips,
    ``range_use`` the share of the steps (255 of int8) between the lowest and highest level that
    occur, ``channel_spread`` the largest channel over the median one, ``coarse_channels`` those
    whose multiplier is below 8.
    ``gain_db`` is what the program's output gains in SQNR with this layer's arithmetic and weights
    in float; ``output_gain_db`` what it gains where its output is handed on unrounded, against the
    same layers in float with the rounding; ``gain_points`` both together in accuracy (percentage
    points), None without classes. ``certain``: one of both gains exceeds twice its standard error
    over the samples; where it does not, the layer's cost is of the size of chance. ``bits`` are 16
    where it writes an int16 residual stream.
    """

    name: str
    op: str
    sqnr_db: float
    own_sqnr_db: float
    saturated: float
    range_use: float
    channel_spread: float
    coarse_channels: int
    gain_db: float
    output_gain_db: float
    gain_points: float | None
    certain: bool
    advice: str
    bits: int = 8

    @property
    def cost_db(self) -> float:
        """What the layer and the rounding of its output cost together."""
        return max(self.gain_db, 0.0) + max(self.output_gain_db, 0.0)


@dataclass(frozen=True)
class Audit:
    """A model's layers in its own order; ``culprits`` names them by what they cost, worst first.

    ``imported_scales`` are the tensors of a quantised file: kept, or why not. ``notes`` are
    sentences about what quantising could not do as well as one would expect.
    """

    model: str
    softmax: str
    samples: int
    sqnr_db: float
    accuracy_float: float | None
    accuracy_int8: float | None
    layers: tuple[LayerAudit, ...]
    culprits: tuple[str, ...]
    notes: tuple[str, ...] = ()
    imported_scales: tuple[ImportedScale, ...] = ()

    def __repr__(self) -> str:
        worst = "".join(
            f"\n  {fixed(layer.cost_db, 2)} dB  {layer.name} ({layer.op}): {layer.advice}"
            for layer in self.costly()[:5]
        )
        head = f"Audit of {self.model}, {len(self.layers)} layers, {self.samples} samples"
        return f"{head}, output SQNR {fixed(self.sqnr_db)} dB{worst}"

    def _repr_html_(self) -> str:
        rows = [
            (x.name, x.op, fixed(x.cost_db, 2), fixed(x.sqnr_db), x.advice) for x in self.ranked()
        ]
        heads = ("layer", "operation", "cost, dB", "SQNR, dB", "what to do")
        return html_table(rows, heads, caption=f"{self.model}: what costs accuracy, worst first")

    def to_json(self) -> str:
        """JSON text; what is not finite becomes null."""
        return to_json(self)

    def costly(self) -> list[LayerAudit]:
        """The layers about which something can be done or said, worst first."""
        return [layer for layer in self.ranked() if not layer.advice.startswith("nothing")]

    def ranked(self) -> list[LayerAudit]:
        """The layers, worst first."""
        by_name = {layer.name: layer for layer in self.layers}
        return [by_name[name] for name in self.culprits]
