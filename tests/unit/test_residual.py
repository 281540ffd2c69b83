"""The int16 residual stream: where it is, what it gains, and that every stage knows it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import microformer
import microformer.torch
from microformer.analysis.residual import residual_tensors
from microformer.analysis.rows import stream_tensors
from microformer.analysis.statistics import sqnr_db
from microformer.audit import audit
from microformer.audit.hybrid import Hybrid
from microformer.audit.view import audit_table
from microformer.calibrate import calibrate
from microformer.cli import app
from microformer.errors import DataError, VerifyError
from microformer.graph import ops
from microformer.graph.float_model import FloatModel, Imported
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import Array, QParams
from microformer.graph.verify import verify
from microformer.quantize import convert
from microformer.reference import evaluate
from microformer.settings import Effort
from tests.architectures import MobileVit, TinySwin
from tests.models import VisionTransformer, encoder, seeded

SHAPE = (9, 32)


def _samples(count: int, shape: tuple[int, ...] = SHAPE) -> Array:
    return np.random.default_rng(2).standard_normal((count, *shape)).astype(np.float32)


def _loud(norm_first: bool) -> nn.Module:
    """An encoder with a last norm and a channel of the stream far above the others."""
    module = seeded(encoder, 32, 4, 3, 48, norm_first)
    with torch.no_grad():
        module.layers[0].linear2.bias[5] += 60.0  # type: ignore[union-attr,index]
    return nn.Sequential(module, nn.LayerNorm(32), nn.Linear(32, 7)).eval()


def _load(module: nn.Module, shape: tuple[int, ...] = SHAPE) -> FloatModel:
    return microformer.load(module, example=torch.from_numpy(_samples(1, shape)))


def _output_db(model: FloatModel, graph: IntGraph, module: nn.Module, x: Array) -> float:
    source, out = (graph.tensors[n].qparams for n in (graph.inputs[0], graph.outputs[0]))
    assert source is not None and out is not None
    got = out.dequantize(evaluate(graph, source.quantize(x))[graph.outputs[0]])
    with torch.no_grad():
        real = module(torch.from_numpy(x)).numpy().reshape(got.shape).astype(float)
    return sqnr_db(real, got)


def _wide(graph: IntGraph) -> set[str]:
    return {t.name for t in graph.tensors.values() if t.dtype == "int16"}


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_stream_is_found(norm_first: bool) -> None:
    model = _load(_loud(norm_first))
    nodes = {str(n.outputs[0].name): n for n in model.model.graph}
    found = [nodes[name].op_type for name in residual_tensors(model)]
    layers = 3
    assert found.count("Add") == 2 * layers
    assert found.count("Linear") == 2 * layers
    # behind a norm the next sum reads it too, but for the first layer's input and the last norm
    assert found.count("LayerNormalization") == (0 if norm_first else 2 * layers - 1)


def test_the_models_output_is_int8() -> None:
    module = seeded(encoder, 32, 4, 1, 48)  # it ends in a sum
    model = _load(module)
    assert model.output_name not in residual_tensors(model)
    graph = microformer.quantize(model, _samples(8), effort="low", residual="int16")
    assert graph.tensors[graph.outputs[0]].dtype == "int8" and len(_wide(graph)) == 3


def test_products_read_int8_and_the_graph_says_what_is_int16() -> None:
    model = _load(_loud(norm_first=False))
    graph = microformer.quantize(model, _samples(8), effort="low", residual="int16")
    for node in graph.nodes:
        if isinstance(node.op, ops.Linear | ops.Attention):
            assert all(t is None or t.dtype != "int16" for t in graph.operands(node))
    assert str(graph).count(": int16[") == len(_wide(graph)) == 17
    narrowed = [n.inputs[0] for n in graph.nodes if isinstance(n.op, ops.Requantize)]
    assert len(narrowed) == len(set(narrowed)) == 5  # norms that a Linear reads, once each


@pytest.mark.parametrize("norm_first", [True, False])
def test_what_it_gains(norm_first: bool) -> None:
    """A channel far above the others costs all of them most of int8."""
    module = _loud(norm_first)
    model, x = _load(module), _samples(96)
    db = {
        residual: _output_db(
            model,
            microformer.quantize(model, x[:32], effort="low", residual=residual),
            module,
            x[32:],
        )
        for residual in ("int8", "int16", "auto")
    }
    assert db["int16"] > db["int8"] + 2.0
    assert db["auto"] > db["int16"] - 1.0


def test_auto_is_measured_and_says_so() -> None:
    model, x = _load(_loud(norm_first=True)), _samples(32)
    first, second = (
        microformer.quantize(model, x, effort="low", residual="auto") for _ in range(2)
    )
    assert str(first) == str(second)
    whole = microformer.quantize(model, x, effort="low", residual="int16")
    assert set() < _wide(first) < _wide(whole)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "pre-norm": (lambda: _loud(True), SHAPE),
    "post-norm": (lambda: _loud(False), SHAPE),
    "vit": (lambda: seeded(VisionTransformer), (1, 8, 8)),
    "swin": (lambda: seeded(TinySwin), (3, 32, 32)),
    "mobilevit": (lambda: seeded(MobileVit), (3, 16, 16)),
}
RUNS = [*((name, "host") for name in NETS), ("post-norm", "cortex-m4"), ("swin", "cortex-m4")]


@pytest.mark.parametrize(("name", "target"), [*RUNS, ("pre-norm", "cortex-m0plus")])
def test_every_byte_is_right(name: str, target: str) -> None:
    build, shape = NETS[name]
    model = _load(build(), shape)
    x = _samples(10, shape)
    compiled = microformer.compile(model, x[:8], target, effort="low", residual="int16")
    assert _wide(compiled.int_graph)
    report = microformer.run(compiled, x[8:])
    assert report.bit_exact
    assert any("int16" in layer.shape for layer in report.layers)


@pytest.mark.parametrize("cores", [1, 8])
def test_every_byte_is_right_on_a_cluster(cores: int) -> None:
    model, x = _load(_loud(norm_first=False)), _samples(9)
    compiled = microformer.compile(
        model, x[:8], "pulp-cv32e40p", effort="low", residual="int16", cores=cores
    )
    report = microformer.run(compiled, x[8:])
    assert report.bit_exact
    assert {"mf_add_s16_xpulp", "mf_requantize_s16_xpulp", "mf_linear_s8_s16_xpulp_4x4"} <= {
        layer.kernel for layer in report.layers
    }


def test_a_stream_that_is_moved_stays_int16() -> None:
    """Sequence first inside: the sums and norms lie between two Transposes."""

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(32, 32), nn.Linear(32, 32)
            self.norm, self.head = nn.LayerNorm(9), nn.Linear(9, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = (self.first(x) + self.second(x)).transpose(1, 2)
            return self.head(self.norm(y))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    model, x = _load(Turned().eval()), _samples(10)
    compiled = microformer.compile(model, x[:8], "cortex-m4", effort="low", residual="int16")
    moved = [n for n in compiled.int_graph.nodes if isinstance(n.op, ops.Transpose)]
    assert [compiled.int_graph.tensors[n.output].dtype for n in moved] == ["int16"]
    assert microformer.run(compiled, x[8:]).bit_exact


def test_the_audit_reads_both_forms_of_a_tensor() -> None:
    """A node in float changes the int8 form too; its layer is labelled."""
    model, x = _load(_loud(norm_first=False)), _samples(24)
    int16_tensors = frozenset(residual_tensors(model))
    conversion = convert(model, calibrate(model, x), int16_tensors=int16_tensors)
    graph = conversion.graph
    source, out = (graph.tensors[n].qparams for n in (graph.inputs[0], graph.outputs[0]))
    assert source is not None and out is not None
    hybrid = Hybrid(conversion, model, x[:6])
    levels = evaluate(graph, source.quantize(x[:6]))[graph.outputs[0]]
    np.testing.assert_array_equal(hybrid.run().outputs, out.dequantize(levels).reshape(6, -1))
    norm = next(
        n
        for n in model.model.graph
        if str(n.outputs[0].name) in int16_tensors and "Norm" in n.op_type
    )
    before = hybrid.run().outputs
    assert not np.array_equal(hybrid.run(frozenset({str(norm.name)})).outputs, before)
    made = audit(conversion, model, x[:6])
    bits = {layer.name: layer.bits for layer in made.layers}
    assert bits[str(norm.name)] == 16 and set(bits.values()) == {8, 16}
    wide = [layer for layer in made.layers if layer.bits == 16]
    assert all(layer.saturated < 0.01 and 0.1 < layer.range_use <= 1.0 for layer in wide)
    assert audit_table(made) is not None


@pytest.mark.parametrize("norm_first", [True, False])
def test_training_computes_the_same_bits(norm_first: bool) -> None:
    module, x = _loud(norm_first), _samples(24)
    prepared = microformer.torch.prepare(module, calibration=x, residual="int16")
    prepared.train()
    outputs = prepared(torch.from_numpy(x[:4]))
    outputs.square().mean().backward()
    optimizer = torch.optim.SGD(prepared.parameters(), 1e-3)
    optimizer.step()
    model, ranges = prepared.convert()
    graph = microformer.quantize(model, ranges=ranges, residual="int16")
    source = graph.tensors[graph.inputs[0]].qparams
    assert source is not None and _wide(graph)
    levels = evaluate(graph, source.quantize(x))[graph.outputs[0]]
    np.testing.assert_array_equal(prepared.integers(torch.from_numpy(x)), levels)


def test_what_cannot_be_had_is_said() -> None:
    module, x = _loud(norm_first=True), _samples(16)
    model = _load(module)
    imported = replace(model, imported=Imported({}, {}, {}))
    with pytest.raises(DataError, match="scales of a quantised model are kept"):
        microformer.quantize(imported, x, residual="int16")
    with pytest.raises(DataError, match="'int4'; it can be enough, rows, int8, int16, auto"):
        microformer.quantize(model, x, residual="int4")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="measures on samples"):
        microformer.quantize(model, ranges=calibrate(model, x), residual="auto")
    with pytest.raises(DataError, match="simulates int8, rows or int16"):
        microformer.torch.prepare(module, calibration=x, residual="auto")
    arguments = ["compile", "m.onnx", "-o", "out", "-t", "host", "--residual", "int4"]
    result = CliRunner().invoke(app, arguments)
    said = " ".join(result.output.replace("│", "").split())
    assert result.exit_code == 2 and "it can be enough, rows, int8, int16" in said


def test_a_wrong_type_is_found() -> None:
    model = _load(_loud(norm_first=True))
    graph = microformer.quantize(model, _samples(8), effort="low", residual="int16")
    wide = next(n for n in graph.nodes if isinstance(n.op, ops.Add) and n.op.bits == 16)
    as_int8 = replace(graph.tensors[wide.output], dtype="int8", qparams=QParams(1.0, 0))
    with pytest.raises(VerifyError, match="output of type int8"):
        verify(replace(graph, tensors={**graph.tensors, wide.output: as_int8}), "here")
    reader = [n for n in graph.nodes if isinstance(n.op, ops.Linear)][-1]
    wrong = replace(reader, inputs=(wide.output, *reader.inputs[1:]))
    nodes = tuple(wrong if n is reader else n for n in graph.nodes)
    with pytest.raises(VerifyError, match="of type int16"):
        verify(replace(graph, nodes=nodes), "here")


@pytest.mark.parametrize("effort", ["low", "normal"])
def test_int16_only_where_int8_is_not_enough(
    effort: Effort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default: nothing where int8 keeps enough, else what gains most."""
    x, model = _samples(64), _load(_loud(True))
    plain = microformer.quantize(model, x, effort=effort, residual="rows")
    assert str(microformer.quantize(model, x, effort=effort)) == str(plain)
    assert not any(t.dtype == "int16" for t in plain.tensors.values())
    monkeypatch.setattr("microformer.tune.residual.ENOUGH_DB", 50.0)
    graph = microformer.quantize(model, x, effort=effort)
    assert any(t.dtype == "int16" for t in graph.tensors.values())


