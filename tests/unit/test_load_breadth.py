"""Functions that deployed networks use, one a line: each loads, says what torch says, and is int8.

Where an operator is moved, written out or made a table is the import's own affair; that the values
are torch's and that the integers are near them is not.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.graph.ends import quantized
from microformer.graph.tensor import Array
from microformer.reference import evaluate

LEAST_IMPORT_DB, LEAST_DB = 100.0, 26.0
SEQUENCE, IMAGE = (6, 16), (4, 8, 8)
Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """A function between two linear layers, as it stands in a network."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function, self.a, self.b = function, nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.function(self.a(x)))  # type: ignore[no-any-return]


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def check(module: nn.Module, shape: tuple[int, ...], least_db: float = LEAST_DB) -> list[str]:
    """The module imported and as integers, each against what it was; the integer operations."""
    x = np.random.default_rng(0).standard_normal((24, *shape)).astype(np.float32)
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = microformer.load(module, example=x[:1])
    runner = FloatRunner(model)
    real = np.stack([runner(sample[None])[model.output_name] for sample in x]).astype(np.float64)
    with torch.no_grad():
        wanted = np.stack([module(torch.from_numpy(sample[None])).numpy() for sample in x])
    assert sqnr_db(wanted.reshape(real.shape), real) > LEAST_IMPORT_DB
    graph = microformer.quantize(model, x, effort="low")
    levels: Array = evaluate(graph, quantized(graph, x))[graph.outputs[0]]
    qparams = graph.tensors[graph.outputs[0]].qparams
    assert qparams is not None
    assert sqnr_db(real, qparams.dequantize(levels).reshape(real.shape)) > least_db
    return [node.op.kind for node in graph.nodes]


ONE_VALUE: dict[str, Function] = {
    "leaky relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "mish": F.mish,
    "log sigmoid": F.logsigmoid,
    "exp": torch.exp,
    "log": lambda t: torch.log(t.abs() + 0.1),
    "sqrt": lambda t: torch.sqrt(t.abs()),
    "square": lambda t: t * t,
    "cube": lambda t: t**3,
    "abs": torch.abs,
    "reciprocal": lambda t: 1 / (t.abs() + 1),
    "sin": torch.sin,
    "cos": torch.cos,
    "neg": lambda t: -t,
    "where": lambda t: torch.where(t > 0, t, 0.2 * t),
    "tanh shrink": F.tanhshrink,
}


@pytest.mark.parametrize("name", ONE_VALUE)
def test_a_function_of_one_value_is_a_table_of_the_layer_before(name: str) -> None:
    torch.manual_seed(0)
    kinds = check(Between(ONE_VALUE[name]), SEQUENCE)
    if name != "neg":  # a factor, which goes into the weights
        assert kinds == ["Linear", "Linear"]


