"""The TinyRadar Transformer: depthwise-separable stem, one to few attention layers, class scores.

Published are the idea (dense convolutions replaced by depthwise-separable ones, the temporal
network by an encoder, the input downsampled by 2) and the size of the attention layer. How tokens
are made, the stem's widths and the feed-forward sizes are not: these are ours.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

FRAMES, DOPPLER, POINTS = 5, 32, 246
"""Input of a sequence: every other range point of 492 (the pulse is 60 points wide)."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a transformer.

    The stem: patches of ``patch`` (Doppler, range) cells to ``narrow`` channels, a
    depthwise-separable convolution of (``fold``, ``reach``) cells, by ``fold`` and 2, to ``wide``
    channels, then a maximum over ``pool`` range cells. Doppler is never mixed across frames,
    because strides and kernels along it are equal. A token is a cell of the (Doppler, range) grid
    with the channels of all five frames.

    ``width`` E, ``heads`` H, ``head_dim`` P, ``layers``; ``hidden`` of the feed-forward part, 0
    for none; ``dropout`` of what a layer adds.
    """

    name: str
    patch: tuple[int, int]
    narrow: int
    wide: int
    pool: int
    width: int
    heads: int
    head_dim: int
    layers: int = 1
    hidden: int = 0
    reach: int = 3
    fold: int = 2
    dropout: float = 0.1

    @property
    def grid(self) -> tuple[int, int]:
        """Doppler and range cells of the tokens."""
        doppler = DOPPLER // self.patch[0] // self.fold
        patches = POINTS // self.patch[1]
        return doppler, ((patches - 1) // 2 + 1) // self.pool

    @property
    def tokens(self) -> int:
        """S."""
        return self.grid[0] * self.grid[1]


PUBLISHED = Shape("transformer-published", (4, 6), 8, 12, 5, 64, 16, 64, fold=1)
"""S=32, E=64, P=64, H=16: the published attention layer."""
SMALL = Shape("transformer-small", (4, 6), 12, 16, 5, 64, 4, 32, hidden=128, fold=1)
SHAPES = {shape.name: shape for shape in (PUBLISHED, SMALL)}


class Stem(nn.Module):
    """[N, 5, 32, 246, sensors] to tokens [N, S, 5 * wide]."""

    def __init__(self, shape: Shape, sensors: int) -> None:
        super().__init__()
        self.shape = shape
        narrow, reach = shape.narrow, shape.reach
        self.patch = nn.Conv2d(sensors, narrow, shape.patch, stride=shape.patch)
        self.depthwise = nn.Conv2d(
            narrow,
            narrow,
            (shape.fold, reach),
            stride=(shape.fold, 2),
            padding=(0, reach // 2),
            groups=narrow,
        )
        self.pointwise = nn.Conv2d(narrow, shape.wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, frames, doppler, points, sensors = x.shape
        # frames lie below each other as one image: no kernel reaches from one into the next
        image = x.reshape(n, frames * doppler, points, sensors).permute(0, 3, 1, 2)
        y = F.relu(self.patch(image))
        y = F.relu(self.pointwise(self.depthwise(y)))
        y = F.max_pool2d(y, (1, self.shape.pool))
        cells = y.permute(0, 2, 3, 1).reshape(n, frames, *self.shape.grid, self.shape.wide)
        return cells.permute(0, 2, 3, 1, 4).reshape(n, self.shape.tokens, -1)


class Attention(nn.Module):
    """Self-attention of ``heads`` heads of ``head_dim``, whose product need not be the width."""

    def __init__(self, width: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, heads * head_dim)
        self.key = nn.Linear(width, heads * head_dim)
        self.value = nn.Linear(width, heads * head_dim)
        self.project = nn.Linear(heads * head_dim, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.project(y.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Sizes(Protocol):
    """What an encoder layer needs of a shape."""

    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def hidden(self) -> int: ...
    @property
    def dropout(self) -> float: ...


class Block(nn.Module):
    """Pre-norm encoder layer; the feed-forward part is left out where ``hidden`` is 0."""

    def __init__(self, shape: Sizes) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape.width)
        self.attention = Attention(shape.width, shape.heads, shape.head_dim)
        self.dropout = nn.Dropout(shape.dropout)
        self.feed = (
            nn.Sequential(
                nn.LayerNorm(shape.width),
                nn.Linear(shape.width, shape.hidden),
                nn.GELU(),
                nn.Linear(shape.hidden, shape.width),
            )
            if shape.hidden
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x)))
        return x if self.feed is None else x + self.dropout(self.feed(x))


class RadarTransformer(nn.Module):
    """A sequence [N, 5, 32, 246, sensors] to class scores [N, classes]."""

    def __init__(self, shape: Shape, classes: int = 12, sensors: int = 2) -> None:
        super().__init__()
        self.shape = shape
        self.stem = Stem(shape, sensors)
        self.embed = nn.Linear(FRAMES * shape.wide, shape.width)
        self.position = nn.Parameter(0.02 * torch.randn(1, shape.tokens, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(self.stem(x)) + self.position
        for block in self.blocks:
            y = block(y)
        return self.head(self.norm(y).mean(dim=1))  # type: ignore[no-any-return]
