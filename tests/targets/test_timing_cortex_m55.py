"""The Cortex-M55's rules (docs/timing.md, V1 to V9), counted by hand; vector fields read right."""

import pytest

from microformer.errors import ToolError
from microformer.run.timing import Block
from microformer.run.timing.cortex_m55 import CORE, CortexM55
from microformer.run.timing.helium import Q0, is_vector, issue
from microformer.run.timing.in_order import Issue
from tests.targets.assemble import assemble

CPU = "cortex_m55+mve+mve_fp"

HAND = {
    # V1: one a cycle; two if both are narrow and one is simple
    "add.w r0, r0, r1\nadd.w r2, r2, r3": 2,
    "ands r0, r1\nmov r2, r3": 1,
    "ands r0, r1\nands r2, r3": 2,
    # V2: what is loaded, V3: what is multiplied: a cycle later
    "ldr.w r0, [r1]\nadd.w r2, r0, r3": 3,
    "ldr.w r0, [r1]\nadd.w r2, r4, r3": 2,
    "mul r0, r1, r2\nadd.w r3, r0, r4": 3,
    # V4: several words
    "ldm r0, {r1, r2, r3, r4}": 4,
    # V8: different pipes overlap, one pipe takes two cycles
    "vldrb.u8 q0, [r0]\nvldrb.u8 q1, [r1]": 3,
    "vldrb.u8 q0, [r0]\nvmladava.s8 r2, q0, q1": 2,
    "vmladava.s8 r2, q0, q1\nvmladava.s8 r4, q0, q1": 3,
    "vmladava.s8 r2, q0, q1\nvldrb.u8 q2, [r0]": 2,
    "vmul.i32 q0, q1, q2\nvadd.i32 q0, q0, q3": 3,
    "vmul.i32 q0, q1, q2\nvadd.i32 q4, q5, q3": 2,
    "vmladava.s8 r2, q0, q1\nadd.w r3, r2, r4": 3,
    "vmaxv.s32 r2, q0\nadd.w r3, r2, r4": 5,
    "vpush {d8, d9, d10, d11}": 4,
}


def cycles(text: str) -> int:
    """Of a few lines."""
    return CORE.cycles(CortexM55().issues(Block(0, assemble(text, CPU))))


@pytest.mark.parametrize("text", HAND)
def test_cycles_equal_those_counted_by_hand(text: str) -> None:
    assert cycles(text) == HAND[text]


def test_the_step_of_the_matrix_product_is_two_cycles_a_product() -> None:
    """Six loads and eight products of sixteen: bound by the products' pipe."""
    products = [f"vmladava.s8 r{2 * i}, q{i % 2}, q{2 + i % 2}" for i in range(6)]
    loads = [f"vldrb.u8 q{4 + i % 2}, [r{1 + 2 * i}], #16" for i in range(6)]
    text = "\n".join(line for pair in zip(products, loads, strict=True) for line in pair)
    assert cycles("\n".join([text] * 4)) == 2 * 6 * 4


def vector(text: str) -> Issue:
    """The one instruction of ``text``."""
    code = assemble(text, CPU)
    assert len(code) == 4
    word = int.from_bytes(code[:2], "little") << 16 | int.from_bytes(code[2:], "little")
    assert is_vector(word)
    return issue(word)


FIELDS = {
    # text: pipe, registers among those read, written with latency
    "vmladava.s8 r14, q7, q3": ("product", {14, Q0 + 7, Q0 + 3}, {14: 2}),
    "vmladav.u8 r8, q0, q5": ("product", {Q0, Q0 + 5}, {8: 2}),
    "vaddva.u32 r6, q4": ("product", {6, Q0 + 4}, {6: 2}),
    "vmaxv.s32 r9, q2": ("integer", {9, Q0 + 2}, {9: 4}),
    "vmlaldava.s16 r4, r7, q1, q2": ("product", {4, 7, Q0 + 1, Q0 + 2}, {4: 2, 7: 2}),
    "vmulh.s32 q1, q2, q3": ("product", {Q0 + 2, Q0 + 3}, {Q0 + 1: 2}),
    "vrmulh.u16 q1, q2, q3": ("product", {Q0 + 2, Q0 + 3}, {Q0 + 1: 2}),
    "vqmovnb.s32 q1, q2": ("integer", {Q0 + 1, Q0 + 2}, {Q0 + 1: 2}),
    "vmovlb.s16 q1, q2": ("integer", {Q0 + 2}, {Q0 + 1: 2}),
    "vmul.i32 q1, q2, q3": ("product", {Q0 + 2, Q0 + 3}, {Q0 + 1: 2}),
    "vmul.i32 q1, q2, r9": ("product", {Q0 + 2, 9}, {Q0 + 1: 2}),
    "vmla.i32 q1, q2, r9": ("product", {Q0 + 1, Q0 + 2, 9}, {Q0 + 1: 2}),
    "vadd.i32 q5, q6, q7": ("integer", {Q0 + 6, Q0 + 7}, {Q0 + 5: 2}),
    "vshl.s32 q3, r4": ("integer", {Q0 + 3, 4}, {Q0 + 3: 2}),
    "vdup.32 q6, r11": ("integer", {11}, {Q0 + 6: 1}),
    "vmov q3[2], q3[0], r1, r12": ("integer", {1, 12}, {Q0 + 3: 1}),
    "vldrb.u8 q1, [r3], #16": ("memory", {3}, {Q0 + 1: 1, 3: 1}),
    "vldrb.s32 q1, [r3, #4]": ("memory", {3}, {Q0 + 1: 1}),
    "vldrw.u32 q7, [r10]": ("memory", {10}, {Q0 + 7: 1}),
    "vldrb.u32 q1, [r3, q2]": ("memory", {3, Q0 + 2}, {Q0 + 1: 2}),
    "vstrb.32 q4, [r5]": ("memory", {5, Q0 + 4}, {}),
    "vctp.8 r7": ("system", {7}, {}),
    "vmsr p0, r3": ("system", {3}, {}),
}


@pytest.mark.parametrize("text", FIELDS)
def test_fields_are_those_that_the_assembler_wrote(text: str) -> None:
    pipe, reads, writes = FIELDS[text]
    found = vector(text)
    assert found.units == (pipe,)
    assert reads <= {register for register, _ in found.reads}
    named = {register: latency for register, latency in found.writes if register != 120}
    assert named == writes


def test_loop_ends_cost_nothing_more_and_branches_refill() -> None:
    model = CortexM55()
    loop = Block(0, assemble("add.w r0, r0, r1\n1: le lr, 1b", CPU))
    branch = Block(0, assemble("add.w r0, r0, r1\nbne.w away", CPU))
    assert model.exit_cycles(loop, taken=True) == 0
    assert model.exit_cycles(branch, taken=True) == 2
    assert model.exit_cycles(branch, taken=False) == 0


def test_what_is_not_covered_is_refused_with_its_address() -> None:
    with pytest.raises(ToolError, match="0x00000040"):
        CortexM55().issues(Block(0x40, bytes.fromhex("00f0")))
