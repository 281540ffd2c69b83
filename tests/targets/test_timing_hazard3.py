"""Hazard3's timing model against its documentation's table, instruction by instruction."""

import pytest

from microformer.errors import ToolError
from microformer.run.timing import Block
from microformer.run.timing.hazard3 import Hazard3
from tests.targets.assemble import RISCV, assemble

STRAIGHT = {
    "add a0, a1, a2\nsub a3, a4, a5": 2,
    "mul a0, a1, a2\nmulh a3, a4, a5": 2,
    "div a0, a1, a2": 19,
    "remu a0, a1, a2": 19,  # 18, and we take the slower of both
    "lw a0, 0(a1)\nadd a2, a3, a4": 2,
    "lw a0, 0(a1)\nadd a2, a0, a4": 3,  # it waits for what is loaded
    "lb a0, 0(a1)\nlb a2, 0(a0)": 3,  # an address too
    "lw a0, 0(a1)\nsw a0, 4(a1)": 2,  # data that is stored is needed a stage later
    "lw a0, 0(a1)\nsh2add a2, a3, a0": 3,  # bit manipulation
    "lw a0, 0(a1)\nrori a2, a3, 7\nadd a0, a0, a0": 3,
    "c.lw a0, 0(a1)\nc.add a0, a2": 3,  # a short one reads what it writes
    "c.lwsp a0, 4(sp)\nc.mv a3, a2": 2,
    "lui a0, 5\nauipc a1, 6\nsltu a0, a1, a2": 3,
}


@pytest.mark.parametrize("text", STRAIGHT)
def test_straight_code(text: str) -> None:
    block = Block(0x1000, assemble(text, RISCV), riscv=True)
    assert Hazard3().entry_cycles(block, None) == STRAIGHT[text]


@pytest.mark.parametrize(
    ("text", "taken", "fallen"),
    [
        ("1: addi a0, a0, -1\nbnez a0, 1b", 1, 1),  # a loop's branch is predicted taken
        ("addi a0, a0, -1\nbeq a0, a1, away", 2, 1),
        ("lw a0, 0(a1)\nbeq a0, a2, away", 3, 2),
        ("addi a0, a0, 1\njal ra, away", 2, 2),
        ("addi a0, a0, 1\nret", 2, 2),
        ("lw ra, 0(sp)\njalr zero, 0(ra)", 3, 3),
        ("addi a0, a0, 1", 0, 0),
    ],
)
def test_the_branch_that_ends_a_block(text: str, taken: int, fallen: int) -> None:
    model, block = Hazard3(), Block(0x1000, assemble(text, RISCV), riscv=True)
    assert model.exit_cycles(block, taken=True) == taken
    assert model.exit_cycles(block, taken=False) == fallen


def test_a_jump_to_a_wide_instruction_that_is_not_aligned() -> None:
    code = assemble("add a0, a1, a2", RISCV)
    assert len(code) == 4
    model = Hazard3()
    assert model.entry_cycles(Block(0x1002, code, riscv=True), None) == 2
    before = Block(0x1000, assemble("c.mv a3, a4", RISCV), riscv=True)
    assert model.entry_cycles(Block(0x1002, code, riscv=True), before) == 1


def test_what_falls_through_waits_for_a_load_too() -> None:
    model = Hazard3()
    load = Block(0x1000, assemble("lw a0, 0(a1)", RISCV), riscv=True)
    use = Block(0x1004, assemble("add a2, a0, a0", RISCV), riscv=True)
    assert model.entry_cycles(use, load) == 2 and model.entry_cycles(use, None) == 1


def test_an_unknown_instruction_is_an_error() -> None:
    with pytest.raises(ToolError, match="0x00001000"):
        Hazard3().steps(Block(0x1000, b"\x0b\x00\x00\x00", riscv=True))
