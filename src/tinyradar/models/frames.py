"""The transformer over frames: a token is a whole frame, as it was a step of the temporal network.

The idea is the published one (depthwise-separable convolutions, an encoder in place of the temporal
network, an input downsampled along range); every size is ours. The stem's weights are those of
every frame, so that a gesture's moment is learnt once and not once a frame.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinyradar.models.pooling import relu_maximum
from tinyradar.models.transformer import DOPPLER, FRAMES, Block

RANGE_STEP, POINTS = 4, 123
"""Every fourth range point of 492: some 15 of them see one pulse."""


@dataclass(frozen=True)
class FrameShape:
    """Sizes of a transformer over frames.

    The stem: a convolution of ``kernel`` (Doppler, range) cells by ``stride`` to ``narrow``
    channels, a maximum over ``first`` cells, a depthwise convolution of 3x3 and a pointwise one to
    ``wide`` channels, a maximum over ``last`` cells. ``width`` E, ``heads`` H, ``head_dim`` P,
    ``layers``; ``hidden`` of the feed-forward part; ``dropout`` of the
    stem's features and of what a layer adds.
    """

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    narrow: int
    first: tuple[int, int]
    wide: int
    last: tuple[int, int]
    width: int
    heads: int
    head_dim: int
    hidden: int
    layers: int = 1
    dropout: float = 0.2

    @property
    def padding(self) -> tuple[int, int]:
        """Cells on either side, so that (about) every ``stride``-th cell has an output."""
        return tuple((k - s + 1) // 2 for k, s in zip(self.kernel, self.stride, strict=True))  # type: ignore[return-value]

    @property
    def features(self) -> int:
        """Of a frame: its cells after the last maximum, times ``wide``."""
        cells = self.wide
        for axis, size in enumerate((DOPPLER, POINTS)):
            span = size + 2 * self.padding[axis] - self.kernel[axis]
            cells *= (span // self.stride[axis] + 1) // self.first[axis] // self.last[axis]
        return cells


FRAMES_SHAPE = FrameShape(
    "transformer-frames", (4, 4), (2, 3), 16, (2, 2), 32, (2, 5), 64, 4, 32, 128
)


class FrameStem(nn.Module):
    """[N, 5, 32, 123, sensors] to tokens [N, 5, features]."""

    def __init__(self, shape: FrameShape, sensors: int) -> None:
        super().__init__()
        self.shape = shape
        self.conv = nn.Conv2d(
            sensors, shape.narrow, shape.kernel, stride=shape.stride, padding=shape.padding
        )
        self.depthwise = nn.Conv2d(shape.narrow, shape.narrow, 3, padding=1, groups=shape.narrow)
        self.pointwise = nn.Conv2d(shape.narrow, shape.wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, frames, doppler, points, sensors = x.shape
        # One image, the frames below each other: Doppler folds, so what lies beyond a frame's edge
        # is its other edge, and the next frame's is nearly that.
        image = x.reshape(n, frames * doppler, points, sensors).permute(0, 3, 1, 2)
        y = relu_maximum(self.conv(image), self.shape.first, training=self.training)
        y = self.pointwise(self.depthwise(y))
        y = relu_maximum(y, self.shape.last, training=self.training)
        return y.permute(0, 2, 3, 1).reshape(n, frames, -1)


class FrameTransformer(nn.Module):
    """A sequence [N, 5, 32, 123, sensors] to class scores [N, classes]."""

    def __init__(self, shape: FrameShape, classes: int = 12, sensors: int = 2) -> None:
        super().__init__()
        self.shape = shape
        self.stem = FrameStem(shape, sensors)
        self.dropout = nn.Dropout(shape.dropout)
        self.embed = nn.Linear(shape.features, shape.width)
        self.position = nn.Parameter(0.02 * torch.randn(1, FRAMES, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(self.dropout(self.stem(x))) + self.position
        for block in self.blocks:
            y = block(y)
        return self.head(self.norm(y).mean(dim=1))  # type: ignore[no-any-return]
