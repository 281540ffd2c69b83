"""Ranges that can learn, and the straight-through step between real and integer values."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from microformer.graph.float_model import Range, Ranges, RowRange
from microformer.graph.tensor import QParams

Either = TypeVar("Either", Range, RowRange)


class LearntRanges(nn.Module):
    """Both ends of every range as ``observed * exp(parameter)``: zero stays zero, signs stay.

    The parameter [ranges, 2] starts at 0: a line a tensor, then one a group of rows. Frozen ranges
    are the same with no gradient.
    """

    def __init__(self, ranges: Ranges, learn: bool) -> None:
        super().__init__()
        self._start = ranges
        self._seen: dict[tuple[str, int | None], tuple[float, float]] = {
            (name, None): (seen.low, seen.high) for name, seen in ranges.by_name.items()
        }
        for name, groups in ranges.rows.items():
            self._seen |= {(name, group.start): (group.low, group.high) for group in groups}
        self._place = {key: i for i, key in enumerate(self._seen)}
        self.stretch = nn.Parameter(torch.zeros(len(self._place), 2), requires_grad=learn)

    def current(self) -> Ranges:
        """The ranges as they are now."""
        factors = np.exp(self.stretch.detach().cpu().numpy().astype(np.float64)).tolist()

        def now(seen: Either, name: str, start: int | None) -> Either:
            of_low, of_high = factors[self._place[name, start]]
            return replace(seen, low=seen.low * of_low, high=seen.high * of_high)

        by_name = {name: now(seen, name, None) for name, seen in self._start.by_name.items()}
        rows = {
            name: tuple(now(group, name, group.start) for group in groups)
            for name, groups in self._start.rows.items()
        }
        return replace(self._start, by_name=by_name, rows=rows)

    def ends(self, name: str, numel: int, start: int | None = None) -> tuple[Tensor, Tensor] | None:
        """(low, high) of a tensor, differentiable; None where it has no range that learns.

        With ``start`` those of its group of rows that begins there. The gradient is scaled by
        1 / sqrt(127 numel) (Esser et al., LSQ, 2020, section 2.2), so that it is of the size of a
        weight's.
        """
        place = self._place.get((name, start))
        if place is None or not self.stretch.requires_grad:
            return None
        share = (127.0 * numel) ** -0.5
        row = self.stretch[place]
        of_low, of_high = (row * share + (row * (1.0 - share)).detach()).exp().unbind()
        low, high = self._seen[name, start]
        return of_low * low, of_high * high


class _Straight(torch.autograd.Function):
    """The exact value forwards, the surrogate's gradient backwards."""

    @staticmethod
    def forward(_ctx: Any, _surrogate: Tensor, exact: Tensor) -> Tensor:
        return exact.clone()

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def _moved_to(end: Tensor, value: float) -> Tensor:
    """``value``, with the gradient of ``end``."""
    return end + (value - end).detach()


def straight(
    real: Tensor, exact: Tensor, qparams: QParams, ends: tuple[Tensor, Tensor] | None
) -> Tensor:
    """``exact``, with a gradient: that of ``real`` inside the range of its type, none outside.

    With ``ends`` they learn too: what is clipped moves its end (Choi et al., PACT, 2018, equation
    3), what is rounded moves the step by its rounding error (LSQ, equation 3).
    """
    low, high = qparams.low_high
    half = qparams.scale / 2
    if ends is None:
        inside = real.clamp(low - half, high + half)
        return _Straight.apply(inside, exact)  # type: ignore[no-any-return, no-untyped-call]
    bottom, top = _moved_to(ends[0], low), _moved_to(ends[1], high)
    clipped = torch.maximum(torch.minimum(real, top), bottom)
    rounding = torch.where((real > low) & (real < high), (exact - real) / qparams.scale, 0.0)
    step = (ends[1] - ends[0]) / 255.0
    return _Straight.apply(clipped + rounding.detach() * step, exact)  # type: ignore[no-any-return, no-untyped-call]
