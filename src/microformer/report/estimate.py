"""What an estimate says: records of ``microformer estimate``."""

from dataclasses import asdict, dataclass
from typing import Any

from microformer.page.numbers import count, kib, span
from microformer.page.tables import html_table
from microformer.records import to_json

__all__ = ["Estimate", "LayerEstimate"]


@dataclass(frozen=True)
class LayerEstimate:
    """One kernel call; ``cycles`` is None where the core has no prices."""

    name: str
    op: str
    shape: str
    kernel: str
    macs: int
    cycles: float | None


@dataclass(frozen=True)
class Estimate:
    """What a model would cost: predicted, nothing was built or run.

    ``cycles``, ``latency_ms`` and ``energy_mj`` are None where the core has no price list, the last
    two also without a clock or a measured power. ``arena_bytes`` is exact; ``flash_bytes`` is
    constants, which are exact, and code as large as that of measured rows; ``ram_bytes`` is arena,
    input, output and stack. ``problem`` says why it does not fit, None where it fits.
    ``rough_cycles`` is for cores without a price list: the kernels' own rough counts, shared by the
    cores; it puts candidates in order and may be off by a factor of three.
    """

    model: str
    target: str
    cycles: int | None
    latency_ms: float | None
    energy_mj: float | None
    macs: int
    arena_bytes: int | None
    ram_bytes: int | None
    weight_bytes: int
    flash_bytes: int | None
    fits: bool
    problem: str | None
    layers: tuple[LayerEstimate, ...]
    rough_cycles: int | None = None

    def summary(self) -> list[tuple[str, str]]:
        """(what, figure): the few lines that tell most."""
        return [
            ("cycles", count(self.cycles)),
            ("latency", span(self.latency_ms, "ms")),
            ("energy", span(self.energy_mj, "mJ")),
            ("RAM", f"{kib(self.ram_bytes)}, arena {kib(self.arena_bytes)}"),
            ("flash", f"about {kib(self.flash_bytes)}, weights {kib(self.weight_bytes)}"),
            ("fits", "yes" if self.fits else str(self.problem)),
        ]

    def table(self) -> list[dict[str, Any]]:
        """A dictionary a layer, as ``pandas.DataFrame`` takes them."""
        return [asdict(layer) for layer in self.layers]

    def __repr__(self) -> str:
        figures = "\n".join(f"  {what:<10} {figure}" for what, figure in self.summary())
        head = f"Estimate of {self.model} on {self.target}, predicted, {len(self.layers)} layers"
        return f"{head}\n{figures}"

    def _repr_html_(self) -> str:
        rows = [(x.name, x.op, x.shape, count(x.macs), count(x.cycles)) for x in self.layers]
        heads = ("layer", "operation", "shape", "MAC", "cycles")
        caption = f"{self.model} on {self.target}, predicted"
        return html_table(self.summary(), caption=caption) + html_table(rows, heads, fold="layers")

    def to_json(self) -> str:
        """JSON text."""
        return to_json(self)
