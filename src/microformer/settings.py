"""What a compilation may be asked for, checked once for the Python API and the command."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from microformer.errors import DataError

SoftmaxKind = Literal["lut", "ibert"]
Effort = Literal["low", "normal", "high"]
Residual = Literal["int8", "int16", "auto"]


@dataclass(frozen=True)
class Settings:
    """How a model is quantised. Raises DataError, one sentence, for a choice that there is not.

    ``softmax``: the exponential of attention, a table (equation 3) or I-BERT's polynomial (4).
    ``effort``: how much is tried to lose less accuracy. ``residual``: the bits of the residual
    stream, "auto" for 16 where that is measured to gain.
    """

    softmax: SoftmaxKind = "lut"
    effort: Effort = "normal"
    residual: Residual = "int8"

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for field in fields(self):
            value, known = getattr(self, field.name), get_args(kinds[field.name])
            if value not in known:
                shown = repr(value)[:40]
                raise DataError(f"{field.name} is {shown}; it can be {', '.join(known)}.")


DEFAULTS = Settings()
