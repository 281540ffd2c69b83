"""docs/arithmetic.md: its numbers, its bounds, and an equation for every one that is cited."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.cases as table
from microformer import reference
from microformer.errors import ArithmeticProofError
from microformer.graph import ops
from microformer.graph.tensor import Array, QParams
from microformer.quantize.scales import (
    accumulator_limits,
    add_integers,
    context_integers,
    ibert_exp,
    linear_integers,
)
from microformer.reference.attention import normalize
from microformer.reference.conv import conv2d
from microformer.reference.layernorm import H_LIMIT, half_bits, inverse_sqrt, normalize_exponent
from microformer.reference.proof import prove
from microformer.reference.recurrent import GATE_BITS, RECURRENT_LIMIT, curve, interpolated
from microformer.reference.softmax import exponential_lut, ibert_probabilities
from tests.cases import CASES, Case, as_bytes, bundle, bundle_inputs

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "arithmetic.md").read_text("utf-8")


def _headings(text: str) -> set[str]:
    return set(re.findall(r"^#+ \((\d+[a-z]?)\)", text, re.MULTILINE)) | {"2"}


def _cited(text: str) -> set[str]:
    lists = re.findall(r"[Ee]quations? ((?:\(\d+[a-z]?\)(?:, | and )?)+)", text)
    return {number for found in lists for number in re.findall(r"\d+[a-z]?", found)}


def test_every_cited_equation_is_written_out() -> None:
    cited: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in {".py", ".h", ".c"}:
            cited |= dict.fromkeys(_cited(path.read_text("utf-8")), path.name)
    assert len(cited) > 12
    missing = {n: where for n, where in cited.items() if n not in _headings(TEXT)}
    assert missing == {}
    assert _cited("see equations (1), (2) and (99)") - _headings(TEXT) == {"99"}


# (1), (2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_requantisation_is_exact(data: st.DataObject) -> None:
    """(2) equals the real product, rounded once, for the weights as they are stored."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    n, k = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40))
    weight = rng.normal(size=(n, k)) * 10.0 ** rng.uniform(-3, 2, (n, 1))
    if data.draw(st.booleans()):
        weight[0] = 0.0
    bias = rng.normal(size=n)
    x = QParams(float(10 ** rng.uniform(-3, 0)), int(rng.integers(-128, 128)))
    reach = np.abs(weight).sum(axis=1).max() * x.scale * 128 + 1e-3
    y = QParams(float(reach) / 200, int(rng.integers(-60, 60)))
    made = linear_integers(weight, bias, x, y, "here")
    assert made.mult.min() >= 1 and np.abs(made.weight.astype(int)).max() <= 127
    scale = made.mult * y.scale / (2.0**made.shift * x.scale)  # s_wc
    assert (np.abs(weight).max(axis=1) <= scale * 127 * (1 + 1e-12)).all()  # nothing clips
    q = rng.integers(-128, 128, (5, k))
    stored = made.weight * scale[:, None]
    real = (q - x.zero_point) * x.scale @ stored.T + bias
    exact = real / y.scale + y.zero_point
    got = (q @ made.weight.T.astype(int) * made.mult + made.add) >> made.shift
    # the one more rounding is the bias's, at 2^-shift
    assert np.abs(got - exact).max() <= 0.5 + 2.0**-made.shift + 1e-6
    limit = accumulator_limits(made.weight)
    assert (limit * made.mult + np.abs(made.add.astype(np.int64))).max() < 2**31


def test_accumulator_limits_are_reached() -> None:
    weight = np.array([[127, -127, 3], [1, 2, 4], [0, 0, 0]], np.int8)
    every = np.array(np.meshgrid(*[[-128, 127]] * 3)).reshape(3, -1).T
    np.testing.assert_array_equal(
        accumulator_limits(weight), np.abs(every @ weight.T.astype(int)).max(axis=0)
    )


def test_a_zero_channel_takes_one() -> None:
    made = linear_integers(np.zeros((2, 3)), np.zeros(2), QParams(1.0, 0), QParams(1.0, 0), "here")
    assert made.mult.tolist() == [1, 1] and not made.weight.any()


