"""What a compilation may be asked for, checked once for the Python API and the command."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from microformer.errors import DataError

SoftmaxKind = Literal["lut", "ibert"]
Effort = Literal["low", "normal", "high"]
Residual = Literal["enough", "rows", "int8", "int16", "auto"]
Optimize = Literal["speed", "balanced", "size"]


@dataclass(frozen=True)
class Settings:
    """How a model is quantised. Raises DataError, one sentence, for a choice that there is not.

    ``softmax``: the exponential of attention, a table (equation 3) or I-BERT's polynomial (4).
    ``effort``: how much is tried to lose less accuracy. ``residual``: the residual stream in int8,
    its groups of unlike rows in scales of their own where that is measured to gain ("rows"); in one
    scale ("int8"), in int16, or int16 only where that gains ("auto"). "enough" is "rows", and
    "auto" where that keeps less than 26 dB at the output. ``samples``: of more calibration samples
    so many are taken, evenly. ``optimize``: each layer's kernel specialised for its shape
    ("speed"), only those that most of the work is in ("balanced"), or one body a kernel, compiled
    for size ("size").
    """

    softmax: SoftmaxKind = "lut"
    effort: Effort = "normal"
    residual: Residual = "enough"
    samples: int = 1024
    optimize: Optimize = "speed"

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        if not isinstance(self.samples, int) or self.samples < 1:
            raise DataError(f"samples is {self.samples!r}; it must be a whole number from 1 on.")
        for field in fields(self):
            if field.name == "samples":
                continue
            value, known = getattr(self, field.name), get_args(kinds[field.name])
            if value not in known:
                shown = repr(value)[:40]
                raise DataError(f"{field.name} is {shown}; it can be {', '.join(known)}.")


DEFAULTS = Settings()
