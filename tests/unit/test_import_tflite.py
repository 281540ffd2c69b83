"""TFLite: float files give LiteRT's numbers, int8 ones its levels within one, layer by layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.errors import MicroformerError, ModelError, UnsupportedOpError
from microformer.graph import ops
from microformer.graph.tensor import Array, QParams
from microformer.load import load
from microformer.quantize import imported_scales
from microformer.reference import evaluate
from tests.unit.float_checks import counts
from tests.unit.import_checks import layer_differences, plain_graph
from tests.unit.tflite_networks import NETWORKS
from tests.unit.tflite_writer import LiteRt, TfliteWriter

KERAS = Path(__file__).parents[1] / "golden" / "tflite"
X, Y = QParams(0.05, -7), QParams(0.07, 5)
SHARE = QParams(1 / 256, -128)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


Layer = Callable[[TfliteWriter, int, int], None]
"""Adds operators from the input tensor to the output tensor."""


def weights(w: TfliteWriter, shape: tuple[int, ...], axis: int, channels: int) -> tuple[int, int]:
    """An int8 weight by channel, and its int32 bias at scale s_x s_w."""
    scales = rng(1).uniform(0.5, 1.5, channels) * 0.004
    levels = rng(2).integers(-127, 128, shape).astype(np.int8)
    weight = w.tensor("weight", shape, "int8", levels, scales, 0, axis)
    bias = rng(3).integers(-2000, 2000, channels).astype(np.int32)
    return weight, w.tensor("bias", (channels,), "int32", bias, X.scale * scales, 0)


def fully_connected(w: TfliteWriter, x: int, y: int) -> None:
    # LiteRT's reference kernel takes per-channel weights of FULLY_CONNECTED too
    weight, bias = weights(w, (7, 12), 0, 7)
    w.operator("FULLY_CONNECTED", [x, weight, bias], [y], "FullyConnectedOptions", KeepNumDims=True)


def fused_relu(w: TfliteWriter, x: int, y: int) -> None:
    weight, bias = weights(w, (7, 12), 0, 7)
    options = {"KeepNumDims": True, "FusedActivationFunction": 1}
    w.operator("FULLY_CONNECTED", [x, weight, bias], [y], "FullyConnectedOptions", **options)


def conv(padding: int, stride: int, relu6: bool = False) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        weight, bias = weights(w, (6, 3, 3, 4), 0, 6)
        options = {"Padding": padding, "StrideH": stride, "StrideW": stride}
        options |= {"DilationHFactor": 1, "DilationWFactor": 1}
        options |= {"FusedActivationFunction": 3 * int(relu6)}
        w.operator("CONV_2D", [x, weight, bias], [y], "Conv2DOptions", **options)

    return add


def depthwise(w: TfliteWriter, x: int, y: int) -> None:
    weight, bias = weights(w, (1, 3, 3, 4), 3, 4)
    options = {"Padding": 0, "StrideH": 1, "StrideW": 1, "DepthMultiplier": 1}
    options |= {"DilationHFactor": 1, "DilationWFactor": 1}
    w.operator("DEPTHWISE_CONV_2D", [x, weight, bias], [y], "DepthwiseConv2DOptions", **options)


def pool(name: str) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        options = {"Padding": 0, "StrideH": 2, "StrideW": 2, "FilterHeight": 3, "FilterWidth": 3}
        w.operator(name, [x], [y], "Pool2DOptions", **options)

    return add


def mean(*axes: int) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        numbers = w.tensor("axes", (len(axes),), "int32", np.array(axes, np.int32))
        w.operator("MEAN", [x, numbers], [y], "ReducerOptions", KeepDims=False)

    return add


def binary(name: str, own: bool) -> Layer:
    """Add or Mul of x and a constant, or of x and itself."""

    def add(w: TfliteWriter, x: int, y: int) -> None:
        levels = rng(4).integers(-128, 128, (12,)).astype(np.int8)
        other = x if own else w.tensor("other", (12,), "int8", levels, 0.03, -20)
        w.operator(name, [x, other], [y], f"{name.title()}Options", FusedActivationFunction=0)

    return add


def batch_matmul(w: TfliteWriter, x: int, y: int) -> None:
    w.operator("BATCH_MATMUL", [x, x], [y], "BatchMatMulOptions", AdjX=False, AdjY=True)


def softmax(w: TfliteWriter, x: int, y: int) -> None:
    w.operator("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=1.0)


def unary(name: str) -> Layer:
    return lambda w, x, y: w.operator(name, [x], [y])


def turned(w: TfliteWriter, x: int, y: int) -> None:
    perm = w.tensor("perm", (3,), "int32", np.array([0, 2, 1], np.int32))
    w.operator("TRANSPOSE", [x, perm], [y], "TransposeOptions")


def reshaped(w: TfliteWriter, x: int, y: int) -> None:
    shape = w.tensor("shape", (3,), "int32", np.array([1, 15, 4], np.int32))
    w.operator("RESHAPE", [x, shape], [y], "ReshapeOptions", NewShape=[1, 15, 4])


LAYERS: dict[str, tuple[tuple[int, ...], tuple[int, ...], QParams, Layer]] = {
    "fully connected": ((1, 5, 12), (1, 5, 7), Y, fully_connected),
    "fully connected, relu": ((1, 5, 12), (1, 5, 7), QParams(0.02, -128), fused_relu),
    "conv same": ((1, 6, 7, 4), (1, 6, 7, 6), Y, conv(0, 1)),
    "conv valid, stride": ((1, 7, 7, 4), (1, 3, 3, 6), Y, conv(1, 2)),
    "conv relu6": ((1, 6, 6, 4), (1, 6, 6, 6), QParams(6 / 255, -128), conv(0, 1, True)),
    "depthwise": ((1, 6, 7, 4), (1, 6, 7, 4), Y, depthwise),
    "max pool": ((1, 6, 7, 4), (1, 3, 4, 4), X, pool("MAX_POOL_2D")),
    "average pool": ((1, 6, 7, 4), (1, 3, 4, 4), X, pool("AVERAGE_POOL_2D")),
    "mean of tokens": ((1, 5, 12), (1, 12), QParams(0.03, 9), mean(1)),
    "mean of an image": ((1, 6, 7, 4), (1, 4), QParams(0.01, -9), mean(1, 2)),
    "add": ((1, 5, 12), (1, 5, 12), QParams(0.1, 3), binary("ADD", False)),
    "add itself": ((1, 5, 12), (1, 5, 12), QParams(0.1, -7), binary("ADD", True)),
    "mul": ((1, 5, 12), (1, 5, 12), QParams(0.15, 3), binary("MUL", False)),
    "mul itself": ((1, 5, 12), (1, 5, 12), QParams(0.2, -128), binary("MUL", True)),
    "batch matmul": ((1, 3, 5, 12), (1, 3, 5, 5), QParams(0.9, -40), batch_matmul),
    "softmax": ((1, 5, 12), (1, 5, 12), SHARE, softmax),
    "sigmoid": ((1, 5, 12), (1, 5, 12), SHARE, unary("LOGISTIC")),
    "tanh": ((1, 5, 12), (1, 5, 12), QParams(1 / 128, 0), unary("TANH")),
    "relu": ((1, 5, 12), (1, 5, 12), X, unary("RELU")),
    "requantise": ((1, 5, 12), (1, 5, 12), Y, unary("QUANTIZE")),
    "transpose": ((1, 5, 12), (1, 12, 5), X, turned),
    "reshape": ((1, 5, 12), (1, 15, 4), X, reshaped),
}


def written(name: str, quantised: bool) -> tuple[bytes, tuple[int, ...]]:
    """One layer as a file, and its input's shape."""
    shape, out_shape, qparams, layer = LAYERS[name]
    w = TfliteWriter()
    x = w.activation("x", shape, X if quantised else None)
    y = w.activation("y", out_shape, qparams if quantised else None)
    layer(w, x, y)
    return w.build([x], [y]), shape


