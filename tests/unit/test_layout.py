"""Layout passes: every bit stays, Transposes go, the float counterpart of each tensor is kept."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import microformer
from microformer import reference
from microformer.calibrate import calibrate
from microformer.errors import VerifyError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.graph.verify import verify
from microformer.kernels.permute import PERMUTE_RANK
from microformer.load import load
from microformer.lower import lower
from microformer.quantize import passes, quantize
from microformer.quantize.passes import PASSES, simplify
from microformer.quantize.passes.layout import sink_transposes, transposed_bytes
from microformer.quantize.passes.pending import apart, in_steps, inverse, regroup
from microformer.targets import TARGETS
from tests.models import VisionTransformer, conv_stem_1d, conv_stem_2d, encoder, seeded

QUANT = QParams(0.1, 0)


# reshape first, transpose later


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_regroup_is_exact(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    perm = tuple(data.draw(st.permutations(range(len(shape)))))
    total = math.prod(shape)
    first = data.draw(st.sampled_from([d for d in range(1, total + 1) if total % d == 0]))
    rest = total // first
    second = data.draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
    target = data.draw(st.sampled_from([(total,), (first, rest), (first, second, rest // second)]))
    x = np.arange(total).reshape(shape)
    wanted = x.transpose(perm).reshape(target)
    made = regroup(shape, perm, target)
    if made is not None:
        np.testing.assert_array_equal(x.reshape(made[0]).transpose(made[1]), wanted)


def test_regroup_where_it_matters() -> None:
    # a patch stem: [h, w, E] -> [E, h, w] -> [E, hw]
    assert regroup((4, 5, 8), (2, 0, 1), (8, 20)) == ((20, 8), (1, 0))
    # heads: [S, HP] as [HP, S] -> [H, P, S]
    assert regroup((9, 8), (1, 0), (2, 4, 9)) == ((9, 2, 4), (1, 2, 0))
    # a flattened image has no such form: its columns are shuffled
    assert regroup((4, 5, 8), (2, 0, 1), (160,)) is None


# random programs


class _Program:
    """Draws a graph of layout and elementwise operations around Transposes."""

    def __init__(self, draw: st.DrawFn, data: Callable[[tuple[int, ...]], Array]) -> None:
        self.draw = draw
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.data = data

    def node(self, op: ops.Op, *inputs: str) -> str:
        name = f"t{len(self.nodes)}"
        shape = infer_shape(op, tuple(self.tensors[i] for i in inputs))
        self.tensors[name] = Tensor(name, shape, "int8", QUANT)
        self.nodes.append(Node(name, op, inputs, name))
        return name

    def constant(self, shape: tuple[int, ...]) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors[name] = constant(name, self.data(shape), QUANT)
        return name

    def step(self, last: str) -> str:
        draw, shape = self.draw, self.tensors[last].shape
        kind = draw(
            st.sampled_from(["T", "T", "T", "R", "table", "add", "self", "cat", "cut", "mean"])
        )
        axis = draw(st.integers(0, len(shape) - 1))
        if kind == "T":
            return self.node(ops.Transpose(tuple(draw(st.permutations(range(len(shape)))))), last)
        if kind == "R":
            total = math.prod(shape)
            first = draw(st.sampled_from([d for d in range(1, total + 1) if total % d == 0]))
            flat = draw(st.booleans())
            target = (total,) if flat else (first, total // first)
            return self.node(ops.Reshape(target), last)
        if kind == "table":
            return self.node(ops.Lut(), last, self.constant((256,)))
        if kind == "add":
            start = draw(st.integers(0, len(shape) - 1))
            return self.node(ops.Add(900, 800, 100, 11), last, self.constant(shape[start:]))
        if kind == "self":
            other = self.node(ops.Lut(), last, self.constant((256,)))
            return self.node(ops.Mul(3, -2, 9, 40, 9), last, other)
        if kind == "cat" and shape[axis] < 5:
            more = (*shape[:axis], 2, *shape[axis + 1 :])
            return self.node(ops.Concat(axis), last, self.constant(more), last)
        if kind == "cut" and shape[axis] > 1:
            return self.node(ops.Slice(axis, 1, shape[axis], 1), last)
        if kind == "mean" and len(shape) > 1:
            return self.node(ops.Mean((axis,), 300, 70, 10), last)
        return self.node(ops.LayerNorm(False, 5, 10, 8, 0), last, *self._norm(shape[-1]))

    def _norm(self, n: int) -> tuple[str, str]:
        rows = []
        for _ in range(2):
            name = f"c{len(self.tensors)}"
            self.tensors[name] = constant(name, self.data((n,)).astype(np.int32))
            rows.append(name)
        return rows[0], rows[1]


@st.composite
def programs(draw: st.DrawFn) -> IntGraph:
    """A graph of up to ten operations with a Linear at its end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    made = _Program(draw, lambda shape: rng.integers(-128, 128, shape).astype(np.int8))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    made.tensors["x"] = Tensor("x", shape, "int8", QUANT)
    last = "x"
    for _ in range(draw(st.integers(1, 10))):
        last = made.step(last)
    if draw(st.booleans()):
        width = made.tensors[last].shape[-1]
        weight = made.constant((3, width))
        mult = constant("mult", np.full(3, 5, np.int32))
        add = constant("add", np.full(3, 77, np.int32))
        made.tensors |= {"mult": mult, "add": add}
        last = made.node(ops.Linear(9), last, weight, "mult", "add")
    return IntGraph("drawn", made.tensors, tuple(made.nodes), ("x",), (last,)).pruned()


