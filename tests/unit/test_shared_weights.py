"""One layer run on several parts of the input keeps one set of integer weights."""

import numpy as np
import torch
from torch import Tensor, nn

import microformer
from microformer.emit import emit
from microformer.graph import ops
from microformer.lower import lower
from microformer.plan import plan
from microformer.targets import TARGETS


class Frames(nn.Module):
    """A convolution and a linear on each of three frames [1, 3, 8, 8, 2], then one linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.each = nn.Linear(8, 5)
        self.last = nn.Linear(15, 4)

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for i in range(3):
            y = torch.relu(self.conv(x[:, i].permute(0, 3, 1, 2)))
            parts.append(self.each(y.mean(dim=(2, 3))))
        return self.last(torch.cat(parts, dim=1))  # type: ignore[no-any-return]


def graph_of_frames() -> microformer.IntGraph:
    """Frames whose ranges differ by far: untied they would have different scales."""
    torch.manual_seed(0)
    random = np.random.Generator(np.random.PCG64(0))
    x = random.normal(size=(8, 3, 8, 8, 2)).astype(np.float32)
    x[:, 1] *= 4.0
    model = microformer.load(Frames().eval(), example=x[:1], name="frames")
    return microformer.quantize(model, x)


def test_weights_are_stored_once() -> None:
    graph = graph_of_frames()
    for kind in (ops.Conv2d, ops.Linear):
        layers = [n for n in graph.nodes if isinstance(n.op, kind) and len(n.inputs) > 1]
        weights = [n.inputs[1:4] for n in layers]
        assert len(weights) in (3, 4) and len(set(weights[:3])) == 1
    project = emit(plan(lower(graph, TARGETS["cortex-m4"])))
    stored = 8 * 18 + 5 * 8 + 4 * 15 + 8 * (8 + 5 + 4)  # matrices; mult and add of each channel
    assert stored <= project.weight_bytes < stored + 160  # kernels pad, means have constants


def test_one_weight_on_three_frames_is_bit_exact_and_close() -> None:
    torch.manual_seed(0)
    random = np.random.Generator(np.random.PCG64(1))
    x = random.normal(size=(16, 3, 8, 8, 2)).astype(np.float32)
    model = microformer.load(Frames().eval(), example=x[:1], name="frames")
    report = microformer.run(microformer.compile(model, x, "cortex-m4"), x, count=2)
    assert report.bit_exact and report.sqnr_db is not None and report.sqnr_db > 25.0


def test_layers_of_equal_but_separate_weights_stay_apart() -> None:
    torch.manual_seed(0)
    first = nn.Linear(6, 6)
    twin = nn.Linear(6, 6)
    net = nn.Sequential(first, nn.ReLU(), twin)
    random = np.random.Generator(np.random.PCG64(0))
    x = random.normal(size=(8, 6)).astype(np.float32)
    graph = microformer.quantize(microformer.load(net.eval(), example=x[:1]), x)
    weights = {n.inputs[1] for n in graph.nodes if isinstance(n.op, ops.Linear)}
    assert len(weights) == 2
