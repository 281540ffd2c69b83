"""Converters of the layers with weights: Linear, Conv, Attention, norms."""

import numpy as np
import onnx_ir as ir

from microformer.errors import ModelError
from microformer.graph.ops import (
    MASKED,
    Attention,
    Conv2d,
    LayerNorm,
    Linear,
    MatMul,
    Reshape,
    Transpose,
)
from microformer.graph.tensor import Array, QParams
from microformer.quantize.context import Context
from microformer.quantize.convert_columns import split_levels, with_columns
from microformer.quantize.imported import (
    acc64_integers,
    imported_integers,
    imported_weight,
)
from microformer.quantize.scales import (
    LinearIntegers,
    context_integers,
    exponential,
    linear_integers,
    symmetric,
)
from microformer.quantize.source import (
    constant_of,
    full_shape,
    integer,
    ints,
    real,
    required_constant,
    value_name,
    weights_key,
)
from microformer.reference.conv import output_size
from microformer.reference.layernorm import H_LIMIT, half_bits
from microformer.reference.requantize import INT32_LIMIT
from microformer.reference.softmax import exponential_lut

_MASKING_LOGIT = -1.0e4  # exporters write -1e4 .. -inf for "leave this out"


def stored(
    c: Context, node: ir.Node, integers: LinearIntegers, name: str = ""
) -> tuple[str, str, str]:
    """Store weight, mult, add, once for all layers of one weight; note coarse multipliers.

    ``name`` is that of rows of the layer, where it is not whole.
    """
    name = name or node.name or value_name(node.outputs[0])
    wanted: dict[str, Array] = {
        "weight": integers.weight,
        "mult": integers.mult,
        "add": integers.add,
    }
    known = c.weights.get(weights_key(node), ("", "", ""))
    same = [
        bool(part) and np.array_equal(np.asarray(c.builder.tensors[part].data), data)
        for part, data in zip(known, wanted.values(), strict=True)
    ]
    if all(same):
        return known
    if integers.coarse_channels:
        c.builder.notes.append(
            f"Layer '{name}' has {integers.coarse_channels} channels whose multiplier is below 8, "
            "so their scale is coarse: their weights are far smaller than the others'."
        )
    weight, mult, add = (
        part if found else c.builder.constant(f"{name}.{kind}", data)
        for found, part, (kind, data) in zip(same, known, wanted.items(), strict=True)
    )
    c.weights[weights_key(node)] = weight, mult, add
    return weight, mult, add


def bias_of(node: ir.Node, channels: int) -> Array:
    data = constant_of(node.inputs[2]) if len(node.inputs) > 2 else None
    return np.zeros(channels) if data is None else data.reshape(channels)


def linear(c: Context, node: ir.Node) -> None:
    """x [..., K] -> [..., N], equation (2)."""
    x = c.read(node.inputs[0])
    weight = required_constant(node, 1, "weight")  # [N, K]
    qparams = c.out(node.outputs[0])
    bias = bias_of(node, weight.shape[0])
    split = split_levels(c, node, weight)
    if split is not None:
        x, given = with_columns(c, node, x, *split)
        integers = imported_integers(*given, bias, c.qparams(x), qparams, str(node.name))
    else:
        integers = _integers(c, node, weight, bias, c.qparams(x))
    zero = qparams.zero_point if integers.acc64 else 0
    op = Linear(integers.shift, integers.acc64, zero, qparams.bits)
    c.write(node, op, (x, *stored(c, node, integers)))


def _integers(c: Context, node: ir.Node, weight: Array, bias: Array, x: QParams) -> LinearIntegers:
    """Imported weights as they are where int8 holds them; else equation (2)'s own."""
    out, grid = c.out(node.outputs[0]), c.grid(node.inputs[1])
    if grid is not None:
        given = imported_weight(weight, grid.reshape(weight.shape[0], -1))
        if given is not None:
            return imported_integers(*given, bias, x, out, str(node.name))
        c.builder.notes.append(
            f"Layer '{node.name}': the file's weights have a zero point or steps that differ "
            "inside a channel, so they are rounded anew to symmetric int8 by channel."
        )
    return linear_integers(weight, bias, x, out, str(node.name))


