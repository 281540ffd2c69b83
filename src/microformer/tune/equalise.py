"""Cross-layer equalisation: scales moved between layers so that channels are alike.

The float function stays; what changes is how well one scale a tensor serves all its channels. Into
the weights of a norm: Xiao et al., SmoothQuant, 2023, equation 4. Between two Linears: Nagel et
al., Data-free quantization, 2019, section 4.1. Values through attention are linear in V, so their
channels move from the value projection to the output projection.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.analysis.float_run import FloatRunner
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array

_NORMS = {"LayerNormalization", "RMSNormalization"}


@dataclass(frozen=True, eq=False)
class Site:
    """A tensor whose channels may be scaled: by whom they are made, and which Linears read them."""

    name: str
    maker: ir.Node
    readers: tuple[ir.Node, ...]


def _constant(value: ir.Value | None) -> bool:
    """A weight that may be scaled: of one reader only, or all zeros (absent biases share one)."""
    if value is None or value.const_value is None:
        return False
    return len(tuple(value.uses())) == 1 or not _data(value).any()


def _readers(model: FloatModel, value: ir.Value) -> tuple[ir.Node, ...]:
    """All nodes that read a value, none if it is the model's result."""
    if value.name in model.output_names:
        return ()
    return tuple(use.node for use in value.uses())


def sites(model: FloatModel) -> Iterator[Site]:
    """All places of ``model`` where a scale for each channel can be moved."""
    for node in model.model.graph:
        if node.op_type not in {*_NORMS, "Linear"}:
            continue
        if not all(_constant(v) for v in node.inputs[1:] if v is not None):
            continue
        result = node.outputs[0]
        readers = _readers(model, result)
        if node.op_type == "Linear" and len(readers) == 1:
            (middle,) = readers
            if middle.op_type == "Relu" or _carries_value(middle, result):
                readers = _readers(model, middle.outputs[0])
        elif node.op_type == "Linear":
            continue
        if readers and all(r.op_type == "Linear" and _constant(r.inputs[1]) for r in readers):
            yield Site(str(result.name), node, readers)


def _carries_value(attention: ir.Node, value: ir.Value) -> bool:
    """Whether ``value`` is V of an attention with a head of its own for every query head."""
    if attention.op_type != "Attention":
        return False
    heads = attention.attributes.get_int("q_num_heads", 1)
    own = attention.attributes.get_int("kv_num_heads", heads) == heads
    return own and attention.inputs[2] is value and attention.inputs[0] is not value


def channel_peaks(model: FloatModel, x: Array) -> dict[str, NDArray[np.float64]]:
    """Largest magnitude of every channel (last axis) of every site's tensor over samples x."""
    names = [site.name for site in sites(model)]
    runner = FloatRunner(model, keep=True)
    peaks: dict[str, NDArray[np.float64]] = {}
    for sample in x:
        values = runner(sample[None])
        for name in names:
            flat = np.abs(values[name]).reshape(-1, values[name].shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, 0.0), flat.astype(np.float64))
    return peaks


def equalised(
    model: FloatModel, site: Site, peak: NDArray[np.float64], alpha: float
) -> dict[str, Array]:
    """New constants by name: channel j of the tensor is 1 / s_j of what it was, its readers s_j.

    s_j = max|X_j|^alpha / max|W_j|^(1 - alpha), divided by its geometric mean.
    """
    weights = [_data(reader.inputs[1]) for reader in site.readers]
    reading = np.maximum.reduce([np.abs(w).max(axis=0) for w in weights]).astype(np.float64)
    usable = (peak > 0) & (reading > 0)
    if not usable.any():
        return {}
    scale = np.ones_like(peak)
    scale[usable] = peak[usable] ** alpha / reading[usable] ** (1.0 - alpha)
    scale[usable] /= np.exp(np.log(scale[usable]).mean())
    scale = np.clip(scale, 1e-3, 1e3)
    changed: dict[str, Array] = {}
    for value in site.maker.inputs[1:]:
        if value is None:
            continue
        data = _data(value)
        if site.maker.op_type in _NORMS:
            data = np.broadcast_to(data.reshape(-1), scale.shape)
            changed[str(value.name)] = (data / scale).astype(np.float32)
        else:  # a Linear's weight [N, K] and bias [N]: its rows are the channels
            rows = scale.reshape(-1, *(1,) * (data.ndim - 1))
            changed[str(value.name)] = (data / rows).astype(np.float32)
    for reader, weight in zip(site.readers, weights, strict=True):
        changed[str(reader.inputs[1].name)] = (weight * scale).astype(np.float32)  # type: ignore[union-attr]
    return changed


def _data(value: ir.Value | None) -> Array:
    assert value is not None and value.const_value is not None
    return np.asarray(value.const_value.numpy())