@pytest.mark.parametrize("name", LAYERS)
def test_int8_layer_is_within_one_step(name: str) -> None:
    data, shape = written(name, quantised=True)
    model = load(data, exact_import=True)
    samples = rng(6).uniform(-6.5, 6.5, (8, *shape[1:])).astype(np.float32)
    graph = plain_graph(model, samples)
    reference = LiteRt(data)
    for sample in samples:
        levels = X.quantize(sample)[None]
        found = layer_differences(graph, model, reference(levels))
        assert len(found) == len(graph.nodes)
        assert max(found.values()) <= 1


FLOAT = ["max pool", "average pool", "mean of tokens", "softmax", "sigmoid", "tanh", "relu"]
FLOAT += ["add itself", "mul itself", "batch matmul", "transpose", "reshape"]


@pytest.mark.parametrize("name", FLOAT)
def test_float_layer(name: str) -> None:
    data, shape = written(name, quantised=False)
    model = load(data)
    x = rng(7).normal(size=shape).astype(np.float32)
    got = FloatRunner(model)(x)[model.output_name]
    np.testing.assert_allclose(got, LiteRt(data).output(x), rtol=1e-4, atol=1e-5)


def scalar(name: str, value: float) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        c = w.tensor("c", (), "float32", np.array(value, np.float32))
        w.operator(name, [x, c], [y])

    return add


