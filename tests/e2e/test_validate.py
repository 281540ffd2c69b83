"""The firmware that measures itself, on machines that are not ours: QEMU's boards by a real pty."""

import json
import re
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial
import torch

import microformer
from microformer import pipeline, store, targets
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.errors import TargetError, ToolError
from microformer.export import vectors
from microformer.graph.compiled import Compiled
from microformer.graph.ends import records
from microformer.graph.tensor import Array
from microformer.page.bars import in_notebook as silent
from microformer.pipeline.board import listen
from microformer.validate import Expected, Line, read
from tests.models import TokensAndRows

MACHINES = {
    "stm32f405rg": "netduinoplus2",
    "mps2-an386": "mps2-an386",
    "mps2-an500": "mps2-an500",
    "cortex-m55": "mps3-an547",
    "nrf51822": "microbit",
    "qemu-riscv-virt": "virt",
}
"""Boards of ours with a serial port that QEMU has too."""


def _tool(name: str) -> str:
    program = "qemu-system-riscv32" if targets.find(name).is_riscv else "qemu-system-arm"
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return program


def _digits(board: str) -> tuple[Compiled, Array]:
    with demo_paths() as paths, np.load(paths.calibration) as file:
        model, x = microformer.load(paths.model, name="digits"), file["x"]
    return microformer.compile(model, x, board, effort="low"), x