def test_the_layer_that_overflows_is_named() -> None:
    case = table.linear(2, 8, 3)
    mult = np.full(3, 2**30, np.int32)
    spoilt = Case("wild", case.op, (*case.operands[:2], mult, *case.operands[3:]))
    with pytest.raises(ArithmeticProofError, match="'wild' \\(Linear\\)"):
        prove(bundle([spoilt]))
    with pytest.raises(ArithmeticProofError, match="'here'"):
        linear_integers(np.ones((1, 4)), np.zeros(1), QParams(1.0, 0), QParams(1e-12, 0), "here")


# (3)


@pytest.mark.parametrize("depth", [1024, 1025, 1200])
def test_sums_of_a_convolution_are_exact_on_both_sides_of_float32(depth: int) -> None:
    """Odd sums near and above 2^24, which float32 holds only up to there."""
    op = ops.Conv2d((1, 1), (0, 0, 0, 0), (1, 1), 1, 0, 0)
    x, weight = np.full((1, 1, 1, depth), 127, np.int8), np.full((2, 1, 1, depth), 127, np.int8)
    weight[:, 0, 0, 0] = 1, -1
    total = x.astype(np.int64).reshape(-1) @ weight.astype(np.int64).reshape(2, -1).T
    one = np.ones(2, np.int32)
    got = conv2d(op, x, weight, one, (5 - total).astype(np.int32))
    assert got.reshape(-1).tolist() == [5, 5] and (depth < 1041 or total.min() > 2**24)


def test_the_table_of_exponentials() -> None:
    lut = exponential_lut()
    assert (lut[0], lut[254], lut[255]) == (255, 1, 0)
    assert (np.diff(lut.astype(int)) <= 0).all()


def test_the_bound_of_the_quotient() -> None:
    """|total' R| <= 128 M + M / 16 for every number of keys up to 65,793."""
    rng = np.random.default_rng(0)
    denom = np.concatenate([np.arange(1, 9000), rng.integers(9000, 255 * 65793, 60_000)])
    n = np.array([int(d).bit_length() for d in denom]) - 12
    shifted = np.where(n > 0, denom >> np.maximum(n, 0), denom << np.maximum(-n, 0))
    assert shifted.min() >= 2**11 and shifted.max() < 2**12
    for sign in (-1, 1):
        total = sign * 128 * denom
        moved = np.where(n > 0, total >> np.maximum(n, 0), total << np.maximum(-n, 0))
        for m in (1, 77_777, 2**24 - 1):
            assert (np.abs(moved) * (m // shifted) * 16 <= 128 * 16 * m + m).all()


def test_the_error_of_the_quotient() -> None:
    rng = np.random.default_rng(1)
    op = table.attention(2, 2, 1, 2).op
    assert isinstance(op, ops.Attention)
    denom = rng.integers(255, 255 * 197, (4000, 1))
    total = (rng.uniform(-120, 120, (4000, 1)) * denom).astype(np.int64)
    real = total / denom * op.out_mult / 2**op.out_shift
    offset = op.out_zero + (op.out_round - 2 ** (op.out_shift - 1)) / 2**op.out_shift
    exact = np.clip(real + offset, -128, 127)
    error = np.abs(normalize(op, total, denom) - exact)
    assert error.max() <= 0.5 + 128 * (2.0**-11 + 4096 / op.out_mult) + 0.01


def test_the_zero_points_fraction_is_kept() -> None:
    v, out = QParams(0.02, 37), QParams(0.0173, -11)
    mult, shift, rounding, zero = context_integers(v, out)
    offset = zero + (rounding - 2 ** (shift - 1)) / 2**shift
    assert offset == pytest.approx(out.zero_point - v.zero_point * v.scale / out.scale, abs=1e-5)
    assert 128 * mult + mult // 16 + rounding < 2**31


def _attention_sqnr(softmax: str, length: int) -> float:
    """SQNR in dB of attention on random q, k, v against float softmax of the same integers."""
    rng = np.random.default_rng(5)
    unit = 4.0 / (127 * 127 * 0.3 * math.sqrt(16))  # logits of standard deviation some 1.5
    case = table.attention(length, length, 2, 16, softmax=softmax, unit=unit)
    q, k, v = (rng.integers(-127, 128, (1, length, 32)).astype(np.int8) for _ in range(3))
    op = case.op
    assert isinstance(op, ops.Attention)
    lut = case.operands[3]
    got = reference.apply(op, q, k, v, lut if isinstance(lut, np.ndarray) else None)
    heads = [t.reshape(length, 2, 16).swapaxes(0, 1).astype(float) for t in (q, k, v)]
    logits = heads[0] @ heads[1].swapaxes(1, 2) * unit
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    context = (p / p.sum(axis=-1, keepdims=True) @ heads[2]).swapaxes(0, 1).reshape(length, 32)
    ratio = op.out_mult / 2**op.out_shift
    offset = op.out_zero + (op.out_round - 2 ** (op.out_shift - 1)) / 2**op.out_shift
    error = got[0] - (context * ratio + offset)
    inside = np.abs(context * ratio + offset) < 127
    signal = (context * ratio)[inside]
    return float(10 * np.log10((signal**2).sum() / (error[inside] ** 2).sum()))


def test_attention_is_close_to_float() -> None:
    assert _attention_sqnr("lut", 81) >= 30
    assert _attention_sqnr("ibert", 81) >= 20


# (4)


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_the_error_of_a_curve(function: str) -> None:
    """(15t): every argument, between the entries too."""
    p = np.arange(-(1 << 15), 1 << 15)
    x = p / 2.0**GATE_BITS
    exact = np.tanh(x) if function == "tanh" else 1.0 / (1.0 + np.exp(-x))
    made = interpolated(curve(function), p) / 2.0**15
    assert np.abs(made - exact).max() < 4e-4
    assert np.abs(np.diff(curve(function).astype(np.int64))).max() < 2**16


def test_no_value_of_a_gru_leaves_32_bits() -> None:
    assert RECURRENT_LIMIT == 32767 * 65534 + 2**14 < 2**31


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 0.003, 0.02, 0.7])
def test_i_exp(unit: float) -> None:
    found = ibert_exp(unit)
    assert found.b**2 + found.c < 2**31
    assert found.ln2 < found.b and 30 * found.ln2 < 2**26
    d = np.unique(np.linspace(0, 8 / unit, 5000).astype(np.int64))
    p = ibert_probabilities(d, found)
    assert 128 <= p[0] <= 255 and p.min() >= 0
    assert np.abs(p / p[0] - np.exp(-d * unit)).max() < 0.012


