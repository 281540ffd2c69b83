"""What the authors published, and the same figures of ours beside it.

TinyRadarNN: its paper (92 KB at two bytes a parameter, 86.6 % over 26 users, recorded data).
The TinyRadar Transformer: the authors' poster (GAP8 at 100 MHz, 51 mW). Accuracies here are of
simulated gestures: only their difference has anything to do with the published one.
"""

from dataclasses import asdict, dataclass

from tinyradar.reproduce.measure import Figures, OnTarget

LATENCY_RATIO = 9.6
NETWORK_MS, NETWORK_MJ = 9.24, 0.47
ACCURACY_POINTS = 3.5
MEMORY_RATIO = 263.0 / 92.0
MATRICES_BYTES = 264 * 1024
PUBLISHED_SIZE_MS, BEST_MS = 8.0, 6.0
TARGET = "pulp-ri5cy"


@dataclass(frozen=True)
class Claim:
    """One claim: ``theirs`` is published (None where nothing is), ``ours`` measured (None where
    it could not be), ``bar`` what we ask of ourselves in words, ``met`` whether ours does."""

    what: str
    theirs: float | None
    ours: float | None
    bar: str
    met: bool | None

    def as_json(self) -> dict[str, str | float | bool | None]:
        """Plain data."""
        return asdict(self)


def _on(figures: Figures) -> OnTarget | None:
    found = [t for t in figures.targets if t.target == TARGET and t.latency_ms is not None]
    return found[0] if found else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _at_least(value: float | None, bound: float) -> bool | None:
    return None if value is None else value >= bound


def _at_most(value: float | None, bound: float) -> bool | None:
    return None if value is None else value <= bound


def claims(
    base: Figures, transformer: Figures, *, published_size: bool, best_int8: float
) -> list[Claim]:
    """The claims about ``transformer`` against ``base``, which is TinyRadarNN.

    ``best_int8`` is TinyRadarNN's accuracy as trained best: as published, or with the variations
    that the transformers are trained with. The program is the same.
    """
    ours, theirs = _on(transformer), _on(base)
    latency = ours.latency_ms if ours else None
    energy = ours.energy_mj if ours else None
    points = 100.0 * (transformer.accuracy_int8 - best_int8)
    ratio = _ratio(theirs.latency_ms if theirs else None, latency)
    most = PUBLISHED_SIZE_MS if published_size else BEST_MS
    size = transformer.matrix_bytes
    found = [
        Claim("latency, ms", NETWORK_MS, latency, f"<= {most}", _at_most(latency, most)),
        Claim("energy, mJ", NETWORK_MJ, energy, "", None),
        Claim(
            "latency and energy, TinyRadarNN / transformer",
            LATENCY_RATIO,
            ratio,
            "" if published_size else f">= {LATENCY_RATIO}",
            None if published_size else _at_least(ratio, LATENCY_RATIO),
        ),
        Claim(
            "accuracy int8, transformer - the better TinyRadarNN, points (ours simulated)",
            ACCURACY_POINTS,
            points,
            "" if published_size else ">= 0",
            None if published_size else _at_least(points, 0.0),
        ),
        Claim(
            "weight memory, transformer / TinyRadarNN",
            MEMORY_RATIO,
            _ratio(float(size), float(base.matrix_bytes)),
            "",
            None,
        ),
    ]
    if published_size:
        met = size <= MATRICES_BYTES
        found.append(
            Claim("weight matrices and embeddings, B", 263e3, float(size), "<= 270336", met)
        )
    return found