@contextmanager
def _powered(board: str, elf: Path) -> Iterator[str]:
    """The board in QEMU, running; its serial port."""
    bare = ["-bios", "none"] if board == "qemu-riscv-virt" else []
    command = [_tool(board), "-M", MACHINES[board], *bare, "-display", "none", "-monitor", "none"]
    command += ["-serial", "pty", "-kernel", str(elf)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while "/dev/pts" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        found = re.search(r"/dev/pts/\d+", said)
        assert found is not None
        yield found.group()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _flashed(compiled: Compiled, board: str, place: Path, x: Array | None = None) -> Path:
    """The firmware's ELF, written to ``place``."""
    files = pipeline.export_firmware(compiled, targets.find(board), x, progress=silent)
    for name in ("README.md", "port.c", "board.ld", "CMakeLists.txt"):
        assert "{{" not in str(files[name]) and name in files
    for name, content in files.items():
        if isinstance(content, str) and name not in ("LICENSE", "network/mf/LICENSE"):
            assert f"microformer {microformer.__version__}" in content[:600], name
            assert name.endswith(".json") or "SPDX-License-Identifier" in content[:600], name
    elf, image = files["digits.elf"], files["digits.bin"]
    assert isinstance(elf, bytes) and isinstance(image, bytes) and len(image) < 100_000
    path = place / "digits.elf"
    path.write_bytes(elf)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("board", MACHINES)
def test_a_board_by_its_port(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Export, flash, validate, as a user does it; and the report that comes of it."""
    _tool(board)
    compiled, x = _digits(board)
    store.save(compiled, tmp_path / "out")
    monkeypatch.setattr("platformdirs.user_data_path", lambda _name: tmp_path / "data")
    with _powered(board, _flashed(compiled, board, tmp_path)) as port:
        line = ["validate", str(tmp_path / "out"), "--serial", port, "--json", "--timeout", "120"]
        monkeypatch.setattr("sys.argv", ["microformer", *line])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
    found = json.loads(capsys.readouterr().out)
    assert ended.value.code in (0, None)
    assert found["exact"] and found["samples"] == 8 and found["board"] == board
    assert not found["broken"] and not found["missing"] and found["wrong_bytes"] == 0
    assert found["counter"] == ("mcycle" if targets.find(board).is_riscv else "systick")
    assert len(found["layers"]) == len(compiled.project.layers)
    assert all(layer["cycles"] >= 0 for layer in found["layers"]) and found["cycles"] > 0
    timed = targets.find(board).timing is not None
    assert (found["estimate"] is not None) == timed == (found["factor"] is not None)
    kept = tmp_path / "data" / "measured" / f"{board}.json"
    assert kept.is_file() == timed
    if board == "mps2-an386":  # a later report has it
        report = microformer.run(compiled, x[:1])
        assert report.measured is not None and report.measured.factor == found["factor"]
        assert report.cycles is not None
        assert report.measured.cycles == round(report.cycles * found["factor"])
        kept.write_text('{"factor": "much"}')
        assert microformer.run(compiled, x[:1]).measured is None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, bytes]:
    """What an MPS2 says in one round, by way of a file."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    place = tmp_path_factory.mktemp("log")
    compiled, _ = _digits("mps2-an386")
    elf, said = _flashed(compiled, "mps2-an386", place), place / "said.txt"
    command = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none"]
    with subprocess.Popen([*command, "-serial", f"file:{said}", "-kernel", str(elf)]) as process:
        deadline = time.monotonic() + 120
        while b"MF1 end" not in (said.read_bytes() if said.exists() else b""):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    data = said.read_bytes()
    return compiled, data[: data.index(b"\n", data.index(b"MF1 end")) + 1]


def _found(compiled: Compiled, data: bytes) -> Any:
    expected = pipeline.expected_of(compiled, None, progress=silent)
    return pipeline.validate_lines(expected, data.split(b"\n"))


def _line(data: bytes, start: bytes) -> bytes:
    at = data.index(start)
    return data[at : data.index(b"\n", at) + 1]


def _resigned(line: bytes, old: bytes, new: bytes) -> bytes:
    """The line with another field and a checksum that fits."""
    text = line[: line.rindex(b" *")].replace(old, new, 1)
    return text + f" *{zlib.crc32(text):08x}\n".encode()


def test_a_whole_log(log: tuple[Compiled, bytes]) -> None:
    compiled, data = log
    found = _found(compiled, data)
    assert found.exact and found.factor is not None
    # what a boot loader says before it, carriage returns, and a second round change nothing
    noisy = b"\x00\xff*** boot v1 ***\r\n" + data.replace(b"\n", b"\r\n") + data
    assert _found(compiled, noisy).exact
    # neither does a round that was under way when the port was opened
    assert _found(compiled, data[len(data) // 2 :] + data).exact


def test_a_flipped_byte_on_the_way(log: tuple[Compiled, bytes]) -> None:
    compiled, data = log
    line = _line(data, b"MF1 out 3 0 ")
    spoilt = line.replace(b"out 3 0 ", b"out 3 0 0", 1)
    found = _found(compiled, data.replace(line, spoilt))
    assert not found.exact and "has a wrong checksum: 'MF1 out 3 0 0" in found.broken[0]
    assert any("output bytes of sample 3" in text for text in found.missing)


def test_a_wrong_output_is_counted(log: tuple[Compiled, bytes]) -> None:
    """The board computed another byte: the line is whole, the network is not right there."""
    compiled, data = log
    line = _line(data, b"MF1 out 5 0 ")
    byte = line.split(b" ")[4][:2]
    other = f"{int(byte, 16) ^ 1:02x}".encode()
    wrong = _resigned(line, b"out 5 0 " + byte, b"out 5 0 " + other)
    found = _found(compiled, data.replace(line, wrong))
    assert not found.exact and found.wrong_bytes == 1 and not found.broken and not found.missing


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"MF1 out 7 0 ", "output bytes of sample 7"),
        (b"MF1 cyc 2 4 ", "cycles of sample 2, layer 4"),
        (b"MF1 tot 1 ", "the total of sample 1"),
        (b"MF1 end ", "the line that ends the round"),
    ],
)
def test_a_dropped_line(start: bytes, said: str, log: tuple[Compiled, bytes]) -> None:
    compiled, data = log
    found = _found(compiled, data.replace(_line(data, start), b""))
    assert not found.exact and said in found.missing


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"MF1 cyc 0 0 ", b"MF9 cyc 0 0 ", "is of protocol MF9"),
        (b"MF1 cyc 0 0 ", b"MF1 pow 0 0 ", "is none that the protocol knows"),
        (b"MF1 cyc 0 0 ", b"MF1 cyc 0 x", "is none that the protocol knows"),
    ],
)
def test_a_line_of_another_kind(
    old: bytes, new: bytes, reason: str, log: tuple[Compiled, bytes]
) -> None:
    compiled, data = log
    line = _line(data, old)
    found = _found(compiled, data.replace(line, _resigned(line, old, new)))
    assert not found.exact and reason in found.broken[0]