# (7)


def test_inverse_square_root() -> None:
    ends = [2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**32 - 1]
    d = np.concatenate([np.arange(2**30, 2**32, 7919), ends]).astype(np.int64)
    relative = inverse_sqrt(d) * np.sqrt(d.astype(float)) / 2.0**31 - 1
    assert np.abs(relative).max() < 2.0**-13


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**63 - 1))
def test_normalisation_of_the_spread(spread: int) -> None:
    e = int(normalize_exponent(np.array([spread], np.int64))[0])
    assert e == (32 - spread.bit_length()) // 2
    moved = spread << (2 * e) if e >= 0 else spread >> (-2 * e)
    assert 2**30 <= moved < 2**32


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 2000), st.integers(0, 2**20), st.sampled_from(["one", "two", "normal", "all"])
)
def test_no_value_of_layernorm_leaves_32_bits(n: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, n)
    if kind == "one":
        x = np.full(n, -128)
        x[0] = 127
    elif kind == "two":
        x = rng.choice([-128, 127], n)
    elif kind == "normal":
        x = rng.normal(0, 2, n).astype(int)
    u = n * x - x.sum()
    spread = int(n * (x * x).sum() - x.sum() ** 2) + 1
    e = (32 - spread.bit_length()) // 2
    g = max(0, half_bits(n) + 1 - e)
    d = spread << (2 * e) if e >= 0 else spread >> (-2 * e)
    reciprocal = (int(inverse_sqrt(np.array([d]))[0]) + ((1 << g) >> 1)) >> g
    s = 31 - e - (15 - half_bits(n)) - g
    assert 1 <= s <= 30
    largest = int(np.abs(u).max()) * reciprocal + (1 << (s - 1))
    assert largest < 2**31
    assert largest >> s <= H_LIMIT


