"""Random graphs and damaged files: right bytes or one sentence, never anything else.

CI draws 300 graphs and 500 damaged files; ``MICROFORMER_FUZZ=10 pytest tests/fuzz`` ten times as
many.
"""

import io
import json
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import microformer
from microformer import store
from microformer.analysis.float_run import FloatRunner
from microformer.demo import demo_paths
from microformer.errors import MicroformerError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.samples import read_samples

TIMES = int(os.environ.get("MICROFORMER_FUZZ", "1"))
GRAPHS, DAMAGED = 300 * TIMES, 500 * TIMES
PARTS = 4
"""Each a test of its own, so that several workers share them."""
MOST_MB = 2048
TFLITE = Path(__file__).parents[1] / "golden" / "tflite" / "keras_int8.tflite"

FAST = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=TIMES == 1,
)

# random graphs

UNARY = ("Relu", "Gelu", "Tanh", "Sigmoid", "HardSwish", "Softmax", "LayerNormalization", "Neg")


class Drawn:
    """A graph that grows node by node over values [1, rows, columns]."""

    def __init__(self, seed: int, rows: int, columns: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = (1, rows, columns)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.values: list[tuple[str, tuple[int, ...]]] = [("x", self.shape)]

    def constant(self, data: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(data), name))
        return name

    def put(self, op: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        self.values.append((name, shape))

    def grow(self, what: str, index: int, other: int) -> None:
        """Append operation ``what`` to a value."""
        name, shape = self.values[index % len(self.values)]
        rows, columns = shape[1:]
        real = self.rng.normal(0, 0.6, (columns, columns)).astype(np.float32)
        if what == "MatMul":
            width = int(self.rng.integers(1, 9))
            weight = self.rng.normal(0, 0.6, (columns, width)).astype(np.float32)
            self.put("MatMul", [name, self.constant(weight)], (1, rows, width))
        elif what == "Linear":
            self.put("MatMul", [name, self.constant(real)], shape)
            bias = self.constant(self.rng.normal(0, 1, columns).astype(np.float32))
            self.put("Add", [self.values[-1][0], bias], shape)
        elif what == "LayerNormalization":
            scale = self.constant(self.rng.uniform(0.5, 1.5, columns).astype(np.float32))
            self.put(what, [name, scale], shape, axis=-1)
        elif what == "Softmax":
            self.put(what, [name], shape, axis=-1)
        elif what in UNARY:
            self.put(what, [name], shape)
        elif what in ("Add", "Mul"):
            same = [v for v, s in self.values if s == shape]
            self.put(what, [name, same[other % len(same)]], shape)
        elif what == "Scale":
            self.put("Mul", [name, self.constant(np.array(0.5, np.float32))], shape)
        elif what == "Transpose":
            self.put(what, [name], (1, columns, rows), perm=[0, 2, 1])
        elif what == "Slice":
            cut = max(1, rows // 2)
            bounds = [self.constant(np.array([n], np.int64)) for n in (0, cut, 1)]
            self.put(what, [name, *bounds], (1, cut, columns))
        elif what == "Concat":
            fits = [(v, s) for v, s in self.values if s[2] == columns and s[1] + rows <= 24]
            partner, extent = fits[other % len(fits)] if fits else (name, shape)
            self.put(what, [name, partner], (1, rows + extent[1], columns), axis=1)
        elif what == "Mean":
            axes = self.constant(np.array([1], np.int64))
            self.put("ReduceMean", [name, axes], (1, 1, columns), keepdims=1)
        else:
            self.attention(name, shape, real)

    def attention(self, name: str, shape: tuple[int, ...], weight: Array) -> None:
        """One head over the rows."""
        rows, columns = shape[1:]
        for _ in range(3):
            drawn = self.rng.permutation(weight, axis=1)
            self.put("MatMul", [name, self.constant(drawn)], shape)
        q, k, v = (value for value, _ in self.values[-3:])
        self.put("Transpose", [k], (1, columns, rows), perm=[0, 2, 1])
        self.put("MatMul", [q, self.values[-1][0]], (1, rows, rows))
        self.put("Softmax", [self.values[-1][0]], (1, rows, rows), axis=-1)
        self.put("MatMul", [self.values[-1][0], v], shape)

    def proto(self) -> onnx.ModelProto:
        """The model that ends in the last value."""
        name, shape = self.values[-1]
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info("x", 1, self.shape)],
            [helper.make_tensor_value_info(name, 1, shape)],
            self.constants,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        onnx.checker.check_model(made)
        return made


OPERATIONS = st.sampled_from(
    (
        *UNARY,
        *("MatMul", "Linear", "Linear", "Add", "Add", "Mul", "Scale", "Transpose", "Slice"),
        *("Concat", "Mean", "Attention", "Attention"),
    )
)
STEPS = st.lists(
    st.tuples(OPERATIONS, st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=9
)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_random_graphs_have_right_bytes_or_one_sentence(part: int) -> None:
    @settings(FAST, max_examples=GRAPHS // PARTS)
    @given(st.integers(0, 2**20), st.integers(1, 9), st.integers(1, 9), STEPS)
    def check(seed: int, rows: int, columns: int, steps: list[tuple[str, int, int]]) -> None:
        drawn = Drawn(seed * PARTS + part, rows, columns)
        for step in steps:
            drawn.grow(*step)
        proto = drawn.proto()
        x = drawn.rng.normal(0, 1, (12, rows, columns)).astype(np.float32)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
        wanted = np.concatenate([session.run(None, {"x": one[None]})[0] for one in x])
        try:
            model = microformer.load(proto)
            compiled = microformer.compile(model, x, "host", effort="low")
        except MicroformerError as error:
            one_sentence(error)
            return
        floats = microformer.load(proto)
        report = microformer.run(compiled, x[:3])
        assert report.bit_exact and report.firmware_exact
        check_floats(floats, x, wanted)

    check()


def check_floats(model: FloatModel, x: Array, wanted: Array) -> None:
    """The canonical model gives onnxruntime's numbers on the file."""
    runner = FloatRunner(model)
    for one, expected in zip(x[:2], wanted[:2], strict=True):
        got = runner(one[None])[model.output_name].reshape(expected.shape)
        scale = float(np.abs(wanted).max()) or 1.0
        np.testing.assert_allclose(got, expected, atol=2e-4 * scale, rtol=2e-3)


def one_sentence(error: MicroformerError) -> None:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and len(text) < 1000, text
    assert "out of range" not in text and "NoneType" not in text, text


# damaged files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One whole file of each kind, and those of a compiled folder."""
    place = tmp_path_factory.mktemp("whole")
    with demo_paths() as paths, np.load(paths.calibration) as few:
        whole = {"onnx": paths.model.read_bytes(), "tflite": TFLITE.read_bytes()}
        archive = io.BytesIO()
        np.savez(archive, x=few["x"][:3], y=few["y"][:3])
        whole["npz"] = archive.getvalue()
        compiled = microformer.compile(paths.model, few["x"][:8], "host", effort="low")
    store.save(compiled, place / "out")
    for path in sorted((place / "out").rglob("*")):
        if path.is_file():
            whole[f"folder:{path.relative_to(place / 'out')}"] = path.read_bytes()
    return whole


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[str, float, int]]:
    """What is done to a file: (how, where as a share of it, a byte)."""
    how = st.sampled_from(("set", "set", "set", "cut", "insert", "remove", "repeat"))
    one = st.tuples(how, st.floats(0, 1, exclude_max=True), st.integers(0, 255))
    return draw(st.lists(one, min_size=1, max_size=8))


def damaged(data: bytes, done: list[tuple[str, float, int]]) -> bytes:
    """``data`` after all of it."""
    made = bytearray(data)
    for how, share, byte in done:
        place = int(share * len(made))
        if how == "set" and made:
            made[place] = byte
        elif how == "cut":
            del made[place:]
        elif how == "insert":
            made[place:place] = bytes([byte]) * (1 + byte % 9)
        elif how == "remove":
            del made[place : place + 1 + byte % 9]
        else:
            made[place:place] = made[place : place + 64]
    return bytes(made)


def signed(folder: Path) -> None:
    """Make a damaged folder whole again as one does who knows how: its digests are right."""
    marker = folder / store.MARKER
    try:
        manifest = json.loads(marker.read_text("utf-8"))
        for name in manifest["files"]:
            manifest["files"][name] = store._digest((folder / name).read_bytes())
        manifest["digest"] = store._digest(store._canonical(manifest))
        marker.write_text(json.dumps(manifest), "utf-8")
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "tflite", "npz", "folder", "signed folder"])
def test_damaged_files_are_read_or_refused_in_one_sentence(
    kind: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with demo_paths() as paths:
        model = microformer.load(paths.model)
    parts = sorted(name for name in files if name.startswith("folder:"))
    own = [name for name in parts if "microformer/" in name]

    @settings(FAST, max_examples=DAMAGED // 5)
    @given(damage(), st.integers(0, 1000))
    def check(done: list[tuple[str, float, int]], which: int) -> None:
        try:
            if kind in ("onnx", "tflite"):
                microformer.load(damaged(files[kind], done))
            elif kind == "npz":
                (tmp_path / "x.npz").write_bytes(damaged(files[kind], done))
                read_samples(tmp_path / "x.npz", model)
            else:
                chosen = (own if kind == "signed folder" else parts)[which % len(own)]
                for name in parts:
                    path = tmp_path / "out" / name.removeprefix("folder:")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(damaged(files[name], done) if name == chosen else files[name])
                if kind == "signed folder":
                    signed(tmp_path / "out")
                opened = store.open_folder(tmp_path / "out")
                if kind == "folder":  # nothing was damaged after all
                    name = chosen.removeprefix("folder:")
                    assert (tmp_path / "out" / name).read_bytes() == files[chosen], opened
        except MicroformerError as error:
            one_sentence(error)

    check()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MOST_MB
