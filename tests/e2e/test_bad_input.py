"""Whatever is wrong with the input: one clear sentence, exit code 2, nothing half-written."""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import typer
from onnx import TensorProto, helper, numpy_helper

import microformer
from microformer.cli import main
from microformer.cli.options import shapes
from microformer.demo import demo_paths
from microformer.errors import ModelError
from microformer.graph.arrays import read_npz
from microformer.store import FORMAT

Run = Callable[..., str]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good model and good samples; also the current folder."""
    model = _mlp(np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4))
    onnx.save(model, tmp_path / "good.onnx")
    x = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    np.savez(tmp_path / "good.npz", x=x, y=np.arange(8) % 4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _mlp(weight: np.ndarray, op: str = "Relu", name: str = "act") -> onnx.ModelProto:
    """x [1, K] times weight [K, N], then ``op``."""
    k, n = weight.shape
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "dense"),
        helper.make_node(op, ["h"], ["y"], name),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, n])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _listing(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture
def refused(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command, insists on a clean refusal, and returns the sentence."""

    def run(*arguments: str) -> str:
        before = _listing(work)
        for extra in ([], ["--json"]):
            monkeypatch.setattr("sys.argv", ["microformer", *arguments, *extra])
            with pytest.raises(SystemExit) as stop:
                main()
            said = capsys.readouterr()
            assert stop.value.code == 2
            assert said.out == ""
            lines = [y for y in said.err.splitlines() if y.startswith("microformer: ")]
            assert len(lines) == 1
            assert said.err.rstrip().endswith(lines[0])  # above it at most progress bars
            assert "Traceback" not in said.err
            assert _listing(work) == before
        return lines[0].removeprefix("microformer: ")

    return run


def _compile(model: str = "good.onnx", data: str = "good.npz", *more: str) -> list[str]:
    return ["compile", model, "--data", data, "--target", "cortex-m4", "-o", "out", *more]


# models


def test_no_model(refused: Run) -> None:
    assert "nowhere.onnx" in refused(*_compile("nowhere.onnx"))


def test_model_is_a_folder(work: Path, refused: Run) -> None:
    (work / "folder.onnx").mkdir()
    assert "folder.onnx is a folder" in refused(*_compile("folder.onnx"))


@pytest.mark.parametrize("kept", [0, 1, 40, 150])
def test_truncated_model(work: Path, refused: Run, kept: int) -> None:
    whole = (work / "good.onnx").read_bytes()
    (work / "cut.onnx").write_bytes(whole[:kept])
    assert "cut.onnx" in refused(*_compile("cut.onnx"))


def test_garbage_model(work: Path, refused: Run) -> None:
    (work / "noise.onnx").write_bytes(np.random.default_rng(1).bytes(3000))
    assert "noise.onnx" in refused(*_compile("noise.onnx"))


def test_foreign_suffix(work: Path, refused: Run) -> None:
    (work / "model.pt").write_bytes(b"PK")
    assert "model.pt" in refused(*_compile("model.pt"))


def test_unsupported_operation(work: Path, refused: Run) -> None:
    onnx.save(_mlp(np.ones((6, 4), np.float32), "Hardmax", "peaks"), work / "peaks.onnx")
    said = refused(*_compile("peaks.onnx"))
    assert "'peaks'" in said and "Hardmax" in said and "replace or remove it" in said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(work: Path, refused: Run, value: float) -> None:
    weight = np.ones((6, 4), np.float32)
    weight[2, 3] = value
    onnx.save(_mlp(weight), work / "bad.onnx")
    said = refused(*_compile("bad.onnx"))
    assert "'w'" in said and ("NaN" in said or "Inf" in said)


@pytest.mark.parametrize(
    ("target", "size", "memory"),
    [("cortex-m4", (1200, 1000), "flash"), ("cortex-m4", (140_000, 2), "RAM")],
)
def test_too_large(
    work: Path, refused: Run, target: str, size: tuple[int, int], memory: str
) -> None:
    weight = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    onnx.save(_mlp(weight), work / "large.onnx")
    np.savez(work / "large.npz", x=np.ones((2, size[0]), np.float32))
    said = refused("compile", "large.onnx", "--data", "large.npz", "-t", target, "-o", "out")
    assert memory in said and "exceeds" in said and "bytes" in said
    assert "dense" in said  # the heaviest layer