def leaky(w: TfliteWriter, x: int, y: int) -> None:
    w.operator("LEAKY_RELU", [x], [y], "LeakyReluOptions", Alpha=0.2)


def prelu(w: TfliteWriter, x: int, y: int) -> None:
    slope = w.tensor("slope", (1, 12), "float32", rng(5).uniform(0, 1, (1, 12)).astype(np.float32))
    w.operator("PRELU", [x, slope], [y])


def reduced(name: str) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        axes = w.tensor("axes", (1,), "int32", np.array([1], np.int32))
        w.operator(name, [x, axes], [y], "ReducerOptions", KeepDims=False)

    return add


def searched(name: str) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        axis = w.tensor("axis", (), "int32", np.array(1, np.int32))
        w.operator(name, [x, axis], [y], f"{name.title().replace('_', '')}Options", OutputType=2)

    return add


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
def test_the_place_of_an_extreme(name: str) -> None:
    w = TfliteWriter()
    x, y = w.activation("x", ROWS, None), w.tensor("y", (1, 12), "int32")
    searched(name)(w, x, y)
    data = w.build([x], [y])
    samples = rng(7).normal(size=(9, *ROWS[1:])).astype(np.float32)
    compiled = microformer.compile(load(data), samples, "host", effort="low")
    assert microformer.run(compiled, samples).bit_exact
    real = np.concatenate([LiteRt(data).output(sample[None]) for sample in samples])
    assert np.mean(microformer.predict(compiled, samples) == real) > 0.9


def cumsum(w: TfliteWriter, x: int, y: int) -> None:
    axis = w.tensor("axis", (), "int32", np.array(1, np.int32))
    w.operator("CUMSUM", [x, axis], [y], "CumsumOptions", Exclusive=False, Reverse=False)


def resized(name: str, **options: bool) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        size = w.tensor("size", (2,), "int32", np.array([12, 14], np.int32))
        kind = "ResizeBilinearOptions" if "BILINEAR" in name else "ResizeNearestNeighborOptions"
        w.operator(name, [x, size], [y], kind, **options)

    return add


def transposed(padding: int, rows: int, columns: int) -> Layer:
    def add(w: TfliteWriter, x: int, y: int) -> None:
        shape = np.array([1, rows, columns, 3], np.int32)
        size = w.tensor("size", (4,), "int32", shape)
        data = rng(4).standard_normal((3, 3, 3, 4)).astype(np.float32)
        weight = w.tensor("weight", (3, 3, 3, 4), "float32", data)
        options = {"Padding": padding, "StrideH": 2, "StrideW": 2}
        w.operator("TRANSPOSE_CONV", [size, weight, x], [y], "TransposeConvOptions", **options)

    return add


ROWS, PIXELS = (1, 5, 12), (1, 6, 7, 4)
FLOAT_ONLY: dict[str, tuple[tuple[int, ...], tuple[int, ...], Layer]] = {
    **{
        name.lower(): (ROWS, ROWS, unary(name))
        for name in ("EXP", "ABS", "SQUARE", "SIN", "COS", "FLOOR", "SIGN")
    },
    "log softmax": (ROWS, ROWS, unary("LOG_SOFTMAX")),
    "unit length": (ROWS, ROWS, unary("L2_NORMALIZATION")),
    "pow": (ROWS, ROWS, scalar("POW", 3.0)),
    "maximum": (ROWS, ROWS, scalar("MAXIMUM", 0.1)),
    "minimum": (ROWS, ROWS, scalar("MINIMUM", 0.1)),
    "leaky relu": (ROWS, ROWS, leaky),
    "prelu": (ROWS, ROWS, prelu),
    "maximum of rows": (ROWS, (1, 12), reduced("REDUCE_MAX")),
    "minimum of rows": (ROWS, (1, 12), reduced("REDUCE_MIN")),
    "cumulative sum": (ROWS, ROWS, cumsum),
    "nearest": (PIXELS, (1, 12, 14, 4), resized("RESIZE_NEAREST_NEIGHBOR")),
    "bilinear": (PIXELS, (1, 12, 14, 4), resized("RESIZE_BILINEAR")),
    "bilinear, centres": (
        PIXELS,
        (1, 12, 14, 4),
        resized("RESIZE_BILINEAR", HalfPixelCenters=True),
    ),
    "bilinear, corners": (PIXELS, (1, 12, 14, 4), resized("RESIZE_BILINEAR", AlignCorners=True)),
    "transposed same": (PIXELS, (1, 12, 14, 3), transposed(0, 12, 14)),
    "transposed valid": (PIXELS, (1, 13, 15, 3), transposed(1, 13, 15)),
}


