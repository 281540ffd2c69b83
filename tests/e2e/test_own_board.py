"""A board of ten lines of Python, through the API and the command, as docs/boards.md prints it."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microformer
from microformer import targets
from microformer.demo import demo_paths
from microformer.errors import TargetError

_PAGE = Path(__file__).parents[2] / "docs" / "boards.md"


def printed(mark: str) -> str:
    """The block of code behind ``<!-- mark -->``."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and samples, and the current one."""
    monkeypatch.chdir(tmp_path)
    with demo_paths() as paths:
        (tmp_path / "model.onnx").write_bytes(paths.model.read_bytes())
        with np.load(paths.held_out) as file:
            np.savez(tmp_path / "samples.npz", x=file["x"][:20], y=file["y"][:20])
    return tmp_path


def _board() -> targets.Target:
    known: dict[str, Any] = {}
    exec(printed("board"), known)
    made = known["BOARD"]
    assert isinstance(made, targets.Target)
    return made


def test_the_page_as_printed(place: Path) -> None:
    """The API, then the command: the record is in the folder, so the board's file may go."""
    board = _board()
    assert board != targets.find("nucleo-g474re")
    with np.load("samples.npz") as file:
        known: dict[str, Any] = {"BOARD": board, "samples": file["x"]}
    exec(printed("api"), known)
    assert known["report"].bit_exact and known["report"].firmware_exact
    assert known["report"].latency_ms == known["report"].cycles / 170e6 * 1e3
    compile_line, run_line = printed("cli").strip().splitlines()
    for line in (compile_line, f"{run_line} --json"):
        command = [sys.executable, "-m", *line.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (place / "nucleo-g474re.json").unlink(missing_ok=True)
    report = json.loads(done.stdout)
    assert report["target"] == "stm32g474re" and report["bit_exact"]
    assert report["cycles"] == known["report"].cycles and report["clock_hz"] == 170_000_000


def test_the_file_as_printed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(printed("toml"))
    made = targets.resolve(tmp_path / "mine.toml")
    other = made.second_ram()
    assert made.clock_hz == 64_000_000 and made.power_mw == 12.5 and made.board_flash is not None
    assert other is not None and (other.name, other.size_bytes) == ("CCM", 16 << 10)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_record_comes_back_whole(name: str, tmp_path: Path) -> None:
    target = targets.TARGETS[name]
    targets.write_target(target, tmp_path / "board.json")
    assert targets.resolve(tmp_path / "board.json") == target
    record = json.loads(json.dumps(targets.target_record(target)))
    assert targets.target_of(record, "here") == target


def test_toml(tmp_path: Path) -> None:
    text = """
name = "mine"
board = "of mine"
isas = ["ref"]
triple = "thumb-freestanding-eabi"
cpu = "cortex_m0plus"
clock_hz = 48_000_000
[runner]
kind = "unicorn"
cpu = "CORTEX_M0"
[memory]
flash = { origin = 0x0800_0000, size_bytes = 262_144 }
ram = { origin = 0x2000_0000, size_bytes = 20_000 }
"""
    (tmp_path / "mine.toml").write_text(text)
    made = targets.resolve(str(tmp_path / "mine.toml"))
    assert made.data_memory() == ("RAM", targets.Memory(0x2000_0000, 20_000))
    assert made == targets.target_of(tomllib.loads(text), "here")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clock": 1}, "clock: unexpected"),
        ({"clock_hz": "fast"}, "clock_hz"),
        ({"flash": {"waits": 4}}, "flash.waits: unexpected"),
        ({"name": "../evil"}, "its name is not"),
        ({"cpu": "-rf"}, "its cpu is '-rf'"),
        ({"triple": "a b"}, "its triple"),
        ({"isas": []}, "no instruction set"),
        ({"defines": ["A B"]}, "a define of it"),
        ({"cores": 2}, "2 cores are not 1 to 1"),
        ({"stack_bytes": 7}, "stacks"),
        ({"timing": "m1"}, "timing"),
        ({"memory": None}, "memories are for cores"),
        ({"memory": {"flash": {"origin": 0, "size_bytes": 1}}}, "memory"),
        ({"runner": {"kind": "rtl", "core": "ri5cy"}}, "L1 and L2"),
        ({"runner": {"kind": "qemu", "machine": "a,b"}}, "runner's machine"),
    ],
)
def test_what_cannot_be_is_a_sentence(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    record = targets.target_record(targets.TARGETS["cortex-m4"]) | change
    (tmp_path / "board.json").write_text(json.dumps(record))
    with pytest.raises(TargetError) as error:
        targets.read_target(tmp_path / "board.json")
    text = str(error.value)
    assert said.lower() in text.lower() and text.endswith(".") and "\n" not in text


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "\x00", "[" * 100_000])
def test_no_record_at_all(text: str, tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text(text)
    with pytest.raises(TargetError):
        targets.read_target(tmp_path / "board.json")
    with pytest.raises(TargetError, match="no file"):
        targets.read_target(tmp_path)


def test_kernels_that_are_not_there(place: Path) -> None:
    with np.load("samples.npz") as file, pytest.raises(TargetError, match="kernels of 'sse'"):
        microformer.compile("model.onnx", file["x"], target=replace(_board(), isas=("sse",)))
    with pytest.raises(TargetError, match="a file of your own"):
        targets.resolve("cortex-m5")
