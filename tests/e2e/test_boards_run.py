"""Boards of every kind with a model on each: memories of their own, every byte right."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import microformer
from microformer import targets
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.errors import TargetError
from microformer.graph.tensor import Array
from microformer.targets import QemuRunner


class Branches(nn.Module):
    """An image [1, 3, 36, 36] to four maps that are alive at once, then to classes [1, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.Conv2d(3, 16, 3, padding=1), nn.Linear(16, 4)
        self.maps = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1, groups=16) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        whole = torch.relu(self.rows(x))
        a, b, c, d = (layer(whole) for layer in self.maps)
        made: Tensor = self.head((a * b + c * d + whole).mean((2, 3)))
        return made


@pytest.fixture(scope="module")
def branches() -> tuple[microformer.FloatModel, Array]:
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((6, 3, 36, 36)).astype(np.float32)
    return microformer.load(Branches().eval(), example=x[:1]), x


def _able(name: str) -> None:
    runner = targets.find(name).runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")


@pytest.mark.parametrize("name", ["stm32l476rg", "stm32f405rg"])
def test_an_arena_over_two_rams(name: str, branches: tuple[microformer.FloatModel, Array]) -> None:
    """More than the first RAM holds: whole buffers lie in the second, in C and as linked."""
    model, x = branches
    board = targets.customised(targets.find(name), ram=96 << 10)
    compiled = microformer.compile(model, x, board, effort="low")
    project, other = compiled.project, board.second_ram()
    assert other is not None and 0 < project.l2_bytes <= other.size_bytes
    assert project.arena_bytes + project.l2_bytes > 96 << 10
    header = project.files[f"{project.name}.h"]
    assert f"_ARENA2_BYTES {project.l2_bytes}" in header and other.name in header
    assert "void *arena, void *arena2)" in header
    report = microformer.run(compiled, x[:2])
    assert report.bit_exact and report.firmware_exact
    assert report.ram_bytes is not None and report.ram_bytes > 96 << 10


EXTERNAL = """
name = "wide"
board = "a board with flash of two kinds"
core = "cortex-m4f"
clock = "64M"

[[memories]]
name = "FLASH"
origin = 0x0800_0000
bytes = "256K"
holds = ["code"]

[[memories]]
name = "QSPI"
origin = 0x9000_0000
bytes = "1M"
holds = ["constants"]

[[memories]]
name = "SRAM"
origin = 0x2000_0000
bytes = "64K"
holds = ["data"]
"""


@pytest.mark.parametrize(
    ("name", "memory"), [("stm32f405rg", "ccm"), ("stm32f405rg", "SRAM"), ("wide.toml", "qspi")]
)
def test_constants_in_a_memory_of_their_own(name: str, memory: str, tmp_path: Path) -> None:
    """Copied at start into RAM, or kept in another flash; the report says what lies where."""
    (tmp_path / "wide.toml").write_text(EXTERNAL)
    board = targets.resolve(tmp_path / name if name.endswith("toml") else name)
    with demo_paths() as paths, np.load(paths.calibration) as file:
        compiled = microformer.compile(paths.model, file["x"], board, effort="low", weights=memory)
        report = microformer.run(compiled, file["x"][:2])
    assert report.bit_exact and report.firmware_exact
    used = {use.name: use for use in report.memories}
    there = used[memory.upper()]
    assert there.used_bytes >= compiled.project.weight_bytes
    assert sum(use.used_bytes for use in report.memories) == (
        (report.flash_bytes or 0) + (report.ram_bytes or 0)
    )
    if memory == "qspi":
        assert used["FLASH"].used_bytes < compiled.project.weight_bytes + 10_000
    with pytest.raises(TargetError, match="has no memory 'dtcm'; it has"):
        targets.with_weights(board, "dtcm")


def test_constants_and_a_second_arena_share_a_ram(
    branches: tuple[microformer.FloatModel, Array],
) -> None:
    model, x = branches
    board = targets.customised(targets.find("stm32f405rg"), ram=96 << 10)
    compiled = microformer.compile(model, x, board, effort="low", weights="CCM")
    assert compiled.project.l2_bytes
    assert microformer.run(compiled, x[:1]).bit_exact


def test_two_rams_too_small(branches: tuple[microformer.FloatModel, Array]) -> None:
    model, x = branches
    board = targets.customised(targets.find("stm32l476rg"), ram=48 << 10)
    with pytest.raises(TargetError, match="the 32,768 of SRAM2 beside it are too few"):
        microformer.compile(model, x, board, effort="low")


@pytest.mark.parametrize(
    "name", ["bluepill", "nrf51822", "stm32wl55jc", "nrf5340", "saml10", "alif-e7", "mps2-an500"]
)
def test_the_demo_on_a_board(name: str) -> None:
    """One of each core: linked for its own memories, run on the emulator that there is."""
    _able(name)
    board = targets.find(name)
    with demo_paths() as paths, np.load(paths.calibration) as file:
        model, x = microformer.load(paths.model), file["x"]
    try:
        compiled = microformer.compile(model, x, board, effort="low")
    except TargetError as error:
        assert name in {"bluepill", "nrf51822", "saml10"} and "does not fit" in str(error)
        roomy = targets.customised(board, flash=512 << 10, ram=128 << 10)
        compiled = microformer.compile(model, x, roomy, effort="low")
    report = microformer.run(compiled, x[:2])
    assert report.bit_exact and report.firmware_exact and report.board == board.board
    assert (report.cycles is None) == (board.timing is None)


def test_what_fits_the_board_but_not_the_emulator(
    branches: tuple[microformer.FloatModel, Array],
) -> None:
    """An Alif has 5.5 MiB for code, QEMU's machine 512 KiB: it compiles, running is refused."""
    _able("alif-e7")

    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(512, 1024), nn.Linear(1024, 8)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.b(torch.relu(self.a(x)))
            return made

    x = np.random.default_rng(0).standard_normal((6, 512)).astype(np.float32)
    model = microformer.load(Wide().eval(), example=x[:1])
    compiled = microformer.compile(model, x, "alif-e7", effort="low")
    with pytest.raises(microformer.MicroformerError, match=r"fits alif-e7-hp .* cannot run here"):
        microformer.run(compiled, x[:1])


def test_the_command_takes_a_name_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with demo_paths() as paths:
        for option, value in (("--flash", "16K"), ("--ram", "2X"), ("--clock", "0")):
            arguments = ["compile", str(paths.model), "--random-data", "-o", str(tmp_path / "o")]
            monkeypatch.setattr(
                "sys.argv", ["microformer", *arguments, "--target", "PICO", option, value]
            )
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 2 and not (tmp_path / "o").exists()