@pytest.mark.parametrize("name", FLOAT_ONLY)
def test_a_float_function(name: str) -> None:
    shape, out_shape, layer = FLOAT_ONLY[name]
    w = TfliteWriter()
    x, y = w.activation("x", shape, None), w.activation("y", out_shape, None)
    layer(w, x, y)
    data = w.build([x], [y])
    model = load(data)
    sample = rng(7).normal(size=shape).astype(np.float32)
    got = FloatRunner(model)(sample)[model.output_name]
    np.testing.assert_allclose(got, LiteRt(data).output(sample), rtol=1e-4, atol=1e-5)


WITHOUT_LITERT: dict[str, Callable[[Array], Array]] = {
    "ELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "CEIL": np.ceil,
    "ROUND": np.rint,
}
"""What this build of LiteRT has no kernel for."""


@pytest.mark.parametrize("name", WITHOUT_LITERT)
def test_a_float_function_by_its_definition(name: str) -> None:
    w = TfliteWriter()
    x, y = w.activation("x", ROWS, None), w.activation("y", ROWS, None)
    w.operator(name, [x], [y])
    model = load(w.build([x], [y]))
    sample = rng(7).normal(size=ROWS).astype(np.float32)
    got = FloatRunner(model)(sample)[model.output_name]
    np.testing.assert_allclose(got, WITHOUT_LITERT[name](sample), rtol=1e-5, atol=1e-6)


