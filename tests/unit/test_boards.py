"""Boards as data: those that ship, those of a user, and what is said of a file that is none."""

import json
import tomllib
from pathlib import Path

import pytest

from microformer import targets
from microformer.cli import main
from microformer.errors import TargetError
from microformer.targets import BOARDS, TARGETS, FlatMemory, Memory
from microformer.targets.boards import aliases, text_of
from microformer.targets.cores import CORES

SHIPPED = [name for name in BOARDS if name != "host"]
WANTED = """
    stm32f103rb nucleo-f401re nucleo-f411re nucleo-f446re STM32F446RE nucleo-f746zg nucleo-h743zi
    nucleo-h7a3zi-q nucleo-l476rg nucleo-l4r5zi nucleo-u575zi-q nucleo-g071rb nucleo-g474re
    p-nucleo-wb55 stm32n6 nrf52832 nrf52840 nrf5340 nrf54l15 rp2040 rp2350 samd21 samd51
    nano-33-ble portenta-h7 uno-r4 teensy41 microbit max78000 apollo3 apollo4 apollo510 alif-e3
    alif-e7 ra8m1 corstone-300 mps2-an386 mps3-an547 gap8
"""
GOOD = """\
name = "mine"
board = "of mine"
core = "cortex-m4f"
clock = "64MHz"

[[memories]]
name = "FLASH"
origin = 0x0800_0000
bytes = "256K"
holds = ["code", "constants"]

[[memories]]
name = "SRAM"
origin = 0x2000_0000
bytes = 65536
holds = ["data"]
"""


def test_there_are_many() -> None:
    assert len(BOARDS) >= 60
    for name in WANTED.split():
        assert targets.find(name).name in BOARDS


@pytest.mark.parametrize("name", SHIPPED)
def test_a_board_that_ships(name: str, tmp_path: Path) -> None:
    """It reads as a user's own file would, says where its figures are from, and stays whole."""
    board = BOARDS[name]
    assert board.name == name and board.core in CORES and len(board.memory_source) > 20
    (tmp_path / "own.toml").write_text(targets.board_text(board))
    assert targets.resolve(tmp_path / "own.toml") == board
    record = json.loads(json.dumps(targets.target_record(board)))
    assert targets.target_of(record, "here") == board
    known = tomllib.loads(text_of(name))
    assert board.power_mw is None or known["sources"]["power"]
    assert board.board_flash is None or known["sources"]["wait_states"]
    assert board.clock_hz >= 10**6


def test_no_two_boards_have_one_name() -> None:
    seen: dict[str, str] = {}
    for name in SHIPPED:
        for alias in (name, *tomllib.loads(text_of(name)).get("aliases", ())):
            assert seen.setdefault(alias.casefold(), name) == name, alias
    assert seen == {k: v for k, v in aliases().items() if k != "host"}


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(TargetError, match="the nearest are: stm32f446re"):
        targets.find("nucleo-f446")
    with pytest.raises(TargetError, match="cortex-m4"):
        targets.find("zzzzzzzz")


def test_a_board_of_ones_own() -> None:
    made = targets.board_of(GOOD, "mine.toml")
    assert made.clock_hz == 64_000_000 and made.timing == "m4"
    assert made.data_memory()[1] == Memory(0x2000_0000, 65_536, "SRAM", ("data",))
    assert made.second_ram() is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('clock = "64MHz"', "", "'b.toml': clock: it is missing"),
        ('clock = "64MHz"', 'clock = "fast"', "line 4: clock: 'fast' is no frequency"),
        ('clock = "64MHz"', 'clock = "64MHz"\nwatts = 3', "line 5: watts: no such key"),
        ('core = "cortex-m4f"', 'core = "cortex-m5"', "line 3: core: there is no core 'cortex-m5'"),
        ('holds = ["data"]', 'holds = ["constants"]', 'memories: none of them holds "data"'),
        ('bytes = "256K"', 'bytes = "256X"', "line 9: memories.1.bytes: '256X' is no number"),
        ("bytes = 65536", "bytes = 16", "line 15: memories.2.bytes: a memory of 16 bytes"),
        ("bytes = 65536", "bytes = 2048", "line 15: memories.2.bytes: SRAM is too small for"),
        ("bytes = 65536", "", "line 12: memories.2.bytes: it is missing"),
        ("0x2000_0000", "0x0801_0000", "line 14: memories.2.origin: SRAM overlaps FLASH"),
        ("0x2000_0000", "0xFFFF_FFF0", "line 14: memories.2.origin: it does not lie in 32 bits"),
        ('name = "SRAM"', 'name = "FLASH"', "line 13: memories.2.name: a second memory"),
        ('name = "SRAM"', 'name = "S; }"', "line 13: memories.2.name: a memory's name"),
        ('name = "mine"', 'name = "../x"', "line 1: name: its name is not"),
        ('holds = ["data"]', 'holds = ["all"]', "memories.2.holds"),
        ('name = "mine"', 'name = "mine', "is not TOML"),
    ],
)
def test_what_a_file_lacks_is_said_with_its_line(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "b.toml"
    path.write_text(GOOD.replace(old, new, 1) if old in GOOD else GOOD)
    with pytest.raises(TargetError) as caught:
        targets.resolve(path)
    message = str(caught.value)
    assert said.replace("'b.toml'", f"'{path}'") in message and "\n" not in message


def test_figures_of_ones_own_on_top_of_any() -> None:
    board = targets.customised(
        targets.find("pico"), flash=512 << 10, ram=96 << 10, clock_hz=64_000_000, power_mw=30.0
    )
    assert isinstance(board.memory, FlatMemory)
    assert board.memory.flash.size_bytes == 512 << 10 and board.memory.ram.size_bytes == 96 << 10
    assert board.clock_hz == 64_000_000 and board.energy_mj(64_000_000) == 30.0
    assert board.power_source == "given by the user"
    for name in ("host", "pulp-ri5cy"):
        with pytest.raises(TargetError):
            targets.customised(TARGETS[name], flash=1 << 20)


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["microformer", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_command_lists_finds_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    code, few, _ = _printed(capsys, "targets")
    assert code == 0 and f"{len(BOARDS)} boards" in few
    assert len(_printed(capsys, "targets", "--all")[1].splitlines()) == len(BOARDS)
    found = _printed(capsys, "targets", "nrf m33")[1]
    assert "nrf5340" in found and "stm32" not in found
    shown = _printed(capsys, "targets", "--show", "nucleo-f446re")[1]
    assert targets.board_of(shown, "shown") == BOARDS["stm32f446re"]
    code, _, said = _printed(capsys, "targets", "nucleof446")
    assert code == 2 and "stm32f446re" in said
    records = json.loads(_printed(capsys, "targets", "stm32h7", "--json")[1])
    assert {record["core"] for record in records} == {"cortex-m7"}
    assert _printed(capsys, "targets", "--show", "host")[0] == 2