def test_a_cut_line(log: tuple[Compiled, bytes]) -> None:
    compiled, data = log
    line = _line(data, b"MF1 cyc 4 3 ")
    found = _found(compiled, data.replace(line, line[:9] + b"\n"))
    assert not found.exact and "is cut or garbled: 'MF1 cyc 4'" in found.broken[0]


def test_another_program_and_other_samples(log: tuple[Compiled, bytes]) -> None:
    compiled, data = log
    expected = pipeline.expected_of(compiled, None, progress=silent)
    lines = list(read(data.split(b"\n")))
    other = Expected(**{**vars(expected), "digest": "00000000"})
    with pytest.raises(ToolError, match="runs another program: 'digits' with digest"):
        pipeline.validate_lines(other, data.split(b"\n"))
    other = Expected(**{**vars(expected), "inputs": "00000000"})
    with pytest.raises(ToolError, match="measures with other samples"):
        pipeline.validate_lines(other, data.split(b"\n"))
    assert all(isinstance(line, Line) for line in lines)


@pytest.mark.parametrize("data", [b"", b"hello world\n", b"MF1 hello short *00000000\n"])
def test_nobody_of_ours_spoke(data: bytes, log: tuple[Compiled, bytes]) -> None:
    with pytest.raises(ToolError, match="No firmware of ours spoke"):
        _found(log[0], data)


def test_silence_ends_by_the_clock() -> None:
    """The clock is handed in: nothing waits."""
    ticks = iter(range(100))
    with pytest.raises(ToolError, match="said no whole 'hello' line within 5 s"):
        list(listen(lambda: b"", 5, lambda: next(ticks)))
    parts = iter([b"MF1 hello a\nMF1 ou", *[b""] * 50])
    ticks = iter(range(100))
    with pytest.raises(ToolError, match="began a round and did not end it"):
        list(listen(lambda: next(parts), 5, lambda: next(ticks)))
    parts = iter([b"noise\nMF1 he", b"llo a\nMF1 out\nMF1 e", b"nd 8\nMF1 hello b\n"])
    ticks = iter(range(100))
    said = list(listen(lambda: next(parts), 50, lambda: next(ticks)))
    assert said == [b"MF1 hello a", b"MF1 out", b"MF1 end 8"]