def test_what_keras_computes_of_shapes_is_constant() -> None:
    """Flatten with a free batch: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    w = TfliteWriter()
    x, y = w.activation("x", (1, 4, 6), None), w.activation("y", (1, 24), None)
    vectors = [
        w.tensor(name, (1,), "int32", np.array([value], np.int32))
        for name, value in (("begin", 0), ("end", 1), ("step", 1))
    ]
    shape, batch = w.tensor("shape", (3,), "int32"), w.tensor("batch", (), "int32")
    packed, rest = (
        w.tensor("packed", (2,), "int32"),
        w.tensor("c", (), "int32", np.array(24, np.int32)),
    )
    w.operator("SHAPE", [x], [shape], "ShapeOptions", OutType=2)
    options = {"ShrinkAxisMask": 1}
    w.operator("STRIDED_SLICE", [shape, *vectors], [batch], "StridedSliceOptions", **options)
    w.operator("PACK", [batch, rest], [packed], "PackOptions", ValuesCount=2, Axis=0)
    w.operator("RESHAPE", [x, packed], [y])
    assert load(w.build([x], [y])).output_shape == (1, 24)


def test_a_bias_counts_its_axis_as_its_weights_do() -> None:
    w = TfliteWriter()
    x, y = w.activation("x", (1, 6, 6, 4), X), w.activation("y", (1, 4, 4, 4), Y)
    scales = np.full(4, 0.01)
    levels = rng(0).integers(-127, 128, (1, 3, 3, 4)).astype(np.int8)
    weight = w.tensor("w", (1, 3, 3, 4), "int8", levels, scales, 0, 3)
    bias = w.tensor("b", (4,), "int32", np.arange(4, dtype=np.int32), scales * X.scale, 0, 3)
    options = {"Padding": 1, "StrideH": 1, "StrideW": 1, "DepthMultiplier": 1}
    options |= {"DilationHFactor": 1, "DilationWFactor": 1}
    w.operator("DEPTHWISE_CONV_2D", [x, weight, bias], [y], "DepthwiseConv2DOptions", **options)
    assert load(w.build([x], [y])).output_shape == (1, 4, 4, 4)


def test_two_inputs_and_outputs() -> None:
    w = TfliteWriter()
    a, b = w.activation("a", (1, 5), None), w.activation("b", (1, 5), None)
    y, z = w.activation("y", (1, 5), None), w.activation("z", (1, 5), None)
    w.operator("ADD", [a, b], [y], "AddOptions")
    w.operator("RELU", [y], [z])
    model = load(w.build([a, b], [y, z]))
    assert [end.name for end in (*model.inputs, *model.outputs)] == ["a", "b", "y", "z"]


# a network that TensorFlow converted


def images(count: int) -> Array:
    return rng(8).standard_normal((count, 12, 12, 1)).astype(np.float32)


def test_keras_float() -> None:
    data = (KERAS / "keras_float.tflite").read_bytes()
    model = load(KERAS / "keras_float.tflite")
    found = counts(model)
    assert (found["Attention"], found["LayerNormalization"], found["Gelu"]) == (1, 2, 1)
    reference, runner = LiteRt(data), FloatRunner(model)
    for x in images(4):
        expected = reference.output(x[None])
        np.testing.assert_allclose(runner(x[None])[model.output_name], expected, atol=1e-5)


@pytest.mark.parametrize("exact", [False, True], ids=["fused", "exact"])
def test_keras_int8(exact: bool) -> None:
    """All but what TFLite spells out in int8 steps of its own (norms) and fused attention."""
    data = (KERAS / "keras_int8.tflite").read_bytes()
    x, model = images(32), load(data, exact_import=exact)
    graph, reference = plain_graph(model, x), LiteRt(data)
    qparams = graph.tensors[graph.inputs[0]].qparams
    assert qparams is not None
    worst: dict[str, int] = {}
    for sample in x[:6]:
        found = layer_differences(graph, model, reference(qparams.quantize(sample[None])))
        worst = {name: max(d, worst.get(name, 0)) for name, d in found.items()}
    composed = {n.name for n in graph.nodes if isinstance(n.op, ops.Attention | ops.LayerNorm)}
    strict = {name: d for name, d in worst.items() if name not in composed}
    assert len(strict) >= (20 if exact else 14)
    assert max(strict.values()) <= 1, strict


def test_keras_int8_is_as_close_to_float_as_litert() -> None:
    data = (KERAS / "keras_int8.tflite").read_bytes()
    exact = LiteRt((KERAS / "keras_float.tflite").read_bytes())
    x, model, reference = images(32), load(data), LiteRt(data)
    graph = microformer.quantize(model, x)
    qparams, out = (graph.tensors[n].qparams for n in (graph.inputs[0], graph.outputs[0]))
    assert qparams is not None and out is not None
    shape = graph.tensors[graph.inputs[0]].shape
    ours = evaluate(graph, qparams.quantize(x).reshape(len(x), *shape))[graph.outputs[0]]
    real = np.concatenate([exact.output(s[None]) for s in x])
    theirs = np.concatenate([reference.output(qparams.quantize(s[None])) for s in x])
    assert sqnr_db(real, out.dequantize(ours)) >= sqnr_db(real, out.dequantize(theirs)) - 1.0


# hostile files


def test_no_flatbuffer() -> None:
    with pytest.raises(ModelError, match="no ONNX model"):
        load(b"\x00" * 100)
    with pytest.raises(ModelError, match=r"broken or cut short|holds no graph"):
        load(b"\x10\x00\x00\x00TFL3" + b"\xff" * 40)


def test_tensor_that_is_shorter_than_its_shape() -> None:
    w = TfliteWriter()
    x, y = w.activation("x", (1, 5, 12), None), w.activation("y", (1, 5, 12), None)
    short = w.tensor("short", (12,), "float32", np.ones(5, np.float32))
    w.operator("ADD", [x, short], [y], "AddOptions")
    with pytest.raises(ModelError, match=r"'short'.* has 20 bytes where its shape needs 48"):
        load(w.build([x], [y]))


def test_unknown_operator_is_named() -> None:
    w = TfliteWriter()
    x, y = w.activation("x", (1, 5, 12), None), w.activation("y", (1, 5, 12), None)
    w.operator("ATAN2", [x], [y])
    with pytest.raises(UnsupportedOpError, match=r"ATAN2 .it makes 'y'.* is not supported yet"):
        load(w.build([x], [y]))


@pytest.mark.parametrize("name", ["RELU", "LOGISTIC", "TANH", "TRANSPOSE", "FULLY_CONNECTED"])
def test_16_bit_activations_are_refused_for_every_operator(name: str) -> None:
    """Also where there are no weights that would tell."""
    w = TfliteWriter()
    x = w.tensor("x", (1, 5, 12), "int16", None, 0.001, 0)
    y = w.tensor("y", (1, 5, 12), "int16", None, 0.001, 0)
    inputs = [x]
    if name == "FULLY_CONNECTED":
        inputs = [x, w.tensor("w", (12, 12), "int8", np.eye(12, dtype=np.int8), 0.01, 0)]
    if name == "TRANSPOSE":
        inputs = [x, w.tensor("perm", (3,), "int32", np.array([0, 1, 2], np.int32))]
    w.operator(name, inputs, [y])
    with pytest.raises(UnsupportedOpError, match=r"'x' .*int16; only 8-bit activations"):
        load(w.build([x], [y]))


def test_tensor_out_of_range() -> None:
    w = TfliteWriter()
    x, y = w.activation("x", (1, 5, 12), None), w.activation("y", (1, 5, 12), None)
    w.operator("RELU", [77], [y])
    with pytest.raises(ModelError, match="a tensor that it does not hold"):
        load(w.build([x], [y]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_one_sentence(data: st.DataObject) -> None:
    """Bytes overwritten or cut off: loaded all the same, or refused; never anything else."""
    whole = bytearray((KERAS / "keras_int8.tflite").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    try:
        load(bytes(whole))
    except MicroformerError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)


# every tensor of what people deploy


@pytest.mark.parametrize("name", NETWORKS)
def test_all_layers_of_a_deployed_structure_are_within_one_step(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    """At least 95 % of the nodes are compared, the share is printed; LiteRT's own inputs."""
    net, end = NETWORKS[name]()
    data = net.file(end)
    model = load(data)
    shape = model.input_shape[1:]
    samples = rng(3).uniform(-5, 5, (16, *shape)).astype(np.float32)
    graph, reference = plain_graph(model, samples), LiteRt(data)
    qparams = graph.tensors[graph.inputs[0]].qparams
    assert qparams is not None
    worst: dict[str, int] = {}
    for sample in samples[:6]:
        found = layer_differences(graph, model, reference(qparams.quantize(sample)[None]))
        worst = {node: max(d, worst.get(node, 0)) for node, d in found.items()}
    share = len(worst) / len(graph.nodes)
    record_property("share of nodes compared", share)
    print(f"{name}: {len(worst)} of {len(graph.nodes)} nodes compared ({share:.0%})")
    assert share >= 0.95, {n.name for n in graph.nodes} - set(worst)
    assert max(worst.values()) <= 1, worst
    fused = microformer.quantize(model, samples)
    states = imported_scales(model, fused)
    assert len(states) == net.tensors
    away = [state for state in states if not state.kept]
    assert not any(state.changed for state in states), away
    # a tensor that is flattened has the levels of the flat one, which stands for both
    assert all(s.reason.startswith("merged into the operation that makes 't") for s in away)
    assert len(away) <= net.flattened


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_do_not_depend_on_the_samples_of_a_calibrated_file(name: str) -> None:
    """A file that is quantised already has nothing to calibrate: poor samples change no byte."""
    net, end = NETWORKS[name]()
    data = net.file(end)
    model = load(data)
    x = rng(4).uniform(-5, 5, (12, *model.input_shape[1:])).astype(np.float32)
    good, poor = microformer.quantize(model, x), microformer.quantize(model, 0.01 * x)
    qparams = good.tensors[good.inputs[0]].qparams
    assert qparams is not None
    levels = qparams.quantize(x).reshape(len(x), *good.tensors[good.inputs[0]].shape)
    ours = evaluate(good, levels)[good.outputs[0]]
    assert np.array_equal(ours, evaluate(poor, levels)[poor.outputs[0]])
    reference = LiteRt(data)
    theirs = np.concatenate([reference.output(qparams.quantize(s)[None]) for s in x])
    assert np.abs(ours.astype(int) - theirs.reshape(ours.shape)).max() <= 3


