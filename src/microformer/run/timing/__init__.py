"""Timing models: what a block of instructions costs on a core. One file a core."""

from collections.abc import Callable

from microformer.run.timing.block import Block, Timing
from microformer.run.timing.cortex_m0plus import CortexM0Plus
from microformer.run.timing.cortex_m3 import CortexM3
from microformer.run.timing.cortex_m4 import CortexM4
from microformer.run.timing.cortex_m7 import CortexM7
from microformer.run.timing.cortex_m55 import CortexM55
from microformer.run.timing.hazard3 import Hazard3

__all__ = ["Block", "Timing", "find"]

_MODELS: dict[str, Callable[[], Timing]] = {
    "m0plus": CortexM0Plus,
    "m3": CortexM3,
    "m4": CortexM4,
    "m7": CortexM7,
    "m55": CortexM55,
    "hazard3": Hazard3,
}


def find(name: str | None) -> Timing | None:
    """The timing model that a target names, None if it names none."""
    return None if name is None else _MODELS[name]()
