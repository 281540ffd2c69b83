"""The command: what it writes and prints, and one sentence with exit code 2 where it cannot."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tinyradar import models
from tinyradar.cli import main
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.train import integers
from tinyradar.train.weights import read_weights


def run(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tinyradar", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


def call(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["tinyradar", *map(str, args)])
    with pytest.raises(SystemExit) as found:
        main()
    code = found.value.code
    return code if isinstance(code, int) else 0


def test_simulate_inspect_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    few = ("--people", 2, "--sessions", 1, "--instances", 1, "--processes", 1)
    assert call(monkeypatch, "simulate", tmp_path / "set", *few) == 0
    assert "24 simulated recordings" in capsys.readouterr().out
    (tmp_path / "set/11G/data/p1/Push/sess_0/0_s0.dat").write_bytes(b"short")
    picture = tmp_path / "maps.png"
    assert call(monkeypatch, "inspect", tmp_path / "set", "--picture", picture) == 0
    shown = capsys.readouterr().out
    assert "69 sequences of 23 recordings, simulated" in shown
    assert "1 recordings skipped" in shown and "has 5 bytes" in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert call(monkeypatch, "cache", tmp_path / "set", tmp_path / "features") == 0
    told = capsys.readouterr()
    assert "69 sequences of 23 recordings" in told.out and "skipped: " in told.err
    assert call(monkeypatch, "inspect", tmp_path / "features", "--picture", picture) == 0
    capsys.readouterr()
    assert call(monkeypatch, "inspect", tmp_path / "set", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["recordings"] == 23 and len(made["skipped"]) == 1
    assert made["gestures"]["Push"] == {"sequences": 3, "persons": 1}
    assert call(monkeypatch, "simulate", "--traces", tmp_path / "traces", *few[:-2]) == 0
    capsys.readouterr()
    assert call(monkeypatch, "inspect", tmp_path / "traces", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["traces"] == 10 and made["gestures"]["knock"]["open"] == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("inspect", "nothing"), "'nothing' is not a folder"),
        (("inspect", "."), "neither 11G/data nor 5G/data"),
        (("cache", "nothing", "x"), "is not a folder"),
        (("train", "nothing", "-m", "tinyradarnn"), "not a cache of features"),
        (("train", "nothing", "-m", "vgg"), "no model 'vgg'"),
        (("reproduce", "-m", "vgg"), "no model 'vgg'"),
        (("reproduce", "--protocol", "loso"), "no protocol 'loso'"),
        (("simulate", "x", "--people", "1000000"), "GB free"),
        (("watch",), "Give one recording or one folder, or --simulate"),
        (("watch", "a", "b"), "Give one recording or one folder, or --simulate"),
        (("watch", "nothing"), "There is no file or folder 'nothing'"),
        (("watch", "."), "holds no recording"),
        (("watch", "--simulate", "Wave"), "no gesture 'Wave'"),
        (("watch", "--simulate", "-m", "vgg"), "no model 'vgg'"),
        (("watch", "--simulate", "--fold", "5"), "no fold 5; there are 0 to 4"),
        (("watch", "--simulate", "--place", "x"), "'x/features' is not a cache"),
    ],
)
def test_one_sentence_and_exit_code_2(
    args: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *args) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and told.startswith("tinyradar: ")
    assert not list(tmp_path.iterdir())


def test_as_a_module(tmp_path: Path) -> None:
    done = run("inspect", tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "usage" in run("--help").stdout.lower()


def test_without_torch(tmp_path: Path) -> None:
    """Data can be simulated and inspected; what needs torch says so."""
    program = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['tinyradar', *sys.argv[1:]];"
        "from tinyradar.cli import main; main()"
    )
    few = ("--people", "1", "--sessions", "1", "--instances", "1", "--processes", "1")
    for args, code in (
        (("simulate", str(tmp_path / "set"), *few), 0),
        (("inspect", str(tmp_path / "set"), "--picture", str(tmp_path / "m.png")), 0),
        (("train", str(tmp_path), "-m", "tinyradarnn"), 2),
        (("watch", "--simulate"), 2),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *args], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert code == 0 or "pip install 'microformer[radar]'" in done.stderr


def test_train(
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = models.find("transformer-small")
    recipe = dataclasses.replace(model.recipe, epochs=1)
    monkeypatch.setitem(models.MODELS, model.name, dataclasses.replace(model, recipe=recipe))
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    args = ("train", cache, "-m", model.name, "--folds", 3, "--place", tmp_path)
    assert call(monkeypatch, *args, "--fold", 2) == 0
    assert (
        "transformer-small-fold2of3: " in (told := capsys.readouterr().out)
        and "(simulated)" in told
    )
    assert read_weights(
        tmp_path / "weights/transformer-small-fold2of3.npz",
        model,
        data,
        person_folds(data.persons, 3)[2],
    )
    monkeypatch.setattr(integers, "PARTS", 12)
    assert call(monkeypatch, *args, "--fold", 2, "--qat") == 0  # float goes on from its checkpoint
    assert "transformer-small-fold2of3: " in (told := capsys.readouterr().out)
    assert " % in int8 (simulated) in " in told
    assert (tmp_path / "weights/transformer-small-fold2of3-int8.npz").is_file()
    assert call(monkeypatch, *args, "--fold", 3) == 2
    assert "There is no fold 3; there are 0 to 2." in capsys.readouterr().err


@pytest.mark.parametrize("module", ["PIL", "h5py", "bottle"])
def test_a_machine_without_the_extra_gets_one_sentence(module: str) -> None:
    program = (
        f"import sys; sys.modules['{module}'] = None; sys.argv[1:] = ['watch', '--simulate']; "
        "import tinyradar.__main__ as t; t.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert module in done.stderr and "microformer[radar]" in done.stderr
