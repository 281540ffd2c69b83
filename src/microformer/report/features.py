"""The figures of a front end: of a window, of a sequence, and together with the network."""

from dataclasses import dataclass

from microformer.graph.frontend import FrontEnd
from microformer.graph.project import Image, RunResult
from microformer.targets import Target


@dataclass(frozen=True)
class Cost:
    """Cycles, milliseconds and millijoules; None where there is no figure."""

    cycles: int | None
    latency_ms: float | None
    energy_mj: float | None


@dataclass(frozen=True)
class Features:
    """A front end on its target. ``total`` is a sequence's features and the network.

    ``core_cycles_per_fft``: cycles of all cores by FFT, with its 32 magnitudes and levels.
    ``arena_bytes`` is working memory, ``sample_bytes`` a window's samples.
    """

    kernel: str
    window: tuple[int, ...]
    windows: int
    windows_run: int
    mismatches: int
    ffts: int
    core_cycles_per_fft: float | None
    instructions: int | None
    one_window: Cost
    sequence: Cost
    total: Cost
    sample_bytes: int
    arena_bytes: int
    flash_bytes: int | None
    ram_bytes: int | None

    @property
    def bit_exact(self) -> bool:
        """True if every byte of every window was that of the NumPy reference."""
        return self.mismatches == 0


def features_report(
    front: FrontEnd,
    target: Target,
    image: Image,
    result: RunResult,
    mismatches: int,
    windows: int,
    network_cycles: int | None,
) -> Features:
    """All figures of ``result``; a sequence is ``windows`` of them, then ``network_cycles``."""
    cycles = result.cycles
    whole = None if cycles is None else cycles * windows
    total = None if whole is None or network_cycles is None else whole + network_cycles
    ffts = front.spec.transforms
    return Features(
        kernel=front.project.layers[0].kernel,
        window=front.spec.map,
        windows=windows,
        windows_run=len(result.outputs),
        mismatches=mismatches,
        ffts=ffts,
        core_cycles_per_fft=None if cycles is None else cycles * target.cores / ffts,
        instructions=result.instructions,
        one_window=cost(target, cycles),
        sequence=cost(target, whole),
        total=cost(target, total),
        sample_bytes=front.project.input_size * 2,
        arena_bytes=front.project.arena_bytes,
        flash_bytes=image.flash_bytes,
        ram_bytes=image.ram_bytes,
    )


def cost(target: Target, cycles: int | None) -> Cost:
    """What ``cycles`` are on ``target``."""
    if cycles is None:
        return Cost(None, None, None)
    return Cost(cycles, target.latency_ms(cycles), target.energy_mj(cycles))