def test_dynamic_axes_need_a_shape(work: Path, refused: Run) -> None:
    model = onnx.load(work / "good.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims.insert(1, onnx.TensorShapeProto.Dimension(dim_param="length"))
    onnx.save(model, work / "dynamic.onnx")
    said = refused(*_compile("dynamic.onnx"))
    assert "length" in said and "--shape" in said
    for wrong in ("x", "x=", "x=1,a", "=1,2", "x=1,0,6"):
        with pytest.raises(typer.BadParameter):
            shapes([wrong])
    assert shapes(["x=1,5,6", "y=2"]) == {"x": [1, 5, 6], "y": [2]}


# samples


def _bad_samples() -> dict[str, tuple[dict[str, np.ndarray], str]]:
    good = np.zeros((4, 6), np.float32)
    hole, wild = good.copy(), good.copy()
    hole[2, 1], wild[3, 0] = np.nan, -np.inf
    return {
        "empty": ({}, "no array 'x'"),
        "other names": ({"data": good}, "data"),
        "no samples": ({"x": good[:0]}, "no samples"),
        "scalar": ({"x": np.array(1.0)}, "no samples"),
        "shape": ({"x": np.zeros((4, 7), np.float32)}, "[6]"),
        "strings": ({"x": np.full((4, 6), "a")}, "real values"),
        "complex": ({"x": np.zeros((4, 6), complex)}, "real values"),
        "integers": ({"x": np.zeros((4, 6), np.uint8)}, "uint8"),
        "objects": ({"x": np.array([[{}] * 6] * 4)}, "pickle"),
        "nan": ({"x": hole}, "sample 2"),
        "inf": ({"x": wild}, "sample 3"),
        "y length": ({"x": good, "y": np.zeros(3, int)}, "class index"),
        "y real": ({"x": good, "y": np.zeros(4)}, "class index"),
        "y beyond": ({"x": good, "y": np.array([0, 1, 2, 4])}, "classes 0 to 3"),
        "y below": ({"x": good, "y": np.array([0, 1, 2, -1])}, "classes 0 to 3"),
    }


@pytest.mark.parametrize("kind", _bad_samples())
def test_bad_samples(work: Path, refused: Run, kind: str) -> None:
    arrays, words = _bad_samples()[kind]
    np.savez(work / "bad.npz", **arrays)  # type: ignore[arg-type]
    said = refused(*_compile(data="bad.npz"))
    assert "bad.npz" in said and words in said


def test_no_samples_file(refused: Run) -> None:
    assert "'none.npz'" in refused(*_compile(data="none.npz"))


def test_samples_that_are_no_archive(work: Path, refused: Run) -> None:
    (work / "text.npz").write_text("x = 1")
    (work / "void.npz").write_bytes(b"")
    with zipfile.ZipFile(work / "odd.npz", "w") as archive:
        archive.writestr("x.npy", b"not an array")
    whole = bytearray((work / "good.npz").read_bytes())
    whole[100:140] = bytes(40)
    (work / "damaged.npz").write_bytes(whole)
    for name in ("text.npz", "void.npz", "odd.npz", "damaged.npz"):
        assert name in refused(*_compile(data=name))


def test_no_data_at_all(refused: Run) -> None:
    said = refused("compile", "good.onnx", "--target", "cortex-m4", "-o", "out")
    assert "--data" in said and "--random-data" in said


def test_random_data_says_that_it_means_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compile", "good.onnx", "--random-data", "-t", "host", "-o", "out", "--json"]
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    main_exit(main)
    said = capsys.readouterr()
    assert json.loads(said.out)["calibrated"] is False
    assert "meaningless" in said.err
    assert (work / "out" / "good.h").is_file()


def main_exit(command: Callable[[], None]) -> None:
    """Run a command that should succeed, whether or not it ends with SystemExit(0)."""
    try:
        command()
    except SystemExit as stop:
        assert stop.code in (0, None)


# targets and folders


def test_unknown_target(refused: Run) -> None:
    said = refused("compile", "good.onnx", "--data", "good.npz", "-t", "cortex-x9", "-o", "out")
    assert "cortex-x9" in said and "cortex-m4" in said


def test_output_exists(work: Path, refused: Run) -> None:
    (work / "out").mkdir()
    (work / "out" / "mine.txt").write_text("precious")
    assert "--force" in refused(*_compile())
    assert "did not write" in refused(*_compile("good.onnx", "good.npz", "--force"))


def test_dumps_overwrite_nothing(work: Path, refused: Run) -> None:
    (work / "dumps").mkdir()
    (work / "dumps" / "1-load.txt").write_text("mine")
    assert "not empty" in refused(*_compile("good.onnx", "good.npz", "--dump-dir", "dumps"))
    assert "good.npz" in refused(*_compile("good.onnx", "good.npz", "--dump-dir", "good.npz/d"))


def test_output_is_a_file_or_a_link(work: Path, refused: Run) -> None:
    (work / "out").write_text("precious")
    assert "not a folder" in refused(*_compile("good.onnx", "good.npz", "--force"))
    (work / "out").unlink()
    (work / "elsewhere").mkdir()
    (work / "out").symlink_to(work / "elsewhere")
    assert "not a folder" in refused(*_compile("good.onnx", "good.npz", "--force"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_cannot_be_written(work: Path, refused: Run) -> None:
    (work / "locked").mkdir(mode=0o500)
    refused("compile", "good.onnx", "--data", "good.npz", "-t", "host", "-o", "locked/out")


def test_output_below_a_file(refused: Run) -> None:
    said = refused("compile", "good.onnx", "--data", "good.npz", "-t", "host", "-o", "good.npz/out")
    assert "good.npz/out" in said


# what run is given


@pytest.fixture
def compiled(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """A compiled model for the host."""
    arguments = ["compile", "good.onnx", "--data", "good.npz", "-t", "host", "-o", "out"]
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    main_exit(main)
    capsys.readouterr()
    return work / "out"


def test_run_of_what_is_not_ours(work: Path, refused: Run) -> None:
    (work / "empty").mkdir()
    for folder in ("nowhere", "empty", "good.npz"):
        assert "microformer compile" in refused("run", folder, "--data", "good.npz")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda manifest: "{",
        lambda manifest: "[]",
        lambda manifest: manifest.replace(f'"format": {FORMAT}', '"format": 99'),
        lambda manifest: manifest.replace('"good.c"', '"../../etc/passwd"'),
        lambda manifest: manifest.replace('"good.c"', '"/etc/passwd"'),
        lambda manifest: manifest.replace('"good.c"', '"gone.c"'),
        lambda manifest: manifest.replace('"name": "good"', '"name": "good -o x"'),
        lambda manifest: manifest.replace('"arena_bytes"', '"arena"'),
        lambda manifest: manifest.replace('"host"', '"moon"'),
    ],
)
def test_run_of_a_damaged_folder(compiled: Path, refused: Run, spoil: Callable[[str], str]) -> None:
    manifest = compiled / "microformer" / "manifest.json"
    spoilt = spoil(manifest.read_text())
    assert spoilt != manifest.read_text()
    manifest.write_text(spoilt)
    refused("run", "out", "--data", "good.npz")


@pytest.mark.parametrize("name", ["int_graph.json", "int_graph.npz", "float.onnx"])
def test_run_of_a_cut_file(compiled: Path, refused: Run, name: str) -> None:
    path = compiled / "microformer" / name
    path.write_bytes(path.read_bytes()[:100])
    refused("run", "out", "--data", "good.npz")


def test_run_with_samples_of_another_model(compiled: Path, work: Path, refused: Run) -> None:
    np.savez(work / "other.npz", x=np.zeros((3, 5), np.float32))
    assert "[6]" in refused("run", "out", "--data", "other.npz")


def test_run_of_changed_c_that_does_not_compile(compiled: Path, refused: Run) -> None:
    (compiled / "good.c").write_text("int broken(\n")
    assert "good.c' was changed" in refused("run", "out", "--data", "good.npz")
    assert "compiler refused" in refused("run", "out", "--data", "good.npz", "--edited")


def test_a_changed_zero_point_is_found(compiled: Path, refused: Run) -> None:
    graph = compiled / "microformer" / "int_graph.json"
    text = graph.read_text()
    changed = re.sub(r'"zero_point": (-?\d+)', '"zero_point": 3', text, count=1)
    assert changed != text
    graph.write_text(changed)
    assert "int_graph.json' was changed" in refused("run", "out", "--data", "good.npz")


def test_every_file_of_a_folder_is_covered(compiled: Path, refused: Run) -> None:
    """One byte of any file changed, or the file gone: one sentence that names it."""
    files = [p for p in compiled.rglob("*") if p.is_file()]
    assert len(files) > 8
    for path in files:
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        said = refused("run", "out", "--data", "good.npz")
        assert path.name in said or "damaged" in said
        path.unlink()
        assert "Traceback" not in refused("run", "out", "--data", "good.npz")
        path.write_bytes(whole)


def test_an_archive_that_unpacks_to_gigabytes(work: Path) -> None:
    """A member whose header claims more than is there, and one that is there: both refused."""
    honest = io.BytesIO()
    np.savez_compressed(honest, x=np.zeros(1 << 22, np.int8))
    with pytest.raises(ValueError, match="unpacks to"):
        read_npz(honest.getvalue(), 1 << 20)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
        header, {"shape": (1 << 40,), "fortran_order": False, "descr": "|i1"}
    )
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(ValueError, match="claims more"):
        read_npz(lying.getvalue(), 1 << 30)


def test_the_demo_on_an_unknown_target(refused: Run) -> None:
    assert "cortex-m9" in refused("demo", "--target", "cortex-m9")


def test_the_demo_files_are_there() -> None:
    with demo_paths() as paths:
        assert all(p.is_file() for p in (paths.model, paths.calibration, paths.held_out))


def test_files_with_nearly_that_name_are_offered(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "mo\x1b[31mdel.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"near it: model\.onnx, mo\\x1b\[31mdel\.onnx"):
        microformer.load(tmp_path / "modle.onnx")
    with pytest.raises(ModelError, match="does not exist: check"):
        microformer.load(tmp_path / "nowhere" / "modle.onnx")