@pytest.mark.parametrize("channels", [1, 6])
def test_weights_of_dynamic_range_are_their_real_values(channels: int) -> None:
    rng = np.random.default_rng(0)
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 10), "float32"), w.tensor("y", (1, 6), "float32")
    levels = rng.integers(-127, 128, (6, 10)).astype(np.int8)
    scale = rng.uniform(0.01, 0.1, channels).astype(np.float32)
    weight = w.tensor("w", (6, 10), "int8", levels, scale, np.zeros(channels, int), 0)
    bias = w.tensor("b", (6,), "float32", rng.standard_normal(6).astype(np.float32))
    w.operator("FULLY_CONNECTED", [x, weight, bias], [y], "FullyConnectedOptions")
    model = microformer.load(w.build([x], [y]))
    data = rng.standard_normal((4, 10)).astype(np.float32)
    made = np.stack([FloatRunner(model)(row[None])["y"][0] for row in data])
    expected = data @ (levels * scale[:, None]).T + w.tensors[bias]["data"]
    assert np.allclose(made, expected, atol=1e-4)
    assert microformer.run(microformer.compile(model, data, "host"), data).bit_exact


def test_half_precision_weights_are_their_real_values() -> None:
    rng = np.random.default_rng(0)
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 10), "float32"), w.tensor("y", (1, 6), "float32")
    half = rng.standard_normal((6, 10)).astype(np.float16)
    stored = w.tensor("w16", (6, 10), "float16", half)
    weight = w.tensor("w", (6, 10), "float32")
    bias = w.tensor("b", (6,), "float32", np.zeros(6, np.float32))
    w.operator("DEQUANTIZE", [stored], [weight])
    w.operator("FULLY_CONNECTED", [x, weight, bias], [y], "FullyConnectedOptions")
    model = microformer.load(w.build([x], [y]))
    data = rng.standard_normal((4, 10)).astype(np.float32)
    made = np.stack([FloatRunner(model)(row[None])["y"][0] for row in data])
    assert np.allclose(made, data @ half.astype(np.float32).T, atol=1e-4)
    assert [node.op_type for node in model.model.graph] == ["Linear"]