def matmul(c: Context, node: ir.Node) -> None:
    """a [..., M, K], b [..., K, N] -> [..., M, N], equations (1m) and (2w)."""
    a, b = c.read(node.inputs[0]), c.read(node.inputs[1])
    out, (qa, qb) = c.scales[value_name(node.outputs[0])], (c.qparams(a), c.qparams(b))
    ratio = qa.scale * qb.scale / out.scale
    mult, shift = acc64_integers(np.array([ratio]), 255 * 255 * c.shape(a)[-1])
    op = MatMul(False, qa.zero_point, qb.zero_point, int(mult[0]), shift, out.zero_point)
    c.write(node, op, (a, b))


def conv(c: Context, node: ir.Node) -> None:
    """x [C, H, W] or [C, L]: to channel-last, Conv2d, and back; the layout pass drops both."""
    x = c.read(node.inputs[0])
    weight = required_constant(node, 1, "weight")  # [N, C/G, KH, KW] or [N, C/G, KW]
    one_dimensional = weight.ndim == 3
    spatial = weight.ndim - 2
    stride, dilation = ints(node, "strides", [1] * spatial), ints(node, "dilations", [1] * spatial)
    pads = ints(node, "pads", [0] * 2 * spatial)
    if one_dimensional:
        weight, stride, dilation = weight[:, :, None], (1, *stride), (1, *dilation)
        pads = (0, pads[0], 0, pads[1])
    kernel = np.ascontiguousarray(weight.transpose(0, 2, 3, 1))  # [N, KH, KW, C/G]
    qparams, out = c.qparams(x), c.scales[value_name(node.outputs[0])]
    bias = bias_of(node, weight.shape[0])
    shape = c.shape(x)
    image = c.reshaped(x, (shape[0], 1, shape[1])) if one_dimensional else x
    channels, height, width = c.shape(image)
    name = node.name or value_name(node.outputs[0])
    last = (height, width, channels)
    image = c.step(f"{name}.to_hwc", Transpose((1, 2, 0)), (image,), last, qparams)
    split = split_levels(c, node, kernel)
    if split is not None:
        image, given = with_columns(c, node, image, *split)
        integers = imported_integers(*given, bias, qparams, out, str(node.name))
    else:
        integers = _integers(c, node, kernel, bias, qparams)
    op = Conv2d(
        stride=(stride[0], stride[1]),
        pads=(pads[0], pads[1], pads[2], pads[3]),
        dilation=(dilation[0], dilation[1]),
        groups=integer(node, "group", 1),
        pad_value=qparams.zero_point,
        shift=integers.shift,
        acc64=integers.acc64,
        zero=out.zero_point if integers.acc64 else 0,
    )
    oh, ow = output_size((height, width), kernel.shape[1:3], op.stride, op.pads, op.dilation)
    size = (oh, ow, weight.shape[0])
    inputs = (image, *stored(c, node, integers))
    result = c.step(name, op, inputs, size, out)
    if one_dimensional:
        first = (size[2], size[0], size[1])
        result = c.step(f"{name}.to_chw", Transpose((2, 0, 1)), (result,), first, out)
        c.write(node, Reshape((size[2], size[1])), (result,))
    else:
        c.write(node, Transpose((2, 0, 1)), (result,))


def _mask_integers(mask: Array, unit: float, rows: int, columns: int) -> Array:
    """Additive float mask -> int32 [1 or H, Sq, Sk] in units of s_q s_k / sqrt(P)."""
    shaped = mask.reshape((1,) * (3 - mask.ndim) + mask.shape) if mask.ndim < 3 else mask
    shaped = shaped.reshape(shaped.shape[-3:])
    left_out = shaped <= _MASKING_LOGIT
    levels = np.floor(np.where(left_out, 0.0, shaped) / unit + 0.5)
    if np.abs(levels).max(initial=0.0) >= 2**29:
        raise ModelError(
            "An attention mask adds a value too large for 32 bits and yet not a masking one "
            f"(largest {np.abs(np.where(left_out, 0, shaped)).max():.3g}); use -inf to mask."
        )
    integers = np.where(left_out, MASKED, levels).astype(np.int32)
    return np.broadcast_to(integers, (integers.shape[0], rows, columns))


