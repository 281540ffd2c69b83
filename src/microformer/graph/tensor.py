"""Tensors of an integer graph: name, shape, type and, for quantised values, their scale."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class QParams:
    """Affine quantisation of a tensor: real = scale * (q - zero_point), in ``bits`` 8 or 16."""

    scale: float
    zero_point: int
    bits: int = 8

    @property
    def dtype(self) -> str:
        """NumPy's name of the integers."""
        return f"int{self.bits}"

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest integer."""
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    @property
    def low_high(self) -> tuple[float, float]:
        """The real values of the lowest and the highest integer."""
        low, high = (self.scale * (q - self.zero_point) for q in self.limits)
        return low, high

    def dequantize(self, q: Array) -> NDArray[np.float64]:
        """Real values of the integers ``q`` (any shape), float64."""
        return self.scale * (q.astype(np.float64) - self.zero_point)

    def real(self, q: Array) -> NDArray[np.float32]:
        """float32 values of the integers ``q`` (any shape), as the emitted C computes them."""
        levels = q.astype(np.int32) - np.int32(self.zero_point)
        return np.float32(self.scale) * levels.astype(np.float32)

    def quantize(self, x: Array) -> Array:
        """The integers nearest to the real ``x``: floor(x / scale + 1/2) + zero_point, clamped.

        The emitted C helper rounds in the same way (half towards plus infinity), in float32.
        """
        with np.errstate(over="ignore"):  # what overflows is clamped all the same
            scaled = x.astype(np.float32) / np.float32(self.scale)
        rounded = np.floor(scaled + np.float32(0.5)) + np.float32(self.zero_point)
        return np.asarray(np.clip(rounded, *self.limits).astype(self.dtype))


LEVELS = QParams(1.0, 0)
"""Of an input with a scale for each channel, as its readers see it: whole numbers."""


@dataclass(frozen=True)
class Channels:
    """A scale for each channel of an input: real = scales[c] * (q - zero_points[c]).

    Element i of the sample, counted flat, is of channel c = (i // stride) % len(scales). The
    scales are in the weights of whoever reads the input: inside the program it holds plain levels.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    stride: int

    def _of(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scale and zero point float32 of each element of samples [N, ...]."""
        size = math.prod(shape[1:])
        channel = np.arange(size) // self.stride % len(self.scales)
        wide = np.asarray(self.scales, np.float32), np.asarray(self.zero_points, np.float32)
        return wide[0][channel].reshape(shape[1:]), wide[1][channel].reshape(shape[1:])

    def quantize(self, x: Array) -> NDArray[np.int8]:
        """Samples [N, ...] rounded and saturated as ``QParams.quantize`` does it."""
        scale, zero = self._of(x.shape)
        with np.errstate(over="ignore"):
            rounded = np.floor(x.astype(np.float32) / scale + np.float32(0.5)) + zero
        return np.asarray(np.clip(rounded, -128, 127).astype(np.int8))

    def dequantize(self, q: Array) -> NDArray[np.float64]:
        """Real values of the integers ``q`` [N, ...], float64."""
        scale, zero = self._of(q.shape)
        return scale.astype(np.float64) * (q.astype(np.float64) - zero)


@dataclass(frozen=True, eq=False)
class Tensor:
    """One value: an activation (``data`` is None) or a constant.

    ``channels`` are the scales of an input that has one for each channel; ``qparams`` are then
    those of its levels, scale 1 and zero point 0.

    ``shape`` has no batch axis: the program handles one sample, the NumPy reference prepends N.
    ``source`` names the float tensor that this one stands for, for SQNR; empty if there is none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    qparams: QParams | None = None
    data: Array | None = None
    source: str = ""
    source_perm: tuple[int, ...] | None = None
    channels: Channels | None = None

    def quantize(self, x: Array) -> Array:
        """Real samples [N, *shape] as levels; whole numbers where the tensor has no scale."""
        if self.channels is not None:
            return self.channels.quantize(x)
        return x if self.qparams is None else self.qparams.quantize(x)

    def dequantize(self, q: Array) -> Array:
        """Real values float64 of levels [N, ...]; whole numbers as they are."""
        if self.channels is not None:
            return self.channels.dequantize(q)
        return q if self.qparams is None else self.qparams.dequantize(q)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the stored tensor."""
        return self.size * self.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(np.dtype(self.dtype).itemsize)

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        kind = "const " if self.data is not None else ""
        if self.channels is not None:
            return f"{kind}{self.name}: {self.dtype}[{shape}] {len(self.channels.scales)} scales"
        qparams = f" s={self.qparams.scale:.6g} z={self.qparams.zero_point}" if self.qparams else ""
        return f"{kind}{self.name}: {self.dtype}[{shape}]{qparams}"


def constant(name: str, data: Array, qparams: QParams | None = None) -> Tensor:
    """A constant tensor that owns a C-contiguous, read-only copy of ``data``."""
    owned = np.array(data, order="C", copy=True)
    owned.setflags(write=False)
    return Tensor(name, tuple(map(int, owned.shape)), str(owned.dtype), qparams, owned)
