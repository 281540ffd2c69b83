"""Cortex-M0+ and Cortex-M3: cycles against their manuals' tables (docs/timing.md)."""

import pytest

from microformer.errors import ToolError
from microformer.run.timing import Block
from microformer.run.timing.cortex_m0plus import CortexM0Plus
from microformer.run.timing.cortex_m3 import CortexM3
from tests.targets.assemble import assemble

M0PLUS = {
    "adds r0, r1, r2\nmuls r0, r1\nlsls r2, r3, #4\nsxtb r0, r1": 4,  # one each
    "add r8, r1\nmov r9, r2\ncmp r1, r9": 3,  # the higher registers too
    "ldr r0, [r1]\nldrb r2, [r3]": 4,  # nothing overlaps
    "ldrsb r0, [r1, r2]\nstr r0, [r3]\nstrh r0, [r3, #2]": 6,
    "ldm r0!, {r1, r2, r3}": 4,
    "push {r4, r5, r6, lr}": 5,
    "pop {r4, r5}": 3,
    "mrs r0, primask\ndsb": 6,
}

M0PLUS_EXITS = {
    "bne.n away": (2, 1),
    "b.n away": (2, 1),
    "bx lr": (2, 1),
    "blx r3": (2, 1),
    "bl away": (3, 2),
    "pop {r4, r5, pc}": (6, 4),  # 3 + 3, the program counter among them
    "mov pc, lr": (2, 1),
    "adds r0, r1, r2": (0, 0),
}


@pytest.mark.parametrize("text", M0PLUS)
def test_straight_code_of_the_m0plus(text: str) -> None:
    block = Block(0x1000, assemble(text, "cortex_m0plus"))
    assert CortexM0Plus().entry_cycles(block, None) == M0PLUS[text]


@pytest.mark.parametrize("text", M0PLUS_EXITS)
def test_how_the_m0plus_leaves_a_block(text: str) -> None:
    model, block = CortexM0Plus(), Block(0x1000, assemble(text, "cortex_m0plus"))
    taken, fallen = M0PLUS_EXITS[text]
    assert model.exit_cycles(block, taken=True) == taken
    assert model.exit_cycles(block, taken=False) == fallen


def test_what_the_m0plus_has_not_is_refused_with_its_address() -> None:
    with pytest.raises(ToolError, match=r"no 'mla' .*0x00001000"):
        CortexM0Plus().entry_cycles(
            Block(0x1000, assemble("mla r0, r1, r2, r3", "cortex_m4")), None
        )


M3 = {
    "mul r0, r1, r2\nadd r0, r0, r3": 2,
    "mla r0, r1, r2, r3": 2,
    "mls r0, r1, r2, r3": 2,
    "smull r0, r1, r2, r3": 5,  # 3 to 5
    "umlal r0, r1, r2, r3": 7,  # 4 to 7
    "ldr r0, [r1]\nldr r2, [r3]": 3,  # as on the M4
    "ssat r0, #8, r1, asr #3": 1,
}


@pytest.mark.parametrize("text", M3)
def test_straight_code_of_the_m3(text: str) -> None:
    assert CortexM3().entry_cycles(Block(0x1000, assemble(text, "cortex_m3")), None) == M3[text]


def test_the_m3_has_no_simd() -> None:
    with pytest.raises(ToolError, match=r"no 'smlad'.*0x00001000"):
        CortexM3().entry_cycles(Block(0x1000, assemble("smlad r0, r1, r2, r3", "cortex_m4")), None)
