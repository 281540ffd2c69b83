"""All networks of the zoo: how each is made, and what it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from microformer.graph.tensor import Array
from tests.zoo import settled
from tests.zoo.images import IMAGE, LARGE, LARGER, SMALL
from tests.zoo.signals import SIGNALS
from tests.zoo.text import SEQUENCE, TEXT, VOCABULARY


@dataclass(frozen=True)
class Net:
    """A network in a small configuration. ``shape`` is that of a sample, without the batch."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    tokens: bool = False

    def module(self) -> nn.Module:
        """The network for inference, always of the same weights."""
        torch.manual_seed(0)
        return settled(self.make())

    def samples(self, count: int, seed: int = 0) -> Array:
        """[N, *shape]: token indices as int64, or standard normal values as float32."""
        generator = np.random.default_rng(seed)
        if self.tokens:
            return generator.integers(3, VOCABULARY, (count, *self.shape), np.int64)
        return generator.standard_normal((count, *self.shape)).astype(np.float32)


_SIZES = {"efficientformer": 224, "crossvit": 240}

NETS: dict[str, Net] = {
    **{name: Net(name, make, (SEQUENCE,), tokens=True) for name, make in TEXT.items()},
    **{name: Net(name, make, (3, IMAGE, IMAGE)) for name, make in SMALL.items()},
    **{name: Net(name, make, (3, 64, 64)) for name, make in LARGER.items()},
    **{name: Net(name, make, (3, _SIZES[name], _SIZES[name])) for name, make in LARGE.items()},
    **{name: Net(name, make, shape) for name, (make, shape) in SIGNALS.items()},
}