def attention(c: Context, node: ir.Node) -> None:
    """q [Sq, H*P], k [Sk, KVH*P], v [Sk, KVH*PV] -> [Sq, H*PV], equations (3) and (4)."""
    q, k, v = (_rows(c, node, index) for index in range(3))
    q = c.requantized(q, _symmetric(c.qparams(q)))
    heads = integer(node, "q_num_heads", 1)
    kv_heads = integer(node, "kv_num_heads", heads)
    head_dim, value_dim = c.shape(q)[1] // heads, c.shape(v)[1] // kv_heads
    unit = c.qparams(q).scale * c.qparams(k).scale * real(node, "scale", head_dim**-0.5)
    out = c.scales[value_name(node.outputs[0])]
    mult, shift, rounding, zero = context_integers(c.qparams(v), out)
    op = Attention(
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        value_dim=value_dim,
        causal=bool(integer(node, "is_causal", 0)),
        exponential=exponential(c.softmax, unit, 2 * head_dim * 2**14),
        out_mult=mult,
        out_shift=shift,
        out_round=rounding,
        out_zero=zero,
        masked_value=out.zero_point,
    )
    lut = c.builder.table("softmax_lut", exponential_lut()) if c.softmax == "lut" else ""
    mask = constant_of(node.inputs[3]) if len(node.inputs) > 3 else None
    bias = ""
    if mask is not None:
        integers = _mask_integers(mask, unit, c.shape(q)[0], c.shape(k)[0])
        bias = c.builder.constant(f"{node.name}.bias", integers)
    c.write(node, op, (q, k, v, lut, bias))


def _symmetric(qparams: QParams) -> QParams:
    """The scale of zero point 0 that holds all that an imported one can."""
    low, high = qparams.low_high
    return qparams if qparams.zero_point == 0 else symmetric(low, high)


def _rows(c: Context, node: ir.Node, index: int) -> str:
    """Input ``index`` of an attention as [S, width]."""
    shape = full_shape(node.inputs[index])
    return c.reshaped(c.read(node.inputs[index]), (shape[-2], shape[-1]))


def norm(c: Context, node: ir.Node) -> None:
    """LayerNormalization or RMSNormalization over the last axis, equation (7)."""
    x = c.read_residual(node.inputs[0])
    out, name = c.out(node.outputs[0]), node.name or value_name(node.outputs[0])
    op, constants = normalised(c, node, x, out, name)
    c.write(node, op, (x, *constants))


def normalised(
    c: Context, node: ir.Node, x: str, out: QParams, name: str
) -> tuple[LayerNorm, tuple[str, str]]:
    """The operation that a norm is to the int tensor ``x``, and its constants, called ``name``."""
    qparams = c.qparams(x)
    n = c.shape(x)[-1]
    gamma = np.broadcast_to(required_constant(node, 1, "scale").astype(np.float64), (n,))
    beta = np.broadcast_to(bias_of(node, n).astype(np.float64), (n,))
    epsilon = real(node, "epsilon", 1e-5)
    frac = 15 - half_bits(n)
    mult, add, shift = _norm_integers(gamma, beta, out, frac, str(node.name))
    eps = max(1, min(int(n * n * epsilon / qparams.scale**2 + 0.5), 2**61))
    rms = node.op_type == "RMSNormalization"
    op = LayerNorm(rms, eps, frac, shift, qparams.zero_point, out.bits)
    return op, (
        c.builder.constant(f"{name}.mult", mult),
        c.builder.constant(f"{name}.add", add),
    )


def _norm_integers(
    gamma: Array, beta: Array, out: QParams, frac: int, where: str
) -> tuple[Array, Array, int]:
    """Equation (7d): signed mult [N], add [N] and shift, the largest that 32 bits allow."""
    for shift in range(30, 0, -1):
        mult = np.floor(gamma / out.scale * 2.0 ** (shift - frac) + 0.5)
        add = np.floor(beta / out.scale * 2.0**shift + 0.5)
        add += out.zero_point * 2.0**shift + 2.0 ** (shift - 1)
        if (H_LIMIT * np.abs(mult) + np.abs(add)).max() < INT32_LIMIT:
            return mult.astype(np.int32), add.astype(np.int32), shift
    raise ModelError(
        f"Norm '{where}' has weights too large for its output range; check the samples' scaling."
    )
