"""What rounding the weights does to a layer's output, and less of it.

Both functions change float weights or biases so that ``quantize``, which rounds to nearest, gives
the integers that are wanted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.graph.conversion import Conversion
from microformer.graph.ops import Conv2d, Linear
from microformer.graph.tensor import Array, QParams

SWEEPS = 8


@dataclass(frozen=True, eq=False)
class Layer:
    """A Linear or Conv: its float node, its weights as rows, the grid of each, and its input.

    ``weight`` float64 [N, ...] in the float model's order, ``step`` [N] the weight scale of (2),
    ``inputs`` the real values that the integer layer reads, [rows, K] or [rows, C].
    """

    node: ir.Node
    weight: NDArray[np.float64]
    step: NDArray[np.float64]
    inputs: NDArray[np.float64]

    @property
    def error(self) -> NDArray[np.float64]:
        """Float weight minus stored weight, the weight's shape."""
        step = self.step.reshape(-1, *(1,) * (self.weight.ndim - 1))
        return self.weight - np.floor(self.weight / step + 0.5) * step


def layers(conversion: Conversion, values: dict[str, Array]) -> Iterator[Layer]:
    """Every Linear and Conv of a conversion whose weight is its own; ``values`` by int tensor."""
    graph = conversion.graph
    by_name = {node.name: node for node in graph.nodes}
    for node in conversion.model.model.graph:
        if node.op_type not in {"Linear", "Conv"}:
            continue
        weight = node.inputs[1]
        assert weight is not None and weight.const_value is not None
        if len(tuple(weight.uses())) != 1:
            continue
        steps = (by_name[name] for name in conversion.nodes[str(node.name)] if name in by_name)
        found = next((n for n in steps if isinstance(n.op, Linear | Conv2d)), None)
        if found is None or not isinstance(found.op, Linear | Conv2d):
            continue
        x, _, mult = (graph.tensors[name] for name in found.inputs[:3])
        y = graph.tensors[found.output].qparams
        if x.qparams is None or y is None or mult.data is None or x.data is not None:
            continue
        data = np.asarray(weight.const_value.numpy(), np.float64)
        rows = _real(x.qparams, values[x.name])
        grid = mult.data.astype(np.float64) * y.scale / (2.0**found.op.shift * x.qparams.scale)
        yield Layer(node, data, grid, rows)


def _real(qparams: QParams, levels: Array) -> NDArray[np.float64]:
    """Int values [B, ..., C] as real rows [B * ..., C]."""
    return qparams.dequantize(levels.reshape(-1, levels.shape[-1]))


def corrected_bias(layer: Layer) -> dict[str, Array]:
    """The bias with the mean of the error that rounded weights make taken back.

    Nagel et al., Data-free quantization, 2019, section 4.2: E[y] - E[y'] = (W - W') E[x]. Padding
    is taken for the mean. Empty where the layer has no bias of its own.
    """
    node = layer.node
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None or bias.const_value is None or len(tuple(bias.uses())) != 1:
        return {}
    mean = layer.inputs.mean(axis=0)  # [K] or [C]
    error = layer.error.reshape(*layer.error.shape[:2], -1).sum(axis=2)  # taps of a window
    if error.shape[1] != len(mean):  # groups: row n reads channels of its group
        depth, count = error.shape[1], len(mean) // error.shape[1]
        group = np.arange(len(error)) // (len(error) // count)
        shift = (error * mean.reshape(count, depth)[group]).sum(axis=1)
    else:
        shift = error @ mean
    data = np.asarray(bias.const_value.numpy())
    return {str(bias.name): (data + shift.reshape(data.shape)).astype(np.float32)}


def rounded_weight(layer: Layer) -> dict[str, Array]:
    """Weights on the grid, each up or down as the layer's output comes out best.

    AdaRound's task (Nagel et al., 2020, equation 13): the choice of floor or ceil that minimises
    e H e', H = x' x, e the weight error; solved by coordinate descent from the nearest, one
    column at a time over all rows, at most ``SWEEPS`` times. A row's largest weight stays as it is,
    since the grid hangs on it. Only for Linear.
    """
    if layer.node.op_type != "Linear":
        return {}
    step = layer.step[:, None]
    levels = np.floor(layer.weight / step + 0.5)
    other = levels + np.where(layer.weight >= levels * step, 1.0, -1.0)
    peak = np.abs(layer.weight).argmax(axis=1)
    free = np.abs(other) <= 127
    free[np.arange(len(peak)), peak] = False
    H = layer.inputs.T @ layer.inputs
    error = layer.weight - levels * step
    slope = error @ H  # [N, K]
    for _ in range(SWEEPS):
        flips = 0
        for k in range(H.shape[0]):
            change = (levels[:, k] - other[:, k]) * layer.step  # of the error, if flipped
            gain = 2.0 * change * slope[:, k] + change**2 * H[k, k]
            flip = free[:, k] & (gain < -1e-12)
            if not flip.any():
                continue
            levels[flip, k], other[flip, k] = other[flip, k], levels[flip, k]
            slope[flip] += change[flip, None] * H[k]
            flips += int(flip.sum())
        if not flips:
            break
    snapped = levels * step
    rows = np.arange(len(peak))
    snapped[rows, peak] = layer.weight[rows, peak]
    weight = layer.node.inputs[1]
    assert weight is not None
    return {str(weight.name): snapped.astype(np.float32)}