@pytest.mark.parametrize("n", [2, 31, 64, 192, 1024])
def test_layernorm_is_close_to_float(n: int) -> None:
    case = table.layernorm(40, n, eps=1)
    rng = np.random.default_rng(n)
    x = rng.integers(-128, 128, (1, 40, n)).astype(np.int8)
    mult, add = (o for o in case.operands[1:] if isinstance(o, np.ndarray))
    op = case.op
    assert isinstance(op, ops.LayerNorm)
    got = reference.apply(op, x, mult, add)[0]
    wide = x[0].astype(float)
    centred = wide - wide.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1 / n**2)
    exact = (normal * 2.0**op.frac * mult + add) / 2.0**op.shift - 0.5
    inside = np.abs(exact) < 120
    error = (got - exact)[inside]
    assert np.abs(error).max() < 1.3  # half a step of rounding, and what is left of h


# (7r)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 32_511), st.integers(0, 2**20), st.sampled_from(["one", "two", "normal", "all"])
)
def test_no_value_of_a_norm_of_int16_leaves_32_bits(n: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-(2**15), 2**15, n)
    if kind == "one":
        x = np.full(n, -(2**15))
        x[0] = 2**15 - 1
    elif kind == "two":
        x = rng.choice([-(2**15), 2**15 - 1], n)
    elif kind == "normal":
        x = rng.normal(0, 2, n).astype(int)
    u = n * x - x.sum()
    eps = int(rng.choice([1, 2**61]))
    spread = n * int((x * x).sum()) - int(x.sum()) ** 2 + eps
    e = (32 - spread.bit_length()) // 2
    g = max(0, half_bits(n) + 1 - e)
    d = spread << (2 * e) if e >= 0 else spread >> (-2 * e)
    s = 31 - e - (15 - half_bits(n)) - g
    assert spread < 2**62 and g <= 24 and 1 <= s <= 30
    assert int(np.abs(u).max()) + ((1 << g) >> 1) < 2**31
    shifted = (int(np.abs(u).max()) + ((1 << g) >> 1)) >> g
    largest = shifted * int(inverse_sqrt(np.array([d]))[0]) + (1 << (s - 1))
    assert largest < 2**31
    assert largest >> s <= 2**15 + 2**3 + 2 <= H_LIMIT


def test_a_norm_of_int16_that_is_too_long_is_refused() -> None:
    with pytest.raises(ArithmeticProofError, match="LayerNorm"):
        prove(bundle([table.layernorm(1, 32_600, bits=(16, 8))]))
    prove(bundle([table.layernorm(1, 32_500, bits=(16, 8))]))


@pytest.mark.parametrize("n", [2, 31, 64, 192, 1024])
@pytest.mark.parametrize("bits", [(8, 16), (16, 8), (16, 16)])
def test_a_norm_of_int16_is_close_to_float(n: int, bits: tuple[int, int]) -> None:
    """h has F bits: that is what is left to err by beside the last rounding."""
    case = table.layernorm(40, n, eps=1, bits=bits)
    rng = np.random.default_rng(n)
    low = -(1 << (bits[0] - 1))
    x = rng.integers(low, -low, (1, 40, n)).astype(f"int{bits[0]}")
    mult, add = (o for o in case.operands[1:] if isinstance(o, np.ndarray))
    op = case.op
    assert isinstance(op, ops.LayerNorm)
    got = reference.apply(op, x, mult, add)[0]
    wide = x[0].astype(float)
    centred = wide - wide.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1 / n**2)
    exact = (normal * 2.0**op.frac * mult + add) / 2.0**op.shift - 0.5
    inside = np.abs(exact) < 0.9 * (1 << (bits[1] - 1))
    step = np.abs(mult) / 2.0**op.shift  # of h, in steps of the result
    allowed = 0.51 + 1.55 * step + np.abs(normal) * 2.0 ** (op.frac - 12.9) * step
    assert (np.abs(got - exact) <= allowed)[inside].all()


# (8)


def test_multipliers_of_a_sum_are_a_pair_of_int16() -> None:
    for ratio in (1e-3, 0.3, 1.0, 7.0, 300.0):
        integers = add_integers(QParams(ratio, 3), QParams(1.0, -100), QParams(0.9, 20))
        assert max(integers[:2]) < 2**15
        exact = ratio * (50 - 3) / 0.9 + (5 + 100) / 0.9 + 20
        value = (50 * integers[0] + 5 * integers[1] + integers[2]) / 2.0 ** integers[3] - 0.5
        assert value == pytest.approx(exact, rel=2e-3, abs=0.05)