STEPS: dict[str, Function] = {
    "sign": torch.sign,
    "floor": torch.floor,
    "round": torch.round,
    "greater": lambda t: (t > 0.3).float(),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_function_with_jumps_is_a_table_too(name: str) -> None:
    """A value near a jump falls on its other side: the error is that of the function."""
    torch.manual_seed(0)
    assert check(Between(STEPS[name]), SEQUENCE, least_db=6.0) == ["Linear", "Linear"]


def _assigned(t: Tensor) -> Tensor:
    made = t.clone()
    made[:, 1:3, ::2] = made[:, 0:2, 1::2] * 2
    return made


ROWS: dict[str, Function] = {
    "difference": lambda t: t - t.roll(1, -1),
    "maximum": lambda t: torch.maximum(t, t.roll(1, -1)),
    "minimum": lambda t: torch.minimum(t, t.roll(3, 1)),
    "division": lambda t: t / (1 + t.roll(1, 1).abs()),
    "sum over rows": lambda t: t.sum(1, keepdim=True) + t,
    "max over rows": lambda t: t.amax(1, keepdim=True) + t,
    "max over channels": lambda t: t.amax(-1, keepdim=True) * t,
    "min over channels": lambda t: t.amin(2, keepdim=True) * t,
    "log softmax": lambda t: F.log_softmax(t, -1),
    "log of a sum of powers": lambda t: t.logsumexp(-1, keepdim=True) + t,
    "unit rows": lambda t: F.normalize(t, dim=-1),
    "unit columns": lambda t: F.normalize(t, dim=1),
    "length": lambda t: t.norm(dim=-1, keepdim=True) * t,
    "flip": lambda t: t.flip(1).flip(-1),
    "roll": lambda t: t.roll(3, -1),
    "expand": lambda t: t[:, :1].expand(1, 6, 16),
    "tile": lambda t: t[:, :2].repeat(1, 3, 1),
    "cumulative sum": lambda t: t.cumsum(1),
    "picked rows": lambda t: t[:, [0, 3, 3, 1, 5, 2]],
    "triangle": torch.tril,
    "constant mask": lambda t: torch.where(torch.arange(16) > 7, t, torch.tensor(0.5)),
    "softmax by hand": lambda t: t.exp() / t.exp().sum(-1, keepdim=True),
    "constant on the left": lambda t: torch.ones(6, 6) @ t,
    "mean of several": lambda t: (t + t.flip(1) + t.flip(2)) / 3,
    "assigned slice": _assigned,
    "heads of their own": lambda t: (
        (t.reshape(1, 6, 2, 8).transpose(1, 2) @ torch.linspace(-1, 1, 128).reshape(2, 8, 8))
        .transpose(1, 2)
        .reshape(1, 6, 16)
    ),
    "sum of products": lambda t: (t[:, :, None] * t[:, None]).sum(-1) @ torch.ones(6, 16),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_works_on_rows(name: str) -> None:
    torch.manual_seed(0)
    check(Between(ROWS[name]), SEQUENCE)


IMAGES: dict[str, Callable[[], nn.Module]] = {
    "group norm": lambda: nn.GroupNorm(4, 8),
    "instance norm": lambda: nn.InstanceNorm2d(8, affine=True),
    "reflect": lambda: nn.ReflectionPad2d(2),
    "replicate": lambda: nn.ReplicationPad2d(1),
    "constant pad": lambda: nn.ConstantPad2d(1, 0.7),
    "nearest": lambda: nn.Upsample(scale_factor=2),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "bicubic": lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
    "transposed": lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1),
    "transposed, whole blocks": lambda: nn.ConvTranspose2d(8, 8, 2, 2),
    "transposed, groups": lambda: nn.ConvTranspose2d(8, 8, 3, 2, 1, 1, groups=4),
    "pixel shuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(2, 8, 1)),
    "prelu": lambda: nn.PReLU(8),
    "unit channels": lambda: Called(lambda t: F.normalize(t, dim=1)),
    "unfold and fold": lambda: Called(lambda t: F.fold(F.unfold(t, 3, padding=1), (8, 8), 3, 1, 1)),
    "channel norm by hand": lambda: Called(
        lambda t: (
            (t - t.mean(1, keepdim=True))
            / torch.sqrt((t - t.mean(1, keepdim=True)).pow(2).mean(1, keepdim=True) + 1e-5)
        )
    ),
}


@pytest.mark.parametrize("name", IMAGES)
def test_what_works_on_images(name: str) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), IMAGES[name](), nn.Conv2d(8, 4, 1))
    check(module, IMAGE)


def test_frames_that_stand_in_the_batch_axis() -> None:
    torch.manual_seed(0)
    frames = Called(lambda t: t.transpose(0, 1))
    flat = Called(lambda t: t.flatten(1)[None])
    net = nn.Sequential(frames, nn.Conv2d(1, 6, 3, padding=1), nn.MaxPool2d(2), flat)
    check(nn.Sequential(net, nn.Linear(96, 5)), IMAGE)
    sound = nn.Sequential(frames, Called(lambda t: t.flatten(2)), nn.Conv1d(1, 6, 5, stride=2))
    check(nn.Sequential(sound, nn.ReLU(), flat, nn.Linear(180, 5)), IMAGE)


class Windows(nn.Module):
    """Attention in windows that stand in the batch axis: [1, 16, 16] -> [1, 16, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x.reshape(4, 4, 16)).reshape(4, 4, 3, 2, 8).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(1, 16, 16))  # type: ignore[no-any-return]


def test_windows_are_heads() -> None:
    torch.manual_seed(0)
    assert "Attention" in check(Windows(), (16, 16))


class FiveAxes(nn.Module):
    """The same with windows as an axis of their own, which torch's exporter has no form for."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            self.qkv(x.reshape(1, 4, 4, 16)).reshape(1, 4, 4, 3, 2, 8).permute(3, 0, 1, 4, 2, 5)
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(2, 3).reshape(1, 16, 16))  # type: ignore[no-any-return]


def test_windows_of_five_axes() -> None:
    torch.manual_seed(0)
    assert "Attention" in check(FiveAxes(), (16, 16))


class Positions(nn.Module):
    """Every BERT of today's transformers library: positions gathered from a constant table."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(128, 16), nn.Linear(16, 16)
        self.register_buffer("ids", torch.arange(128)[None].flip(1))
        self.ids: Tensor

    def forward(self, x: Tensor) -> Tensor:
        chosen = torch.gather(self.ids, 1, torch.arange(100, 106)[None])
        return self.out(x + self.table(chosen))  # type: ignore[no-any-return]


def test_a_gather_of_constants() -> None:
    torch.manual_seed(0)
    check(Positions(), SEQUENCE)