def _command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_bad_input_is_one_sentence(
    log: tuple[Compiled, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled, data = log
    store.save(compiled, tmp_path / "out")
    out = str(tmp_path / "out")
    assert _command(monkeypatch, "validate", out) == 2
    assert _command(monkeypatch, "validate", out, "--log", str(tmp_path / "none.txt")) == 2
    assert _command(monkeypatch, "validate", out, "--serial", "/dev/none") == 2
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "log.txt").write_bytes(data.replace(_line(data, b"MF1 tot 1 "), b""))
    line = ("validate", out, "--log", str(tmp_path / "log.txt"), "--no-store")
    assert _command(monkeypatch, *line) == 1
    assert "missing: the total of sample 1" in capsys.readouterr().out
    assert _command(monkeypatch, "export", out, "-o", str(tmp_path / "x")) == 2
    assert (
        _command(monkeypatch, "export", out, "--firmware", "pico", "-o", str(tmp_path / "x")) == 2
    )
    assert "compile it for rp2040" in capsys.readouterr().err and not (tmp_path / "x").exists()


@pytest.mark.parametrize("stored", [False, True], ids=["made", "given"])
def test_several_ends_and_the_users_samples(stored: bool, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x: dict[str, Any] = {
        "tokens": generator.integers(0, 20, (12, 6)),
        "rows": generator.standard_normal((12, 6, 8)).astype(np.float32),
    }
    torch.manual_seed(0)
    example = {"tokens": torch.as_tensor(x["tokens"][:1]), "rows": torch.as_tensor(x["rows"][:1])}
    model = microformer.load(TokensAndRows().eval(), example=example, name="digits")
    compiled = microformer.compile(model, x, "mps2-an386", effort="low")
    given = records(x) if stored else None
    path = _flashed(compiled, "mps2-an386", tmp_path, given)
    expected = pipeline.expected_of(compiled, given, progress=silent)
    with _powered("mps2-an386", path) as port:
        assert pipeline.from_port(expected, port, 115_200, 120).exact


def test_samples_that_are_made_cover_the_range_and_more() -> None:
    """The quantiser saturates at both ends."""
    compiled, _ = _digits("mps2-an386")
    graph = compiled.int_graph
    tensor = graph.tensors[graph.inputs[0]]
    real = vectors.made(graph).inputs[graph.inputs[0]]
    levels = tensor.quantize(real)
    assert levels.min() == -128 and levels.max() == 127
    assert tensor.qparams is not None
    low, high = tensor.qparams.low_high
    assert real.min() < low and real.max() > high and len(np.unique(levels)) > 60


def test_what_has_no_firmware(tmp_path: Path) -> None:
    compiled, _ = _digits("host")
    with pytest.raises(TargetError, match="compile it for the board that you have"):
        pipeline.export_firmware(compiled, targets.find("pico"), None, progress=silent)


def _exchange(port: str, commands: list[str]) -> str:
    """What the board says until each command is answered."""
    said = b""
    deadline = time.monotonic() + 120
    with serial.Serial(port, 115_200, timeout=0.2) as opened:
        # an empty command until one is answered: what came before the port was set up is lost
        while not said.endswith(b"m-ready\r\n"):
            assert time.monotonic() < deadline
            opened.write(b"%")
            said = opened.read(4096)
        while opened.read(4096):  # the answers to those that were too many
            pass
        said = b""
        for number, command in enumerate(commands, 1):
            for begin in range(0, len(command), 16):  # as fast as a FIFO takes it
                opened.write(command[begin : begin + 16].encode())
                time.sleep(0.01)
            opened.write(b"%")
            while said.count(b"m-ready\r\n") < number:
                assert time.monotonic() < deadline, said
                said += opened.read(opened.in_waiting or 1)
    return said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("board", ["stm32f405rg", "mps2-an386", "nrf51822", "qemu-riscv-virt"])
def test_energyrunners_commands(board: str, tmp_path: Path) -> None:
    """The published protocol, by a stand-in for the tool: load, infer, results."""
    compiled, x = _digits(board)
    place = targets.find(board)
    files = pipeline.export_firmware(compiled, place, None, energyrunner=True, progress=silent)
    elf = files["digits.elf"]
    assert isinstance(elf, bytes) and "EnergyRunner" in str(files["README.md"])
    (tmp_path / "digits.elf").write_bytes(elf)
    graph = compiled.int_graph
    levels = graph.tensors[graph.inputs[0]].quantize(x[:1]).reshape(-1)
    load = [f"db load {levels.size}", *(f"db {c.tobytes().hex()}" for c in levels.reshape(-1, 16))]
    with _powered(board, tmp_path / "digits.elf") as port:
        said = _exchange(port, ["name", "profile", *load, "db print", "infer 3 1", "bogus", "db"])
    assert f"m-name-dut-[{place.name}]\r\n" in said and "m-model-[digits]" in said
    assert f"m-[Expecting {levels.size} bytes]" in said and said.count("m-load-done") == 1
    first = "-".join(f"{byte:02x}" for byte in levels.tobytes()[:8])
    assert f"m-buffer-{first}\r\n" in said
    laps = [int(lap) for lap in re.findall(r"m-lap-us-(\d+)", said)]
    assert len(laps) == 2 and laps[1] >= laps[0]
    assert "m-warmup-start-1\r\n" in said and "m-infer-start-3\r\n" in said
    (numbers,) = re.findall(r"m-results-\[([^\]]*)\]", said)
    made = [float(number) for number in numbers.split(",")]
    np.testing.assert_allclose(made, microformer.predict(compiled, x[:1])[0], atol=6e-4)
    assert "e-[Unknown command: bogus]" in said and "e-[Command 'db' requires" in said
