"""Weights that are quantised alone: in blocks of few bits, or by Brevitas' and QONNX's Quant."""

import numpy as np
import onnx_ir as ir

from microformer.graph.tensor import Array
from microformer.load import edit
from microformer.load.check import refuse
from microformer.load.patterns.microsoft import given, optional, plus, put

_TO_NEAREST = ("ROUND", "HALF_EVEN")
QUANT = ("onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general")
"""The domains that Quant has."""


def constant(node: ir.Node, index: int, what: str) -> Array:
    """The data of input ``index``, folded or not yet; refused where there is none."""
    value = optional(node, index)
    data = edit.array_of(value)
    if data is None and value is not None and edit.producer(value, "Constant"):
        maker = value.producer()
        assert maker is not None
        data = (
            maker.attributes["value"].as_tensor().numpy() if "value" in maker.attributes else None
        )
    if data is None:
        raise refuse(node, f"its {what} must be constant")
    return np.asarray(data)


def _nibbles(packed: Array, bits: int, count: int) -> Array:
    """``count`` numbers of each row of bytes [..., B], the lowest bits first."""
    each = 8 // bits
    shifts = np.arange(each, dtype=np.uint8) * bits
    wide = (packed[..., None] >> shifts) & ((1 << bits) - 1)
    return np.asarray(wide.reshape(*packed.shape[:-1], -1)[..., :count])


def matmul_nbits(node: ir.Node) -> None:
    """Weights [N, blocks, bytes] of 2, 4 or 8 bits, each block of K with its scale."""
    k, n = (edit.int_attribute(node, name, 0) for name in ("K", "N"))
    bits, size = (
        edit.int_attribute(node, name, d) for name, d in (("bits", 4), ("block_size", 32))
    )
    if bits not in (2, 4, 8) or optional(node, 4) is not None:
        raise refuse(node, "weights of 2, 4 or 8 bits in the order of K are read")
    blocks = -(-k // size)
    packed = constant(node, 1, "weight").astype(np.uint8).reshape(n, blocks, -1)
    levels = _nibbles(packed, bits, size).reshape(n, blocks, size).astype(np.float64)
    scale = constant(node, 2, "scale").astype(np.float64).reshape(n, blocks, 1)
    zero: Array = np.full((n, blocks), float(1 << (bits - 1)))
    if optional(node, 3) is not None:
        stored = constant(node, 3, "zero point")
        zero = stored.astype(np.float64).reshape(n, -1)
        if stored.dtype == np.uint8:
            zero = _nibbles(stored.reshape(n, -1), bits, blocks).astype(np.float64)
    weight = ((levels - zero[..., None]) * scale).reshape(n, -1)[:, :k]
    edit.add_note(
        edit.graph_of(node),
        f"Weights of {bits} bits in blocks of {size} were read as their real values and are "
        "rounded to int8 anew, a scale a channel.",
    )
    right = edit.constant(node, np.ascontiguousarray(weight.T, np.float32))
    product = put(node, "MatMul", [given(node, 0), right])
    edit.replace(node.outputs[0], plus(node, product, optional(node, 5)))


def fake(node: ir.Node) -> None:
    """Quant(x, scale, zero point, bits) of Brevitas and QONNX: a pair, or constants rounded."""
    scale, zero, width = (constant(node, i, "scale, zero point and width") for i in (1, 2, 3))
    bits, signed = float(width.reshape(-1)[0]), edit.int_attribute(node, "signed", 1)
    narrow = edit.int_attribute(node, "narrow", 0)
    if width.size != 1 or bits != round(bits) or not 2 <= bits <= 8 or (zero != zero.round()).any():
        raise refuse(node, "it rounds to other than 2 to 8 whole bits")
    if str(node.attributes.get_string("rounding_mode", "ROUND")).upper() not in _TO_NEAREST:
        raise refuse(node, "it does not round to the nearest")
    value = optional(node, 0)
    known = edit.array_of(value) is not None or edit.producer(value, "Constant") is not None
    if known:
        data, step = constant(node, 0, "weight").astype(np.float64), scale.astype(np.float64)
        low = -(2 ** (bits - 1)) if signed else 0.0
        high = low + 2**bits - 1
        levels = np.clip(np.rint(data / step + zero), low + (narrow if signed else 0), high)
        full = np.broadcast_to(step, [1] * (data.ndim - step.ndim) + list(step.shape))
        real = edit.constant(node, (levels - zero) * step, grid=full)
        edit.replace(node.outputs[0], real)
        return
    if bits != 8 or scale.size != 1 or zero.size != 1 or narrow:
        raise refuse(node, "activations are read in 8 bits, all 256 levels, one scale a tensor")
    kind = np.int8 if signed else np.uint8
    step_value = edit.constant(node, scale.astype(np.float32).reshape(()))
    zero_value = edit.constant(node, zero.reshape(()).astype(kind))
    levels_value = put(node, "QuantizeLinear", [given(node, 0), step_value, zero_value])
    levels_value.dtype = ir.DataType.INT8 if signed else ir.DataType.UINT8
    real = put(node, "DequantizeLinear", [levels_value, step_value, zero_value])
    real.dtype = ir.DataType.FLOAT
    edit.replace(node.outputs[0], real)