def _lstm(steps: int, units: int, depth: int, **options: Any) -> tuple[TfliteWriter, list[int]]:
    """A writer with a layer over [1, steps, depth], and its (input, output)."""
    generator, w = np.random.default_rng(0), TfliteWriter()
    x = w.tensor("x", (1, steps, depth), "float32")
    inputs = [x]
    for shape in [(units, depth)] * 4 + [(units, units)] * 4:
        data = generator.standard_normal(shape).astype(np.float32) / 2
        inputs.append(w.tensor(f"w{len(inputs)}", shape, "float32", data))
    inputs += [-1, -1, -1]
    for _ in range(4):
        data = generator.standard_normal(units).astype(np.float32)
        inputs.append(w.tensor(f"b{len(inputs)}", (units,), "float32", data))
    inputs += [-1, -1]
    inputs += [w.tensor(n, (1, units), "float32", variable=True) for n in ("state", "cell")]
    y = w.tensor("y", (1, steps, units), "float32")
    given = {"FusedActivationFunction": 4, "CellClip": 0.0, "TimeMajor": False} | options
    kind = "UnidirectionalSequenceLSTMOptions"
    w.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], kind, **given)
    return w, [x, y]


def test_a_long_short_term_memory() -> None:
    w, (x, y) = _lstm(9, 6, 5)
    data = w.build([x], [y])
    model = load(data)
    sample = np.random.default_rng(1).standard_normal((1, 9, 5)).astype(np.float32)
    made = FloatRunner(model)(sample)["y"]
    np.testing.assert_allclose(made, LiteRt(data).output(sample), rtol=1e-4, atol=1e-5)
    samples = np.random.default_rng(2).standard_normal((16, 9, 5)).astype(np.float32)
    report = microformer.run(microformer.compile(model, samples, "cortex-m4"), samples, count=2)
    assert report.bit_exact and report.sqnr_db is not None and report.sqnr_db > 30


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"CellClip": 3.0}, "clipped cells"), ({"FusedActivationFunction": 1}, "only tanh")],
)
def test_a_memory_of_another_kind_is_refused(options: dict[str, Any], sentence: str) -> None:
    w, (x, y) = _lstm(3, 2, 2, **options)
    with pytest.raises(UnsupportedOpError, match=sentence):
        load(w.build([x], [y]))
