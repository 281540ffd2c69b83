"""TinyRadarNN, exactly as published: 45,756 parameters, 79.6 M MAC a sequence of five frames."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from tinyradar.models.pooling import relu_maximum

FRAMES = 5


class FrameNet(nn.Module):
    """One range-Doppler map [N, 2, 32, 492] to 384 features, channels last [N, 3 * 2 * 64]."""

    def __init__(self, sensors: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(sensors, 16, (3, 5), padding=(1, 2))
        self.conv2 = nn.Conv2d(16, 32, (3, 5), padding=(1, 2))
        self.conv3 = nn.Conv2d(32, 64, (1, 7), padding=(0, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = relu_maximum(self.conv1(x), (3, 5), training=self.training)  # [N, 16, 10, 98]
        x = relu_maximum(self.conv2(x), (3, 5), training=self.training)  # [N, 32, 3, 19]
        x = relu_maximum(self.conv3(x), (1, 7), training=self.training)  # [N, 64, 3, 2]
        return x.permute(0, 2, 3, 1).flatten(1)


class CausalBlock(nn.Module):
    """Causal convolution over time, kernel 2, ReLU, residual add: [N, 32, frames]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv(F.pad(x, (self.dilation, 0))))


class TinyRadarNN(nn.Module):
    """A sequence [N, 5, 32, 492, sensors] to class scores.

    In training and with ``steps`` the scores of all five steps [N, 5, classes]; else those of the
    last step [N, classes], which alone has seen the whole second.
    """

    def __init__(self, classes: int = 12, sensors: int = 2) -> None:
        super().__init__()
        self.frame = FrameNet(sensors)
        self.squeeze = nn.Conv1d(384, 32, 1)
        self.blocks = nn.ModuleList(CausalBlock(32, dilation) for dilation in (1, 2, 4))
        self.head = nn.Sequential(
            nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes)
        )

    def features(self, x: Tensor) -> Tensor:
        """The frames' features [N, 5, 384]; each frame is a batch of its own."""
        n, frames = x.shape[:2]
        maps = x.flatten(0, 1).permute(0, 3, 1, 2)
        return self.frame(maps).reshape(n, frames, -1)  # type: ignore[no-any-return]

    def scores(self, features: Tensor) -> Tensor:
        """[N, 5, 384] to the scores of every step [N, 5, classes]."""
        y = self.squeeze(features.transpose(1, 2))
        for block in self.blocks:
            y = block(y)
        return self.head(y.transpose(1, 2))  # type: ignore[no-any-return]

    def steps(self, x: Tensor) -> Tensor:
        """Scores after each frame [N, 5, classes]."""
        return self.scores(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        """Scores after the last frame [N, classes], frame by frame as a device runs it."""
        frames = [x[:, i].permute(0, 3, 1, 2) for i in range(x.shape[1])]
        features = torch.stack([self.frame(maps) for maps in frames], dim=1)
        return self.scores(features)[:, -1]
