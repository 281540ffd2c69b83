"""LSTM and GRU from torch and ONNX: the float form, its integers, and every target."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.errors import UnsupportedOpError
from microformer.graph.tensor import Array
from tests.exporters import legacy_export

RNG = np.random.default_rng(0)


class Tagger(nn.Module):
    """[1, S, 10] -> [1, 4]: a recurrent net over all steps, its last output and their mean."""

    def __init__(self, kind: str, layers: int = 1, both: bool = False, units: int = 16) -> None:
        super().__init__()
        self.net = getattr(nn, kind)(10, units, layers, batch_first=True, bidirectional=both)
        self.head = nn.Linear(units * (1 + both), 4)

    def forward(self, x: Tensor) -> Tensor:
        rows, _ = self.net(x)
        made: Tensor = self.head(rows.mean(1) + rows[:, -1])
        return made


def _tagger(kind: str, layers: int = 1, both: bool = False) -> tuple[Tagger, Array]:
    torch.manual_seed(0)
    return Tagger(kind, layers, both).eval(), RNG.standard_normal((64, 14, 10)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "layers", "both"),
    [("LSTM", 1, False), ("LSTM", 2, True), ("GRU", 1, False), ("GRU", 2, True)],
)
@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
def test_a_net_of_torch(kind: str, layers: int, both: bool, exporter: str) -> None:
    module, x = _tagger(kind, layers, both)
    example = torch.from_numpy(x[:1])
    model = (
        microformer.load(module, example=example)
        if exporter == "dynamo"
        else microformer.load(legacy_export(module, example, 17))
    )
    with torch.no_grad():
        real = module(torch.from_numpy(x)).numpy()
    runner = FloatRunner(model)
    made = np.concatenate([runner(row[None])[model.output_name] for row in x[:8]])
    assert np.allclose(made, real[:8], atol=1e-5)
    kinds = [node.op_type for node in model.model.graph]
    assert kinds.count(kind.capitalize()) == layers * (1 + both)
    compiled = microformer.compile(model, x, "host", effort="low")
    assert microformer.run(compiled, x[:4]).bit_exact
    assert sqnr_db(real, microformer.predict(compiled, x)) > 32


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize(
    "target", ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m55", "pulp-cv32e40p"]
)
def test_every_target_runs_it(kind: str, target: str) -> None:
    module, x = _tagger(kind, both=True)
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    report = microformer.run(microformer.compile(model, x, target, effort="low"), x, count=2)
    assert report.bit_exact and report.firmware_exact


def _layer(
    op: str,
    steps: int = 6,
    units: int = 5,
    directions: int = 1,
    state: Array | None = None,
    outputs: tuple[str, ...] = ("y",),
    **attributes: Any,
) -> onnx.ModelProto:
    gates = 4 if op == "LSTM" else 3
    first = attributes.get("layout", 0) == 1
    shapes = {
        "w": (directions, gates * units, 3),
        "r": (directions, gates * units, units),
        "b": (directions, 2 * gates * units),
    }
    constants = {
        name: (RNG.standard_normal(shape) * 0.7).astype(np.float32)
        for name, shape in shapes.items()
    }
    inputs = ["x", "w", "r", "b"]
    if state is not None:
        constants["h0"] = state
        inputs += ["", "h0"]
    x = (1, steps, 3) if first else (steps, 1, 3)
    every = (1, steps, directions, units) if first else (steps, directions, 1, units)
    last = (1, directions, units) if first else (directions, 1, units)
    declared = {"y": every, "last": last, "cell": last}
    node = helper.make_node(op, inputs, [*outputs], "layer", hidden_size=units, **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, declared[n]) for n in outputs if n],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


CASES: dict[str, dict[str, Any]] = {
    "lstm": {"op": "LSTM"},
    "gru before": {"op": "GRU", "linear_before_reset": 0},
    "gru after": {"op": "GRU", "linear_before_reset": 1},
    "backward": {"op": "LSTM", "direction": "reverse", "outputs": ("y", "last")},
    "both ways": {
        "op": "GRU",
        "direction": "bidirectional",
        "directions": 2,
        "outputs": ("y", "last"),
    },
    "only the last": {"op": "GRU", "outputs": ("", "last")},
    "one step": {"op": "LSTM", "steps": 1, "outputs": ("y", "last")},
    "state of zeros": {"op": "LSTM", "state": np.zeros((1, 1, 5), np.float32)},
}


@pytest.mark.parametrize("name", CASES)
def test_an_onnx_layer(name: str) -> None:
    file = _layer(**CASES[name])
    model = microformer.load(file)
    x = RNG.standard_normal((6, *model.input_shape)).astype(np.float32)[:, 0]
    session = onnxruntime.InferenceSession(file.SerializeToString())
    given = session.get_inputs()[0].shape
    names = [end.name for end in model.outputs]
    runner = FloatRunner(model)
    for row in x:
        expected = session.run(None, {"x": row.reshape(given)})
        made = runner(row[None])
        for value, output in zip(expected, names, strict=True):
            assert np.allclose(value.reshape(-1), made[output].reshape(-1), atol=1e-5)
    samples = np.concatenate([x, RNG.standard_normal((32, *x.shape[1:])).astype(np.float32)])
    compiled = microformer.compile(model, samples, "cortex-m4", effort="low")
    report = microformer.run(compiled, samples, count=3)
    assert report.bit_exact and report.sqnr_db is not None and report.sqnr_db > 28


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"op": "LSTM", "state": np.ones((1, 1, 5), np.float32)}, "its first state must be zeros"),
        ({"op": "LSTM", "clip": 3.0}, "clipped gates and coupled"),
        ({"op": "LSTM", "input_forget": 1}, "clipped gates and coupled"),
        ({"op": "GRU", "activations": ["Sigmoid", "Relu"]}, "only sigmoid and tanh are compiled"),
        ({"op": "LSTM", "outputs": ("y", "", "cell")}, "its last cell is used"),
    ],
)
def test_what_has_no_such_form_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnsupportedOpError, match=rf"'layer' \((LSTM|GRU)\): .*{sentence}"):
        microformer.load(_layer(**given))


def test_a_long_memory_keeps_its_accuracy() -> None:
    """A cell that only counts: 60 steps, forget gate open, far beyond what int8 would hold."""
    torch.manual_seed(0)
    module = Tagger("LSTM", units=8).eval()
    with torch.no_grad():
        module.net.bias_ih_l0[8:16] = 4.0
    x = RNG.standard_normal((48, 60, 10)).astype(np.float32)
    model = microformer.load(module, example=torch.from_numpy(x[:1]))
    with torch.no_grad():
        real = module(torch.from_numpy(x)).numpy()
    made = microformer.predict(microformer.compile(model, x, "host", effort="low"), x)
    assert sqnr_db(real, made) > 26


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_it_can_be_trained_in_integers(kind: str) -> None:
    from microformer.torch import prepare  # noqa: PLC0415

    module, x = _tagger(kind)
    trained = prepare(module, calibration=x[:32])
    made = trained(torch.from_numpy(x[:8]))
    torch.autograd.backward(made.square().mean())
    learnt = dict(trained.named_parameters())
    weights = [p for name, p in learnt.items() if "weight_hh" in name or "head.weight" in name]
    assert len(weights) == 2
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in weights)
    with torch.no_grad():
        real = module(torch.from_numpy(x[:8])).numpy()
    assert sqnr_db(real, made.detach().numpy()) > 28