def test_what_is_too_much_to_try_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microformer.tune.residual.BUDGET_MACS", 1000)
    monkeypatch.setattr("microformer.tune.residual.ENOUGH_DB", 50.0)
    graph = microformer.quantize(_load(_loud(True)), _samples(32), effort="low")
    assert any("--residual auto tries it" in note for note in graph.notes)
    assert not any(t.dtype == "int16" for t in graph.tensors.values())


class _Sink(nn.Module):
    """A block whose first token is the only one that a channel of the MLP answers, and loudly."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.LayerNorm(32), nn.LayerNorm(32)
        self.up, self.down, self.head = nn.Linear(32, 64), nn.Linear(64, 32), nn.Linear(32, 7)
        with torch.no_grad():
            self.up.weight[0] = 0.5 * torch.sign(torch.arange(32) - 15.5)
            self.up.bias[0] = -12.0
            self.down.weight[:, 0] *= 100.0

    def forward(self, x: Tensor) -> Tensor:
        inner = self.down(torch.nn.functional.gelu(self.up(self.first(x))))
        return self.head(self.last(x + inner))  # type: ignore[no-any-return]


def _sunk(count: int) -> Array:
    x = _samples(count)
    x[:, 0] = np.sign(np.arange(32) - 15.5)
    return x


def test_products_have_scales_for_groups_of_rows_too() -> None:
    """What a token makes loud in an MLP costs the others nothing, and no weight is stored twice."""
    module, x = seeded(_Sink).eval(), _sunk(64)
    model = _load(module)
    ranges = calibrate(model, x)
    streams = stream_tensors(model)
    assert len(streams) == 1 and {len(r) for r in ranges.rows.values()} == {2}
    assert ranges.rows.keys() - streams.keys()  # of the products and the function between them
    only = replace(ranges, rows={n: r for n, r in ranges.rows.items() if n in streams})
    of = {
        what: _output_db(model, microformer.quantize(model, ranges=r), module, _sunk(16))
        for what, r in (("int8", replace(ranges, rows={})), ("sums", only), ("rows", ranges))
    }
    assert of["rows"] > of["sums"] + 6.0 > of["int8"]
    graph = microformer.quantize(model, x, effort="low", residual="rows")
    products = [n for n in graph.nodes if isinstance(n.op, ops.Linear)]
    assert len(products) == 5 and len({n.inputs[1] for n in products}) == 3
    for target in ("host", "cortex-m4", "cortex-m55"):
        compiled = microformer.compile(model, x, target, effort="low", residual="rows")
        assert microformer.run(compiled, _sunk(4)).bit_exact
