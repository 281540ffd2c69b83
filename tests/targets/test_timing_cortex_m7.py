"""The Cortex-M7's rules (docs/timing.md, U1 to U12), by hand and against llvm-mca."""

import re
import shutil
import subprocess

import pytest

from microformer.errors import ToolError
from microformer.run.timing import Block
from microformer.run.timing.cortex_m7 import CORE, CortexM7
from tests.targets.assemble import assemble

HAND = {
    # U1: two ALU operations a cycle, not if the second needs the first
    "add.w r0, r0, #1\nadd.w r1, r1, #1": 1,
    "adds r0, #1\nadds r1, r0, #1": 2,
    # U2: two loads a cycle; an address is needed a cycle earlier; narrow loads come later
    "ldr r0, [r2]\nldr r1, [r2, #4]": 1,
    "adds r2, #4\nldr r0, [r2]": 3,
    "ldr r0, [r2]\nadds r1, r0, #1": 2,
    "ldrb r0, [r2]\nadds r1, r0, #1": 3,
    "ldr r0, [r2]\nldr r1, [r0]": 3,
    # U3: one product a cycle
    "mul r0, r1, r2\nmul r3, r1, r2": 2,
    # U4: a sum is taken a stage later, so products chain without a wait
    "smlad r0, r1, r2, r0\nsmlad r0, r1, r3, r0": 2,
    "mul r0, r1, r2\nadds r3, r0, #1": 3,
    "mul r0, r1, r2\nssat r3, #8, r0, asr #9": 4,
    # U5: the DSP extension, one a cycle and the first of it
    "sxtb16 r0, r1\nadds r2, #1": 1,
    "adds r2, #1\nsxtb16 r0, r1": 2,
    "sxtb16 r0, r1\nsxtb16 r2, r3": 2,
    # U6: a store may go with what it stores
    "adds r0, #1\nstr r0, [r1]": 1,
    "str r0, [r1]\nstr r2, [r1, #4]": 2,
    # U7: several words alone
    "ldrd r0, r1, [r2]\nadds r3, #1": 2,
    "ldm r2, {r0, r1, r3, r4}\nadds r5, #1": 3,
    # U8: divisions
    "udiv r0, r1, r2\nadds r3, #1": 13,
    # U12: a load may not overtake a product that was issued before it
    "smlad r0, r1, r2, r0\nldr r3, [r4]": 2,
    "ldr r3, [r4]\nsmlad r0, r1, r2, r0": 1,
}


@pytest.mark.parametrize("text", HAND)
def test_cycles_equal_those_counted_by_hand(text: str) -> None:
    """Each rule alone."""
    assert CORE.cycles(CortexM7().issues(Block(0, assemble(text, "cortex_m7")))) == HAND[text]


def test_a_block_behind_another_may_fill_its_last_cycle() -> None:
    """Falling from one block to the next, instructions still pair."""
    first = Block(0, assemble("add.w r0, r0, #1", "cortex_m7"))
    second = Block(4, assemble("add.w r1, r1, #1", "cortex_m7"))
    model = CortexM7()
    assert model.entry_cycles(second, None) == 1
    assert model.entry_cycles(second, first) == 0


def test_floating_point_is_refused_with_its_address() -> None:
    """What the rules do not cover is never guessed."""
    block = Block(0x100, assemble(".fpu fpv5-d16\nvadd.f32 s0, s1, s2", "cortex_m7"))
    with pytest.raises(ToolError, match="0x00000100"):
        CortexM7().entry_cycles(block, None)


STREAMS = {
    "2x4, a load with each product": """
        ldr r2, [r0]\nldr r4, [r1]\nldr r3, [r0, #4]\nsmlad r6, r2, r4, r6
        ldr r5, [r1, #4]\nsmlad r10, r3, r4, r10\nsmlad r7, r2, r5, r7\nldr r4, [r1, #8]
        smlad r11, r3, r5, r11\nldr r5, [r1, #12]\nsmlad r8, r2, r4, r8
        smlad r12, r3, r4, r12\nsmlad r9, r2, r5, r9\nsmlad lr, r3, r5, lr""",
    "2x4, loads together": """
        ldr r2, [r0]\nldr r3, [r0, #4]\nldr r4, [r1]\nldr r5, [r1, #4]
        smlad r6, r2, r4, r6\nsmlad r10, r3, r4, r10\nsmlad r7, r2, r5, r7
        smlad r11, r3, r5, r11\nldr r4, [r1, #8]\nldr r5, [r1, #12]
        smlad r8, r2, r4, r8\nsmlad r12, r3, r4, r12\nsmlad r9, r2, r5, r9
        smlad lr, r3, r5, lr""",
    "spreading and storing": """
        ldr r2, [r0], #4\nsxtb16 r3, r2\nsxtb16 r4, r2, ror #8\nstr r3, [r1], #8
        str r4, [r1, #-4]\nssat r5, #8, r6, asr #12\nstrb r5, [r8, #1]\nmla r6, r3, r4, r6
        add.w r9, r9, r4, lsl #2\nldrb r10, [r9, r5]\nuxtb r11, r10\ncmp r11, r6""",
    "a table": """
        mla r6, r3, r4, r5\nldr r3, [r0, #4]\nsubs r11, r1, r3\nadds r5, r5, #1
        adds r5, r5, #2\nusat r7, #8, r6, asr #9\nldrb r8, [r9, r7]\nadds r2, r2, r8
        orr r10, r10, r8, lsl #16""",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_streams_take_what_llvm_mca_says(stream: str) -> None:
    """A stream repeated 50 times: never less than LLVM's simulation, and at most a tenth more.

    (More where LLVM attaches SSAT's early operand to its constant.)
    """
    tool = shutil.which("llvm-mca")
    if tool is None:
        pytest.skip("llvm-mca is not installed (Debian package llvm)")
    text, turns = STREAMS[stream], 50
    command = [tool, "-mtriple=thumbv7em-none-eabihf", "-mcpu=cortex-m7", f"-iterations={turns}"]
    said = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Total Cycles:\s+(\d+)", said)
    assert found is not None
    issues = CortexM7().issues(Block(0, assemble(text, "cortex_m7")))
    ours, theirs = CORE.cycles(list(issues) * turns), int(found[1])
    assert 0.99 * theirs <= ours <= 1.1 * theirs
