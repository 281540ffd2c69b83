"""The operations of an IntGraph: frozen attribute records, one class an op.

The reference semantics of each live in ``microformer.reference``; equation numbers are those of
docs/arithmetic.md. "Inputs" lists a node's inputs in order; names in [brackets] may be absent (an
empty string holds the place). Shapes have no batch axis. All activations are int8 unless said
otherwise, ``acc`` is int32, and "rows" stands for the product of all leading axes. ``bits`` is 16
where an operation writes an int16 residual stream; clamp8 is clamp16 then.
"""

from dataclasses import dataclass

from microformer.graph.op import Op as Op  # noqa: PLC0414 (mypy: handed on)
from microformer.graph.ops_audio import LogMel as LogMel  # noqa: PLC0414
from microformer.graph.ops_radar import RangeDoppler as RangeDoppler  # noqa: PLC0414
from microformer.graph.ops_recurrent import Gru as Gru  # noqa: PLC0414
from microformer.graph.ops_recurrent import Lstm as Lstm  # noqa: PLC0414
from microformer.graph.ops_recurrent import Recurrent as Recurrent  # noqa: PLC0414


@dataclass(frozen=True)
class Linear(Op):
    """y = table[clamp8((x . w_c * mult_c + add_c) >> shift)], equations (1), (2), (6).

    Inputs: x [..., K], weight int8 [N, K], mult int32 [N], add int32 [N], [table int8 [256]].
    Output: [..., N]. ``acc64``: the 64-bit form (2w) in place of (2), with zero point ``zero``.
    """

    shift: int
    acc64: bool = False
    zero: int = 0
    bits: int = 8


@dataclass(frozen=True)
class Conv2d(Op):
    """Channel-last convolution, equations (1), (2), (6); padding holds ``pad_value`` = z_x.

    Inputs: x [H, W, C], weight int8 [N, KH, KW, C / groups], mult int32 [N], add int32 [N],
    [table int8 [256]]. Output: [OH, OW, N]. ``pads`` is (top, left, bottom, right). A 1-D
    convolution has H = KH = 1. ``acc64`` and ``zero`` as of Linear.
    """

    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    pad_value: int
    shift: int
    acc64: bool = False
    zero: int = 0


@dataclass(frozen=True)
class ConvPool(Op):
    """``conv``, then the maximum over windows that lie wholly inside its map.

    Made by ``lower`` where a kernel does it without the map between. Inputs: as of Conv2d.
    Output: [OH, OW, N], floor as of MaxPool2d without padding.
    """

    conv: Conv2d
    kernel: tuple[int, int]
    stride: tuple[int, int]

    @property
    def pool(self) -> "MaxPool2d":
        """What comes behind the convolution."""
        return MaxPool2d(self.kernel, self.stride, (0, 0, 0, 0))


@dataclass(frozen=True)
class LutExp:
    """The exponential of a score's distance from its row's maximum by a LUT, equation (3a).

    The index is (distance * mult + 2^(shift-1)) >> shift, of a uint8 [256] that is an operand.
    """

    mult: int
    shift: int


@dataclass(frozen=True)
class IbertExp:
    """The same by I-BERT's polynomial, equation (4), all in units of 2^preshift scores."""

    preshift: int
    ln2: int
    b: int
    c: int
    shift: int


Exponential = LutExp | IbertExp


@dataclass(frozen=True)
class Attention(Op):
    """softmax(q k^T) v a head, streamed by query rows, equations (3) and (4).

    Inputs: q [Sq, H*P] (zero point 0), k [Sk, KVH*P], v [Sk, KVH*PV], [lut uint8 [256]],
    [bias int32 [1 or H, Sq, Sk] in units of s_q s_k, MASKED where a position is left out].
    Output: [Sq, H*PV]. Query head h reads key/value head h // (H / KVH).

    Only a LutExp reads lut. The rest is equation (3c): M = out_mult, t = out_shift, rounding
    constant out_round, zero point out_zero; a wholly masked row gives masked_value.
    """

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    causal: bool
    exponential: Exponential
    out_mult: int
    out_shift: int
    out_round: int
    out_zero: int
    masked_value: int


@dataclass(frozen=True)
class AttentionBlock(Op):
    """Self-attention with its projections: Linear to q, k and v, ``attention``, Linear.

    Made by ``lower`` where a kernel does all of it head by head. Inputs: x [S, E]; weight, mult
    and add of each projection (as of Linear) to q, k, v and from the context, 12 in all;
    [lut uint8 [256]], [bias int32 [1 or H, S, S]]. Output: [S, N]. ``shifts`` are those of the
    projections to q, k, v; ``shift`` is that of the last.
    """

    attention: Attention
    shifts: tuple[int, int, int]
    shift: int


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over the last axis, equation (11): the probabilities of (3) or (4), normalised.

    Inputs: x [..., N], [lut uint8 [256]]. Output: [..., N], scale 1/256, zero point -128.
    """

    exponential: Exponential


@dataclass(frozen=True)
class ArgMax(Op):
    """The place of the largest value of the last axis, the first of several: equation (17).

    Inputs: x [..., N]. Output: int32 [...], [1] where x has one axis.
    """

    @property
    def bits(self) -> int:
        """Of the output's type."""
        return 32


