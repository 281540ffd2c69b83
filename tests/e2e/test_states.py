"""Programs that remember: states kept from call to call, on every kind of core, byte for byte."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from typer.testing import CliRunner

import microformer
from microformer.build import build
from microformer.cli import app
from microformer.errors import DataError, ModelError
from microformer.graph.compiled import Compiled
from microformer.graph.float_model import FloatModel
from microformer.graph.serialize import from_bytes, to_bytes
from microformer.graph.tensor import Array
from microformer.reference.stream import initial_states, stream
from microformer.run import run
from microformer.targets import TARGETS
from tests.models import seeded

FRAMES, WIDTH = 8, 16


class Frames(nn.Module):
    """A frame a call; attention over the last FRAMES of them, which are the state."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, 4)

    def forward(self, frame: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        now = torch.cat([past[:, 1:], self.embed(frame)[:, None]], 1)
        return self.head(self.encoder(now)[:, -1]), now


class Cell(nn.Module):
    """A gated cell by hand: two states, of which one is an answer too."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value = nn.Linear(5 + 12, 12), nn.Linear(5 + 12, 12)
        self.head = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor, h: torch.Tensor, mean: torch.Tensor) -> Any:
        both = torch.cat([x, h], 1)
        gate = torch.sigmoid(self.gate(both))
        h = h - gate * h + gate * torch.tanh(self.value(both))
        mean = 0.75 * mean + 0.25 * h
        return self.head(h), h, mean


def _sequences(count: int, steps: int, width: int, seed: int = 0) -> Array:
    made = np.random.default_rng(seed).normal(size=(count, steps, width))
    return made.astype(np.float32)


def _load(module: nn.Module, *shapes: tuple[int, ...]) -> FloatModel:
    """The module with a state for each input behind the first, in the order of its outputs."""
    example = tuple(torch.zeros(shape) for shape in shapes)
    loose = microformer.load(module, example=example)
    pairs = zip(loose.inputs[1:], loose.outputs[1:], strict=True)
    return microformer.load(module, example=example, state={a.name: b.name for a, b in pairs})


@pytest.fixture(scope="module")
def frames() -> tuple[nn.Module, FloatModel]:
    module = seeded(Frames).eval()
    return module, _load(module, (1, 6), (1, FRAMES, WIDTH))


@pytest.fixture(scope="module")
def cell() -> tuple[nn.Module, FloatModel]:
    module = seeded(Cell).eval()
    return module, _load(module, (1, 5), (1, 12), (1, 12))


def _by_torch(module: nn.Module, x: Array, *shapes: tuple[int, ...]) -> Array:
    states = [torch.zeros(len(x), *shape) for shape in shapes]
    made = []
    with torch.no_grad():
        for at in range(x.shape[1]):
            answer, *states = module(torch.from_numpy(x[:, at]), *states)
            made.append(answer.numpy())
    return np.stack(made, axis=1)


@pytest.mark.parametrize(
    "target", ["host", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m55", "rv32imc"]
)
def test_every_byte_of_every_step(frames: tuple[nn.Module, FloatModel], target: str) -> None:
    """By ``<name>_step``, which the harness calls, its states from the step before."""
    module, model = frames
    x = _sequences(12, 20, 6)
    compiled = microformer.compile(model, x, target, effort="low")
    y = _by_torch(module, x, (FRAMES, WIDTH))[:, -1].argmax(-1)
    report = microformer.run(compiled, x, y, count=45)
    assert report.bit_exact and report.firmware_exact and report.samples == 240
    assert report.accuracy_float == 1.0  # the float model with its own states, at the last step
    assert report.accuracy_int8 is not None and report.accuracy_int8 >= 0.9
    assert report.sqnr_db is not None and report.sqnr_db > 25


def test_what_it_answers_is_near_the_module(
    frames: tuple[nn.Module, FloatModel], cell: tuple[nn.Module, FloatModel]
) -> None:
    """Over 60 steps, three times those that the ranges were taken from: errors do not add up."""
    for (module, model), width, shapes in (
        (frames, 6, [(FRAMES, WIDTH)]),
        (cell, 5, [(12,), (12,)]),
    ):
        compiled = microformer.compile(model, _sequences(16, 20, width), "host")
        x = _sequences(4, 60, width, seed=1)
        wanted, made = _by_torch(module, x, *shapes), microformer.predict(compiled, x)
        assert made.shape == wanted.shape
        for part in (slice(0, 20), slice(40, 60)):
            error = np.square(wanted[:, part] - made[:, part]).mean()
            assert 10 * np.log10(np.square(wanted[:, part]).mean() / error) > 24


@pytest.mark.parametrize("residual", ["int8", "int16", "rows"])
def test_with_any_residual_stream(frames: tuple[nn.Module, FloatModel], residual: Any) -> None:
    """A state is int8 whatever the stream behind it is."""
    x = _sequences(4, 12, 6)
    compiled = microformer.compile(frames[1], x, "cortex-m4", effort="low", residual=residual)
    graph = compiled.int_graph
    assert all(graph.tensors[name].dtype == "int8" for pair in graph.states for name in pair)
    report = microformer.run(compiled, x, count=20)
    assert report.bit_exact and report.firmware_exact


def test_an_audit_asks_each_sequence_once(frames: tuple[nn.Module, FloatModel]) -> None:
    module, model = frames
    x = _sequences(6, 8, 6)
    y = _by_torch(module, x, (FRAMES, WIDTH))[:, -1].argmax(-1)
    found = microformer.audit(model, x, y, effort="low")
    assert found.accuracy_float == 1.0 and found.samples == 48 and found.sqnr_db > 25


def test_a_window_moves_and_nothing_is_copied(frames: tuple[nn.Module, FloatModel]) -> None:
    """The copy of what stays is skipped; of a state that is no window there are two halves."""
    compiled = microformer.compile(frames[1], _sequences(4, 12, 6), "cortex-m4", effort="low")
    (state,) = compiled.project.states
    assert state.shift == WIDTH and state.size_bytes == 2 * FRAMES * WIDTH
    report = microformer.run(compiled, _sequences(4, 12, 6), count=24)
    assert report.bit_exact and report.firmware_exact
    ram = report.ram
    assert ram is not None and (ram.input, ram.output, ram.state) == (6, 4, 16 + state.size_bytes)
    assert (
        ram.arena + ram.input + ram.output + ram.state + ram.stack + ram.other == report.ram_bytes
    )
    assert 0 <= ram.other < 64
    (copied,) = [layer for layer in report.layers if layer.op == "Concat"]
    assert not copied.cycles


class Reversed(nn.Module):
    """A window that is read before it moves, one that moves the other way, and one of two rows."""

    def forward(self, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> Any:
        seen = (a.mean(1) + b.mean(1) + c.mean(1)).tanh()
        after = torch.cat([a[:, 1:], x[:, None]], 1)
        before = torch.cat([x[:, None], b[:, :-1]], 1)
        two = torch.cat([c[:, 2:], x[:, None], 0.5 * x[:, None]], 1)
        return seen, after, before, two


def test_what_only_looks_like_a_window(tmp_path: Path) -> None:
    shapes = (1, 6), (1, 5, 6), (1, 5, 6), (1, 5, 6)
    model = _load(Reversed(), *shapes)
    x = _sequences(6, 13, 6)
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    assert [state.shift for state in compiled.project.states] == [0, 0, 0]  # each is read elsewhere
    report = microformer.run(compiled, x, count=26)
    assert report.bit_exact and report.firmware_exact


class Pairs(nn.Module):
    """Two rows come a step, and nobody reads the window but by what is written."""

    def forward(self, x: torch.Tensor, c: torch.Tensor) -> Any:
        now = torch.cat([c[:, 2:], x[:, None], 0.5 * x[:, None]], 1)
        return now.mean(1).tanh(), now


class Names(nn.Module):
    """Inputs called as what the struct and the step call their own."""

    def forward(
        self, now: torch.Tensor, current: torch.Tensor, a: torch.Tensor, a_at: torch.Tensor
    ) -> Any:
        window = torch.cat([a[:, 1:], now[:, None]], 1)
        return (current + window.mean(1) + a_at).tanh(), 0.5 * (current + now), window, 0.5 * a_at


def test_names_that_the_step_uses_itself() -> None:
    model = _load(Names(), (1, 6), (1, 6), (1, 4, 6), (1, 6))
    x = _sequences(5, 9, 6)
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    fields = [state.field for state in compiled.project.states]
    assert fields == ["current_kept", "a", "a_at_kept"]
    report = microformer.run(compiled, x, count=18)
    assert report.bit_exact and report.firmware_exact


@pytest.mark.parametrize("rows", [3, 4, 7])
def test_two_rows_a_step(rows: int) -> None:
    model = _load(Pairs(), (1, 6), (1, rows, 6))
    x = _sequences(5, 17, 6)
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    assert [state.shift for state in compiled.project.states] == [12]
    report = microformer.run(compiled, x, count=34)
    assert report.bit_exact and report.firmware_exact


def test_two_states_one_of_them_an_answer(cell: tuple[nn.Module, FloatModel]) -> None:
    _, model = cell
    x = _sequences(10, 12, 5)
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    graph = compiled.int_graph
    assert len(graph.states) == 2
    for read, written in graph.states:
        assert graph.tensors[read].qparams == graph.tensors[written].qparams
    report = microformer.run(compiled, x, count=30)
    assert report.bit_exact and report.firmware_exact and report.sqnr_db is not None
    assert report.sqnr_db > 25 and [end.name for end in model.answers] == [model.outputs[0].name]


def _streamer(compiled: Compiled, steps: int, width: int, answers: int) -> Any:
    """A project that goes through a whole sequence as a firmware does: reset, then step by step."""
    made = compiled.project
    name, given, made_of = made.name, made.inputs[0], made.outputs[0]
    source = f"""#include "{name}.h"
#include "wrap.h"

void wrap_run(const int8_t *in, int8_t *out, void *arena) {{
  static {name}_state_t state;
  const float *x = (const float *)(const void *)in;
  {name}_reset(&state);
  for (int32_t t = 0; t < {steps}; t++) {{
    int8_t frame[{given.size}];
    {name}_quantize_input_{given.name}(x + t * {width}, frame, {width});
    {name}_step(frame, out + t * {made_of.size}, &state, arena);
  }}
}}
"""
    header = "#include <stdint.h>\nvoid wrap_run(const int8_t *in, int8_t *out, void *arena);\n"
    return replace(
        made,
        name="wrap",
        files={**made.files, "wrap.h": header, "wrap.c": source},
        sources=(*made.sources, "wrap.c"),
        input_dtype="int8",
        input_size=4 * steps * width,
        output_size=steps * answers,
        inputs=(),
        outputs=(),
        states=(),
        quantizes=False,
        dequantizes=False,
        layers=(),
    )


@pytest.mark.parametrize("target", ["sanitized", "cortex-m4", "cortex-m33"])
def test_a_stream_as_a_firmware_runs_it(
    frames: tuple[nn.Module, FloatModel], target: str, tmp_path: Path
) -> None:
    """Reset and many steps in C alone; twice, for a reset forgets what was before."""
    _, model = frames
    x = _sequences(6, 20, 6)
    name = "host" if target == "sanitized" else target
    compiled = microformer.compile(model, x, name, effort="low")
    project = _streamer(compiled, 20, 6, 4)
    image = build(project, TARGETS[name], tmp_path, sanitize=target == "sanitized")
    rows = x.reshape(6, -1).view(np.int8)
    got = run(project, image, rows, TARGETS[name], profile=False).outputs
    graph = compiled.int_graph
    _, levels = stream(graph, x.reshape(-1, 6), 20)
    np.testing.assert_array_equal(got.reshape(120, 4), levels[graph.outputs[0]].reshape(120, 4))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 4), steps=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_step_sees_its_own_past_and_nothing_else(
    frames: tuple[nn.Module, FloatModel], count: int, steps: int, seed: int
) -> None:
    """Sequences together or alone, whole or cut behind any step: the same bytes."""
    graph = _small(frames)
    x = _sequences(count, steps, 6, seed) * 3.0
    _, both = stream(graph, x.reshape(-1, 6), steps)
    whole = {name: both[name].reshape(count, steps, -1) for name in graph.outputs}
    for index in range(count):
        shorter = max(steps - 1, 1)
        _, alone = stream(graph, x[index, :shorter], shorter)
        for name in graph.outputs:
            np.testing.assert_array_equal(
                alone[name].reshape(shorter, -1), whole[name][index, :shorter]
            )
    for read, levels in initial_states(graph, 2).items():
        assert not graph.tensors[read].dequantize(levels).any()


_GRAPHS: dict[int, Any] = {}


def _small(frames: tuple[nn.Module, FloatModel]) -> Any:
    if id(frames[1]) not in _GRAPHS:
        _GRAPHS[id(frames[1])] = microformer.quantize(frames[1], _sequences(4, 10, 6), effort="low")
    return _GRAPHS[id(frames[1])]


def test_states_come_back_from_a_folder(
    frames: tuple[nn.Module, FloatModel], tmp_path: Path
) -> None:
    _, model = frames
    x = _sequences(4, 10, 6)
    compiled = microformer.compile(model, x, "host", effort="low")
    compiled.save(tmp_path / "out")
    again = microformer.open(tmp_path / "out")
    assert again.float_model.states == model.states and again.project.states
    assert again.int_graph.states == compiled.int_graph.states
    np.testing.assert_array_equal(again.predict(x), compiled.predict(x))
    assert from_bytes(*to_bytes(compiled.int_graph)).states == compiled.int_graph.states
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "_step(" in readme and "_reset(&state)" in readme


def _onnx(frames: tuple[nn.Module, FloatModel], path: Path, names: tuple[str, str]) -> None:
    model = microformer.load(frames[1].to_bytes())
    for value, name in (
        (model.model.graph.inputs[1], names[0]),
        (model.model.graph.outputs[1], names[1]),
    ):
        value.name = name
    ir.save(model.model, path)


def test_the_names_of_a_cache_are_known(
    frames: tuple[nn.Module, FloatModel], tmp_path: Path
) -> None:
    _onnx(frames, tmp_path / "cache.onnx", ("past_key_values.0.key", "present.0.key"))
    model = microformer.load(tmp_path / "cache.onnx")
    assert model.states == (("past_key_values.0.key", "present.0.key"),)
    _onnx(frames, tmp_path / "other.onnx", ("past", "present"))
    assert not microformer.load(tmp_path / "other.onnx").states


def test_the_command(frames: tuple[nn.Module, FloatModel], tmp_path: Path) -> None:
    _onnx(frames, tmp_path / "net.onnx", ("past", "present"))
    np.savez(tmp_path / "x.npz", x=_sequences(6, 10, 6), y=np.zeros(6, np.int64))
    words = ["compile", str(tmp_path / "net.onnx"), "--data", str(tmp_path / "x.npz")]
    more = ["-t", "cortex-m4", "--effort", "low", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, *more, "--state", "past=present"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(
        app, ["run", str(tmp_path / "out"), "--data", str(tmp_path / "x.npz"), "--samples", "12"]
    )
    assert done.exit_code == 0, done.output
    wrong = CliRunner().invoke(app, [*words, *more, "--force", "--state", "past"])
    assert wrong.exit_code == 2
    predicted = CliRunner().invoke(
        app, ["estimate", str(tmp_path / "net.onnx"), "--state", "past=present"]
    )
    assert predicted.exit_code == 0, predicted.output


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"nothing": "cat"}, "'nothing' is no input"),
        ({"past": "nothing"}, "'nothing', which is no output"),
        ({"past": "HEAD"}, "has shape .* both must be alike"),
        ({"frame": "HEAD", "past": "cat"}, "has shape"),
    ],
)
def test_pairs_that_are_no_state(
    frames: tuple[nn.Module, FloatModel], state: dict[str, str], message: str
) -> None:
    module, model = frames
    names = {"HEAD": model.outputs[0].name, "cat": model.outputs[1].name}
    wanted = {read: names.get(written, written) for read, written in state.items()}
    example = (torch.zeros(1, 6), torch.zeros(1, FRAMES, WIDTH))
    with pytest.raises(ModelError, match=message):
        microformer.load(module, example=example, state=wanted)


class Twice(nn.Module):
    """Two inputs of one shape, and nothing but states."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return a + b, a - b


def test_a_program_of_states_alone_and_a_state_of_two() -> None:
    example = (torch.zeros(1, 4), torch.zeros(1, 4))
    first, second = (end.name for end in microformer.load(Twice(), example=example).outputs)
    with pytest.raises(ModelError, match="All inputs are states"):
        microformer.load(Twice(), example=example, state={"a": first, "b": second})
    with pytest.raises(ModelError, match=f"output '{first}' is named in two states"):
        microformer.load(Twice(), example=example, state={"a": first, "b": first})


def test_samples_that_are_no_sequences(frames: tuple[nn.Module, FloatModel]) -> None:
    _, model = frames
    for x, message in (
        (np.zeros((5, 6), np.float32), r"sequences \[N, steps, 6\]"),
        (np.zeros((0, 4, 6), np.float32), "sequences"),
        (np.zeros((5, 0, 6), np.float32), "sequences"),
        (np.zeros((5, 4, 7), np.float32), "takes"),
    ):
        with pytest.raises(DataError, match=message):
            microformer.compile(model, x, "host")
    with pytest.raises(DataError, match="each of the 5 samples"):
        compiled = microformer.compile(model, _sequences(5, 4, 6), "host", effort="low")
        microformer.run(compiled, _sequences(5, 4, 6), np.zeros(20, np.int64))


@pytest.mark.slow
@pytest.mark.parametrize("cores", [1, 8])
def test_a_cluster_remembers_too(
    frames: tuple[nn.Module, FloatModel], cores: int, tmp_path: Path
) -> None:
    """Its states lie in L1 for all cores, and one core alone says which half is read next."""
    x = _sequences(4, 10, 6)
    compiled = microformer.compile(frames[1], x, "pulp-ri5cy", effort="low", cores=cores)
    report = microformer.run(compiled, x, count=5)
    assert report.bit_exact and report.firmware_exact and report.cycles_kind == "cycle-exact"
    text = compiled.project.files[f"{compiled.project.name}.c"]
    assert "if (mf_core() == 0) {\n    state->past_at = at_0 + 16;" in text


class Buffered(nn.Module):
    """Frames as ``Frames``, but what it keeps is a buffer of its own; forward changes it."""

    past: torch.Tensor

    def __init__(self, in_place: bool = False, begin: float = 0.0) -> None:
        super().__init__()
        self.inner = Frames()
        self.in_place = in_place
        self.register_buffer("past", torch.full((1, FRAMES, WIDTH), begin))
        self.register_buffer("gain", torch.ones(4))

    def forward(self, frame: torch.Tensor) -> Any:
        answer, now = self.inner(frame, self.past)
        if self.in_place:
            self.past.copy_(now)
        else:
            self.past = now
        return answer * self.gain


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("example", ["tensor", "named"])
def test_buffers_that_forward_changes(in_place: bool, example: str) -> None:
    torch.manual_seed(0)
    module = Buffered(in_place).eval()
    held = module.past
    frame = torch.zeros(1, 6)
    given: Any = frame if example == "tensor" else {"frame": frame}
    model = microformer.load(module, example=given)
    assert model.states == (("past", "past.next"),)
    assert [end.name for end in model.given] == ["frame"]
    assert module.past is held and not module.past.any()  # the user's module is as it was
    x = _sequences(12, 20, 6)
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    report = microformer.run(compiled, x, count=10)
    assert report.bit_exact and report.firmware_exact
    wanted = []
    with torch.no_grad():
        for sequence in x:
            module.past = torch.zeros(1, FRAMES, WIDTH)
            wanted.append([module(torch.from_numpy(f)[None])[0].numpy() for f in sequence])
    made, right = microformer.predict(compiled, x), np.array(wanted)
    assert 10 * np.log10(np.square(right).mean() / np.square(right - made).mean()) > 25


def test_a_buffer_that_begins_at_something(frames: tuple[nn.Module, FloatModel]) -> None:
    with pytest.raises(ModelError, match="'past', which forward changes, does not begin at zero"):
        microformer.load(Buffered(begin=0.5).eval(), example=torch.zeros(1, 6))
