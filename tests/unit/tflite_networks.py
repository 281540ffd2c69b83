"""int8 TFLite files after the structure of what people deploy, each tensor of a scale of its own.

Written by the test writer: keyword spotting by depthwise-separable convolutions, a linear
bottleneck with a residual, an image net with an average-pool head, one-dimensional streaming.
"""

from collections.abc import Callable

import numpy as np

from microformer.graph.tensor import QParams
from tests.unit.tflite_writer import TfliteWriter

SAME, VALID = 0, 1


class Net:
    """A file being written: each method adds one layer and gives its output tensor."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.writer = TfliteWriter()
        self._rng = np.random.default_rng(7)
        self._shapes: dict[int, tuple[int, ...]] = {}
        self._quants: dict[int, QParams] = {}
        self.input = self._activation(shape, QParams(0.04, -5))
        self.tensors, self.flattened = 1, 0

    def _activation(self, shape: tuple[int, ...], qparams: QParams) -> int:
        index = self.writer.activation(f"t{len(self._shapes)}", shape, qparams)
        self._shapes[index], self._quants[index] = shape, qparams
        self.tensors = len(self._shapes)
        return index

    def _output(self, shape: tuple[int, ...], act: int, like: int | None = None) -> int:
        """A new activation; a clamped one begins at zero; ``like``: of another's scale."""
        if like is not None:
            return self._activation(shape, self._quants[like])
        scale = float(
            self._rng.uniform(0.015, 6 / 255) if act == 3 else self._rng.uniform(0.03, 0.06)
        )
        return self._activation(
            shape, QParams(scale, -128 if act else int(self._rng.integers(-9, 9)))
        )

    def _weights(self, x: int, shape: tuple[int, ...], axis: int, fan: int) -> tuple[int, int]:
        count = shape[axis]
        scales = self._rng.uniform(0.7, 1.3, count) * 0.012 / np.sqrt(fan)
        levels = self._rng.integers(-127, 128, shape).astype(np.int8)
        name = f"w{len(self._shapes)}"
        weight = self.writer.tensor(name, shape, "int8", levels, scales, 0, axis)
        bias = self._rng.integers(-900, 900, count).astype(np.int32)
        steps = self._quants[x].scale * scales
        return weight, self.writer.tensor(f"{name}.bias", (count,), "int32", bias, steps, 0)

    def conv(
        self,
        x: int,
        channels: int,
        kernel: tuple[int, int],
        *,
        stride: int = 1,
        act: int = 0,
        padding: int = SAME,
    ) -> int:
        """CONV_2D; ``act`` 1 is a fused ReLU, 3 a ReLU6, 0 none."""
        n, h, w, c = self._shapes[x]
        fan = kernel[0] * kernel[1] * c
        weight, bias = self._weights(x, (channels, *kernel, c), 0, fan)
        size = _sizes((h, w), kernel, stride, padding)
        y = self._output((n, *size, channels), act)
        options = _conv_options(stride, act, padding)
        self.writer.operator("CONV_2D", [x, weight, bias], [y], "Conv2DOptions", **options)
        return y

    def depthwise(
        self, x: int, kernel: tuple[int, int], *, stride: int = 1, act: int = 0, padding: int = SAME
    ) -> int:
        """DEPTHWISE_CONV_2D of multiplier 1."""
        n, h, w, c = self._shapes[x]
        weight, bias = self._weights(x, (1, *kernel, c), 3, kernel[0] * kernel[1])
        y = self._output((n, *_sizes((h, w), kernel, stride, padding), c), act)
        options = _conv_options(stride, act, padding) | {"DepthMultiplier": 1}
        inputs = [x, weight, bias]
        self.writer.operator("DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2DOptions", **options)
        return y

    def add(self, a: int, b: int) -> int:
        """ADD of two activations."""
        y = self._output(self._shapes[a], 0)
        self.writer.operator("ADD", [a, b], [y], "AddOptions", FusedActivationFunction=0)
        return y

    def pool(self, kind: str, x: int, kernel: tuple[int, int]) -> int:
        """AVERAGE_POOL_2D or MAX_POOL_2D without overlap; the scale stays."""
        n, h, w, c = self._shapes[x]
        y = self._output((n, h // kernel[0], w // kernel[1], c), 0, like=x)
        self.writer.operator(
            kind,
            [x],
            [y],
            "Pool2DOptions",
            Padding=VALID,
            StrideH=kernel[0],
            StrideW=kernel[1],
            FilterHeight=kernel[0],
            FilterWidth=kernel[1],
            FusedActivationFunction=0,
        )
        return y

    def mean(self, x: int) -> int:
        """MEAN over height and width."""
        n, _, _, c = self._shapes[x]
        axes = self.writer.tensor("axes", (2,), "int32", np.array([1, 2], np.int32))
        y = self._output((n, c), 0)
        self.writer.operator("MEAN", [x, axes], [y], "ReducerOptions", KeepDims=False)
        return y

    def flat(self, x: int) -> int:
        """RESHAPE to [1, -1]."""
        self.flattened += 1
        size = int(np.prod(self._shapes[x]))
        shape = self.writer.tensor(f"shape{x}", (2,), "int32", np.array([1, size], np.int32))
        y = self._output((1, size), 0, like=x)
        self.writer.operator("RESHAPE", [x, shape], [y], "ReshapeOptions", NewShape=[1, size])
        return y

    def dense(self, x: int, count: int, act: int = 0) -> int:
        """FULLY_CONNECTED."""
        n, c = self._shapes[x]
        weight, bias = self._weights(x, (count, c), 0, c)
        y = self._output((n, count), act)
        options = {"KeepNumDims": False, "FusedActivationFunction": act}
        inputs = [x, weight, bias]
        self.writer.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", **options)
        return y

    def softmax(self, x: int) -> int:
        """SOFTMAX at TFLite's own scale."""
        y = self._activation(self._shapes[x], QParams(1 / 256, -128))
        self.writer.operator("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=1.0)
        return y

    def file(self, y: int) -> bytes:
        """The bytes of the file that ends in tensor ``y``."""
        return self.writer.build([self.input], [y])


def _sizes(
    size: tuple[int, int], kernel: tuple[int, int], stride: int, padding: int
) -> tuple[int, int]:
    if padding == SAME:
        a, b = (-(-s // stride) for s in size)
    else:
        a, b = ((s - k) // stride + 1 for s, k in zip(size, kernel, strict=True))
    return a, b


def _conv_options(stride: int, act: int, padding: int) -> dict[str, int]:
    options = {"Padding": padding, "StrideH": stride, "StrideW": stride}
    options |= {"DilationHFactor": 1, "DilationWFactor": 1}
    return options | {"FusedActivationFunction": act}


def keywords() -> tuple[Net, int]:
    """A stem and four depthwise-separable blocks with ReLU, average pool, dense, softmax."""
    net = Net((1, 25, 10, 1))
    x = net.conv(net.input, 16, (10, 4), stride=2, act=1)
    for _ in range(4):
        x = net.conv(net.depthwise(x, (3, 3), act=1), 16, (1, 1), act=1)
    x = net.flat(net.pool("AVERAGE_POOL_2D", x, (13, 5)))
    return net, net.softmax(net.dense(x, 12))


def bottlenecks() -> tuple[Net, int]:
    """Inverted residuals: expansion with ReLU6, depthwise, linear projection, sum; mean head."""
    net = Net((1, 16, 16, 3))
    x = net.conv(net.input, 8, (3, 3), stride=2, act=3)
    x = net.conv(net.depthwise(x, (3, 3), act=3), 8, (1, 1))  # a linear projection
    for _ in range(2):
        y = net.conv(x, 24, (1, 1), act=3)
        y = net.conv(net.depthwise(y, (3, 3), act=3), 8, (1, 1))
        x = net.add(x, y)
    x = net.conv(net.conv(x, 24, (1, 1)), 8, (1, 1))  # linear into linear
    return net, net.dense(net.mean(x), 10)


def residual() -> tuple[Net, int]:
    """A small residual image net with pools of both kinds, read without a ReLU between."""
    net = Net((1, 16, 16, 3))
    x = net.conv(net.input, 8, (3, 3), act=1)
    y = net.conv(net.conv(x, 8, (3, 3), act=1), 8, (3, 3))
    x = net.add(x, y)
    x = net.conv(net.pool("MAX_POOL_2D", net.conv(x, 16, (3, 3)), (2, 2)), 16, (1, 1))
    x = net.conv(net.pool("AVERAGE_POOL_2D", x, (2, 2)), 16, (3, 3))
    x = net.flat(net.pool("AVERAGE_POOL_2D", x, (4, 4)))
    return net, net.dense(net.dense(x, 16, act=1), 10)


def streaming() -> tuple[Net, int]:
    """One-dimensional: features of a time step in the channels, kernels along time only, no ReLU
    between depthwise and pointwise (a streaming wake word's mixed convolutions)."""
    net = Net((1, 30, 1, 20))
    x = net.conv(net.input, 16, (3, 1), act=1, padding=VALID)
    for length in (5, 7):
        x = net.depthwise(x, (length, 1), padding=VALID)
        x = net.conv(x, 16, (1, 1), act=1)
    x = net.conv(net.depthwise(x, (9, 1), padding=VALID), 16, (1, 1))
    x = net.flat(net.pool("AVERAGE_POOL_2D", x, (10, 1)))
    return net, net.dense(x, 2)


NETWORKS: dict[str, Callable[[], tuple[Net, int]]] = {
    "keywords": keywords,
    "bottlenecks": bottlenecks,
    "residual": residual,
    "streaming": streaming,
}