@dataclass(frozen=True)
class FineSoftmax(Op):
    """Softmax over the last axis at any output scale, equation (11f): imported models' own.

    Inputs: x [..., N], table int32 [256] (2^20 exp(-d s_x) at a distance d). Output: [..., N] of
    zero point ``zero``; ``numerator`` is C = round(2^40 / s_y).
    """

    numerator: int
    zero: int


@dataclass(frozen=True)
class MatMul(Op):
    """Matrix products of two activations, equations (1m), (2w).

    Inputs: a [..., M, K], b [..., K, N], or [..., N, K] if ``transposed``; the leading axes are
    equal. Output: [..., M, N]. ``zero_a``, ``zero_b`` and ``zero`` are zero points.
    """

    transposed: bool
    zero_a: int
    zero_b: int
    mult: int
    shift: int
    zero: int


@dataclass(frozen=True)
class LayerNorm(Op):
    """LayerNorm (rms=False) or RMSNorm (rms=True) over the last axis, equation (7).

    Inputs: x [..., N], mult int32 [N] (signed), add int32 [N]. Output: [..., N].
    ``eps`` is round(N^2 epsilon / s_x^2) >= 1, an unsigned 63-bit integer; ``frac`` is F, the
    fraction bits of the normalised value; ``zero_point`` is z_x (used by RMSNorm only). Where x or
    the output is int16 it is equation (7r).
    """

    rms: bool
    eps: int
    frac: int
    shift: int
    zero_point: int
    bits: int = 8


@dataclass(frozen=True)
class Add(Op):
    """y = clamp8((a * mult_a + b * mult_b + add) >> shift), equation (8); (8r) where one is int16.

    Inputs: a [...], b of the same shape, or of a trailing part of it (repeated over leading axes).
    """

    mult_a: int
    mult_b: int
    add: int
    shift: int
    bits: int = 8


@dataclass(frozen=True)
class Requantize(Op):
    """y = clamp8((x * mult + add) >> shift), equation (14). Inputs: x int16 [...]. Output: int8."""

    mult: int
    add: int
    shift: int


@dataclass(frozen=True)
class Mul(Op):
    """y = clamp8(((a - zero_a)(b - zero_b) * mult + add) >> shift), equation (9).

    Inputs: a [...], b of the same shape, or of a trailing part of it.
    """

    zero_a: int
    zero_b: int
    mult: int
    add: int
    shift: int


@dataclass(frozen=True)
class Lut(Op):
    """y = table[x + 128], equation (6). Inputs: x [...], table int8 [256]. Output: [...]."""


@dataclass(frozen=True)
class MaxPool2d(Op):
    """Maximum over windows, padding never wins. Inputs: x [H, W, C]. Output: [OH, OW, C]."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]


@dataclass(frozen=True)
class AvgPool2d(Op):
    """y = clamp8((sum * mult_n + add_n) >> shift), n the window's count of cells, equation (10).

    Inputs: x [H, W, C], mult int32 [KH*KW], add int32 [KH*KW] (row n-1 serves a count of n).
    Output: [OH, OW, C]. Padding cells are skipped; with ``include_pad`` they count and the one
    row KH*KW serves all windows, skipped cells adding ``pad_value`` = z_x each.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    include_pad: bool
    pad_value: int
    shift: int


@dataclass(frozen=True)
class Mean(Op):
    """y = clamp8((sum over axes * mult + add) >> shift), equation (10).

    Inputs: x [...]. ``axes`` are adjacent; they are dropped from the output's shape.
    """

    axes: tuple[int, ...]
    mult: int
    add: int
    shift: int


@dataclass(frozen=True)
class Concat(Op):
    """Inputs of one scale and zero point, joined along ``axis``. Constants are allowed."""

    axis: int


@dataclass(frozen=True)
class Slice(Op):
    """x[start:stop:step] along ``axis`` (step may be negative; stop is -1 for "past 0" then)."""

    axis: int
    start: int
    stop: int
    step: int


@dataclass(frozen=True)
class Reshape(Op):
    """The same bytes under another shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Transpose(Op):
    """Axes reordered: y.shape[i] = x.shape[perm[i]]. A copy, where no layout absorbs it."""

    perm: tuple[int, ...]


@dataclass(frozen=True)
class Embedding(Op):
    """y[s] = table[index[s]], equation (12).

    Inputs: index int32 [S], table int8 [V, E]. Output: [S, E]. An index outside 0..V-1 is clamped
    to the nearest row. One of both is constant: the table of an embedding; or the index, which
    moves rows of an activation where no Slice or Transpose does.
    """


MASKED = -(2**31)
"""Value in an attention bias that leaves a position out altogether (probability 0)."""
