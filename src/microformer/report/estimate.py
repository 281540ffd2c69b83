"""What an estimate says: records of ``microformer estimate``."""

from dataclasses import dataclass

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

    def to_json(self) -> str:
        """JSON text."""
        return to_json(self)