@pytest.mark.parametrize("bits", [(8, 16, 16), (16, 16, 16), (16, 8, 8), (8, 8, 16)])
def test_multipliers_of_a_sum_in_the_stream(bits: tuple[int, int, int]) -> None:
    """(8r): each product is exact to a step of the sum at the largest operand."""
    scales = [2.0 * 256.0 / 2**b for b in bits]
    a, b, y = (
        QParams(s, z if n == 8 else 0, n) for s, z, n in zip(scales, (3, -9, 5), bits, strict=True)
    )
    mult_a, mult_b, add, shift = add_integers(a, b, y)
    for first in (-1.0, -0.2, 0.7):
        for second in (-0.6, 0.0, 0.9):
            p, q = (int(v * -t.limits[0]) - (v < 0) for v, t in ((first, a), (second, b)))
            p, q = max(p, a.limits[0]), max(q, b.limits[0])
            real = a.dequantize(np.array(p)) + b.dequantize(np.array(q))
            value = (p * mult_a + q * mult_b + add) / 2.0**shift - 0.5 - y.zero_point
            assert value * y.scale == pytest.approx(float(real), abs=1.1 * y.scale)


# all of them


def _plain(case: Case, sample: list[Array]) -> Array | None:
    """The operation in plain Python integers, for those that are easily written down."""
    op, a = case.op, sample[0].astype(object)
    match op:
        case ops.Linear():
            w, m, c = (np.asarray(o).astype(object) for o in case.operands[1:4])
            y = _scaled(op, a.reshape(-1, w.shape[1]) @ w.T, m, c)
            if len(case.operands) > 4:
                y = np.asarray(case.operands[4])[(y + 128).astype(int)]
            return np.asarray(y)
        case ops.Conv2d():
            return _plain_conv(case, op, a)
        case ops.MatMul():
            b = sample[1].astype(object) - op.zero_b
            acc = (a - op.zero_a) @ (b.swapaxes(-1, -2) if op.transposed else b)
            wide = (acc * op.mult + (1 << (op.shift - 1))) >> op.shift
            return np.asarray(np.clip(wide + op.zero, -128, 127))
        case ops.FineSoftmax():
            table = [int(v) for v in np.asarray(case.operands[1])]
            rows = [[table[max(row) - v] for v in row] for row in a]
            scaled = [[e * (op.numerator // sum(row)) for e in row] for row in rows]
            levels = [[((v + (1 << 39)) >> 40) + op.zero for v in row] for row in scaled]
            return np.asarray(np.clip(levels, -128, 127))
        case ops.Requantize(mult=m, add=c, shift=shift):
            return np.asarray(np.clip((a * m + c) >> shift, -128, 127))
        case ops.Add(shift=shift, bits=bits):
            b = (sample[1] if len(sample) > 1 else np.asarray(case.operands[1])).astype(object)
            half, value = 1 << (bits - 1), (a * op.mult_a + b * op.mult_b + op.add) >> shift
            return np.asarray(np.clip(value, -half, half - 1))
        case ops.Mean(axes=axes, mult=m, add=c, shift=shift):
            return np.asarray(np.clip((a.sum(axis=axes) * m + c) >> shift, -128, 127))
        case ops.Softmax(exponential=ops.LutExp(mult=m, shift=shift)):
            lut = np.asarray(case.operands[1])
            rows = []
            for row in a:
                index = [min(((max(row) - v) * m + (1 << (shift - 1))) >> shift, 255) for v in row]
                p = [int(lut[i]) for i in index]
                inverse = (1 << 24) // sum(p)
                rows.append([min((v * inverse + (1 << 15)) >> 16, 255) - 128 for v in p])
            return np.array(rows)
        case ops.Lstm() | ops.Gru():
            return _plain_recurrent(case, op, a)
        case _:
            return None


def _plain_recurrent(case: Case, op: ops.Recurrent, gates: Array) -> Array:
    """(15) and (16), one number at a time in Python's integers."""
    weight, mult, add, sigmoid, tanh = (np.asarray(o).astype(object) for o in case.operands[1:])
    units, half = len(weight[0]), 1 << 14

    def curved(table: Array, p: int) -> int:
        at, rest = divmod(min(max(p, -(1 << 15)), (1 << 15) - 1) + (1 << 15), 256)
        return int(table[at] + (((table[at + 1] - table[at]) * rest + 128) >> 8))

    def product(h: list[int], row: int) -> int:
        acc = sum(v * w for v, w in zip(h, weight[row], strict=True))
        return int((acc * mult[row] + add[row]) >> op.shift)

    def stored(value: int) -> int:
        return min(max((value * op.out_mult + op.out_add) >> op.out_shift, -128), 127)

    rows: list[tuple[list[int], list[int]]] = []
    h, memory = [stored(0)] * units, [0] * units
    for line in gates:
        own = [(int(g) * op.gate_mult + op.gate_add) >> op.gate_shift for g in line]
        made = []
        for u in range(units):
            if isinstance(op, ops.Lstm):
                p = [own[k * units + u] + product(h, k * units + u) for k in range(4)]
                fresh = curved(sigmoid, p[0]) * curved(tanh, p[3])
                shift = 15 + op.cell_bits
                cell = ((curved(sigmoid, p[2]) * memory[u] + half) >> 15) + (
                    (fresh + (1 << (shift - 1))) >> shift
                )
                memory[u] = min(max(cell, -(1 << 15)), (1 << 15) - 1)
                inner = curved(tanh, memory[u] << (op.cell_bits - 3))
                made.append(stored((curved(sigmoid, p[1]) * inner + half) >> 15))
                continue
            z = curved(sigmoid, own[u] + product(h, u))
            resets = [curved(sigmoid, own[units + k] + product(h, units + k)) for k in range(units)]
            if op.reset_after:
                left = min(max(product(h, 2 * units + u), -(1 << 15)), (1 << 15) - 1)
                left = (resets[u] * left + half) >> 15
            else:
                # the states of this step's beginning: those of earlier units have moved on
                before = rows[-1][1] if rows else [0] * units
                kept = [stored((r * s + half) >> 15) for r, s in zip(resets, before, strict=True)]
                left = product(kept, 2 * units + u)
            n = curved(tanh, own[2 * units + u] + left)
            memory[u] = n + ((z * (memory[u] - n) + half) >> 15)
            made.append(stored(memory[u]))
        h = made
        rows.append((made, list(memory)))
    return np.array([row for row, _ in rows])


def _scaled(op: ops.Linear | ops.Conv2d, acc: Array, mult: Array, add: Array) -> Array:
    """(2) or (2w) in Python integers."""
    if not op.acc64:
        half = 1 << (getattr(op, "bits", 8) - 1)
        return np.asarray(np.clip((acc * mult + add) >> op.shift, -half, half - 1))
    wide = ((acc + add) * mult + (1 << (op.shift - 1))) >> op.shift
    return np.asarray(np.clip(wide + op.zero, -128, 127))


def _plain_conv(case: Case, op: ops.Conv2d, x: Array) -> Array:
    w, m, c = (np.asarray(o).astype(object) for o in case.operands[1:4])
    n, kh, kw, depth = w.shape
    oh, ow, _ = case.output().shape
    y = np.empty((oh, ow, n), int)
    for oy, ox, channel in np.ndindex(oh, ow, n):
        first, acc = channel // (n // op.groups) * depth, 0
        for ky, kx, i in np.ndindex(kh, kw, depth):
            iy = oy * op.stride[0] - op.pads[0] + ky * op.dilation[0]
            ix = ox * op.stride[1] - op.pads[1] + kx * op.dilation[1]
            inside = 0 <= iy < x.shape[0] and 0 <= ix < x.shape[1]
            acc += int(x[iy, ix, first + i] if inside else op.pad_value) * int(
                w[channel, ky, kx, i]
            )
        level = int(_scaled(op, np.array(acc, object), m[channel], c[channel]))
        entries = np.asarray(case.operands[4]) if len(case.operands) > 4 else np.arange(-128, 128)
        y[oy, ox, channel] = int(entries[level + 128])
    return y


PLAIN = [c for c in CASES if not c.alone and _plain(c, [d[0] for d in c.draw(2)]) is not None]


@pytest.mark.parametrize("case", PLAIN, ids=[c.name for c in PLAIN])
def test_numpy_equals_plain_integers(case: Case) -> None:
    drawn = case.draw(6)
    got = reference.evaluate(bundle([case]), bundle_inputs([case], 6))["y"]
    for sample in range(6):
        expected = _plain(case, [d[sample] for d in drawn])
        assert expected is not None
        typed = expected.astype(case.output().dtype)[None]
        np.testing.assert_array_equal(got[sample], as_bytes(typed)[0])
