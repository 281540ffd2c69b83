"""Networks for recorded traces: frames as tokens, and the CNN-TCN in the manner of TinyRadarNN.

A trace is [28 frames, 10 values] (``dataset/traces.py``). Both sizes are ours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from tinyradar.dataset.traces import FRAMES, VALUES
from tinyradar.models.tinyradarnn import CausalBlock
from tinyradar.models.transformer import Block


@dataclass(frozen=True)
class TraceShape:
    """Sizes of a transformer over a trace's frames.

    A convolution over ``kernel`` frames by ``stride`` makes the tokens, ``width`` E each; then
    ``layers`` of ``heads`` H of ``head_dim`` P and ``hidden`` of the feed-forward part;
    ``dropout`` of what a layer adds and of the pooled features.
    """

    name: str
    kernel: int
    stride: int
    width: int
    heads: int
    head_dim: int
    hidden: int
    layers: int
    dropout: float = 0.1

    @property
    def padding(self) -> int:
        """Frames on either side, so that every ``stride``-th frame has a token."""
        return (self.kernel - self.stride + 1) // 2

    @property
    def tokens(self) -> int:
        """S."""
        return (FRAMES + 2 * self.padding - self.kernel) // self.stride + 1


TRACE_SHAPE = TraceShape("transformer-traces", 4, 2, 32, 4, 8, 64, 2)


TRACE_NET = 40
"""Channels of the CNN-TCN: about as many parameters and products as the transformer has."""


class TraceTransformer(nn.Module):
    """Traces [N, 28, 10] to class scores [N, classes]."""

    def __init__(self, shape: TraceShape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Conv1d(
            VALUES, shape.width, shape.kernel, stride=shape.stride, padding=shape.padding
        )
        self.position = nn.Parameter(0.02 * torch.randn(1, shape.tokens, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x.transpose(1, 2)).transpose(1, 2) + self.position
        for block in self.blocks:
            y = block(y)
        return self.head(self.dropout(self.norm(y).mean(dim=1)))  # type: ignore[no-any-return]


class TraceNet(nn.Module):
    """Traces [N, 28, 10] to class scores [N, classes], as TinyRadarNN does with frames.

    A convolution over the frames in place of those over maps; then its temporal network: causal
    convolutions of dilation 1, 2, 4 and (28 frames are more than five) 8, and its head; the scores
    after the last frame.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(VALUES, width, 3, padding=1)
        self.blocks = nn.ModuleList(CausalBlock(width, dilation) for dilation in (1, 2, 4, 8))
        self.head = nn.Sequential(
            nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.conv(x.transpose(1, 2)))
        for block in self.blocks:
            y = block(y)
        return self.head(y[:, :, -1])  # type: ignore[no-any-return]