def _inputs(graph: IntGraph, count: int = 3) -> Array:
    rng = np.random.default_rng(1)
    return rng.integers(-128, 128, (count, *graph.tensors["x"].shape)).astype(np.int8)


@settings(max_examples=300, deadline=None)
@given(programs())
def test_passes_keep_every_bit(graph: IntGraph) -> None:
    verify(graph, "drawn")
    x = _inputs(graph)
    expected = reference.evaluate(graph, x)[graph.outputs[0]]
    for step in PASSES:
        made, _ = step(graph)
        verify(made, step.__name__)
        assert made.outputs == graph.outputs
        np.testing.assert_array_equal(reference.evaluate(made, x)[made.outputs[0]], expected)
    made = simplify(graph)
    np.testing.assert_array_equal(reference.evaluate(made, x)[made.outputs[0]], expected)
    assert transposed_bytes(made) <= transposed_bytes(graph)
    for step in PASSES:
        assert step(made)[1] is False, step.__name__  # nothing is left to do: idempotent


def test_a_broken_pass_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoils(graph: IntGraph) -> tuple[IntGraph, bool]:
        first = graph.nodes[0]
        shape = (*graph.tensors[first.output].shape, 1)
        tensor = replace(graph.tensors[first.output], shape=shape)
        return replace(graph, tensors={**graph.tensors, first.output: tensor}), True

    monkeypatch.setattr(passes, "PASSES", (spoils,))
    table = constant("table", np.zeros(256, np.int8))
    tensors = {"x": Tensor("x", (3,), "int8", QUANT), "table": table}
    tensors["y"] = Tensor("y", (3,), "int8", QUANT)
    graph = IntGraph("g", tensors, (Node("n", ops.Lut(), ("x", "table"), "y"),), ("x",), ("y",))
    with pytest.raises(VerifyError, match="spoils"):
        simplify(graph)


# real models


class Residual(nn.Module):
    """Convolutions with a shortcut, a depthwise one, and squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.squeeze = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())
        self.head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 16, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        y = y + torch.nn.functional.hardswish(self.pointwise(self.depthwise(y)))
        gate = self.squeeze(y.mean((2, 3)))
        return self.head(y * gate[:, :, None, None])  # type: ignore[no-any-return]


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "residual, squeeze, flatten": (lambda: seeded(Residual), (1, 8, 8), 0),
    "conv 2d, three channels in": (lambda: seeded(conv_stem_2d), (3, 16, 16), 1),
    "conv 1d, channels first in and out": (lambda: seeded(conv_stem_1d), (4, 40), 2),
    "vision transformer": (lambda: seeded(VisionTransformer), (1, 8, 8), 0),
    "encoder": (lambda: seeded(encoder), (9, 64), 0),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_lose_their_transposes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, shape, left = MODELS[name]
    x = np.random.default_rng(0).standard_normal((8, *shape)).astype(np.float32)
    model = load(build(), example=torch.from_numpy(x[:1]))
    ranges = calibrate(model, x)
    graph = quantize(model, ranges)
    transposes = [n for n in graph.nodes if isinstance(n.op, ops.Transpose)]
    assert len(transposes) == left
    calls = lower(graph, TARGETS["cortex-m4"]).calls
    assert sum("permute" in c.symbol for c in calls) == left
    with monkeypatch.context() as patch:
        # the package's name in ``microformer`` is the verb, so it is taken from sys.modules
        patch.setattr(sys.modules["microformer.quantize.conversion"], "simplify", lambda raw: raw)
        raw = quantize(model, ranges)
    levels = raw.tensors[raw.inputs[0]].qparams
    assert levels is not None
    inputs = levels.quantize(x.reshape(8, *raw.tensors[raw.inputs[0]].shape))
    expected = reference.evaluate(raw, inputs)[raw.outputs[0]]
    np.testing.assert_array_equal(reference.evaluate(graph, inputs)[graph.outputs[0]], expected)


def test_every_layer_still_knows_its_float_tensor() -> None:
    x = np.random.default_rng(0).standard_normal((16, 1, 8, 8)).astype(np.float32)
    model = microformer.load(seeded(Residual), example=torch.from_numpy(x[:1]))
    report = microformer.run(microformer.compile(model, x, "host"), x)
    assert report.bit_exact
    known = [layer.sqnr_db for layer in report.layers if layer.op != "Concat"]
    assert all(db is not None and db > 20 for db in known), report.layers


def test_inverse() -> None:
    assert inverse((2, 0, 1)) == (1, 2, 0)
    graph = IntGraph("empty", {"x": Tensor("x", (2,), "int8", QUANT)}, (), ("x",), ("x",))
    assert sink_transposes(graph) == (graph, False)


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(9)), st.lists(st.sampled_from([1, 2]), min_size=9, max_size=9))
def test_a_transpose_of_many_axes_is_several_that_the_kernel_moves(
    perm: list[int], shape: list[int]
) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    y = x
    for part in in_steps(tuple(shape), tuple(perm)):
        assert apart(y.shape, part) <= PERMUTE_RANK
        y = y.transpose(part)
    assert np.array_equal(y, x.transpose(perm))
