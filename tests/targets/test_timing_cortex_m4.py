"""The Cortex-M4's cycles against sequences counted by hand (docs/timing.md, rules T1 to T13)."""

import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from microformer.errors import ToolError
from microformer.run.timing import Block, find
from microformer.run.timing.cortex_m4 import CortexM4, block_cycles

# name: (assembly, cycles counted by hand with a branch at the end not taken)
SEQUENCES = {
    # one each
    "data": ("mov r0, r1; add r0, r0, #1; ssat r0, #8, r0, asr #3; uxtb16 r0, r1", 4),
    # T10: every multiplication is one
    "multiply": (
        "mul r0, r1, r2; mla r0, r1, r2, r3; smlad r0, r1, r2, r0; smull r0, r1, r2, r3",
        4,
    ),
    # 2 + 1, whether the sum needs what was loaded or not
    "load_use": ("ldr r0, [r1]; add r2, r0, #1", 3),
    "load_other": ("ldr r0, [r1]; add r2, r3, #1", 3),
    # the manual's own four examples: 2 + 1, 2 + 1, 2 + 1, 2 + 1 + 1
    "two_loads": ("ldr r0, [r1]; ldr r1, [r2]", 3),
    "load_store": ("ldr r0, [r1, r2]; str r0, [r3, #20]", 3),
    "load_store_register": ("ldr r0, [r1, r2]; str r1, [r3, r2]", 3),
    "three_loads": ("ldr r0, [r1, r5]; ldr r1, [r2]; ldr r2, [r3, #4]", 4),
    # 2 + 2: the second address is what the first loads
    "load_chain": ("ldr r0, [r1]; ldr r2, [r0]", 4),
    # 2 + 1 + 1 + 1: bytes and halfwords pipeline like words
    "narrow_loads": ("ldrsb r0, [r1]; ldrh r2, [r3, #2]; ldrb.w r4, [r5]; ldrsh.w r6, [r7]", 5),
    # 2 + 1: two pointers; 2 + 2: the second needs the pointer that the first advances
    "advance_two": ("ldr r0, [r1], #4; ldr r2, [r3], #4", 3),
    "advance_one": ("ldr r0, [r1], #4; ldr r2, [r1], #4", 4),
    # 1 + 1; nothing pipelines after a store: 1 + 2; with a register offset 2 + 2
    "two_stores": ("str r0, [r1, #4]; strb r2, [r1, #8]", 2),
    "store_load": ("str r0, [r1, #4]; ldr r2, [r3]", 3),
    "register_store_load": ("str r0, [r1, r2]; ldr r3, [r4]", 4),
    # T6: 1 + (2 + 1), 1 + (1 + 1), 1 + (3 + 1); not when something stands between: 1 + 1 + 2
    "address_stall": ("add r1, r1, #4; ldr r0, [r1]", 4),
    "address_stall_store": ("sub sp, #8; str r0, [sp, #4]", 3),
    "address_stall_many": ("adds r0, #8; ldm r0!, {r1, r2}", 5),
    "no_stall": ("add r1, r1, #4; nop; ldr r0, [r1]", 4),
    # the stored value does not stall, only the address does: 1 + 1
    "stored_value": ("add r0, r1, r2; str r0, [r3]", 2),
    # T11: 1 + 3, 1 + 5, 1 + 8 (the manual's "eight element store takes nine")
    "load_many": ("ldm r0!, {r1, r2, r3}", 4),
    "push": ("push {r4, r5, r6, r7, lr}", 6),
    "store_eight": ("stm r0!, {r1-r8}", 9),
    # 3 + 2, 2 + 3: doublewords pipeline with nothing
    "double_load": ("ldrd r0, r1, [r2]; ldr r3, [r4]", 5),
    "load_double": ("ldr r3, [r4]; strd r0, r1, [r2]", 5),
    # T7: 12; T9: 2 + 2; barriers 1 and 1 + 2
    "divide": ("udiv r0, r1, r2; sdiv r3, r1, r2", 24),
    "special": ("mrs r0, primask; cpsid i", 4),
    "barriers": ("dmb; isb", 4),
    # T8: 1 for IT, then 1 and 1; an IT between address and load ends the stall: 1 + 1 + 2
    "if_then": ("cmp r0, r1; ite eq; moveq r0, r2; addne r0, r3", 4),
    "if_then_load": ("add r1, r1, #4; it eq; ldreq r0, [r1]", 4),
    # branches that are not taken: 1
    "compare_branch": ("ldr r0, [r1]; cmp r0, r2; bne away", 4),
    "zero_branch": ("ldr r0, [r1]; cbz r0, away", 3),
}

# name: (assembly of a block, cycles of its last instruction taken, not taken)
EXITS = {
    "b": ("nop; b.w away", 3, 1),  # 1 + P, P = 2
    "b_condition": ("cmp r0, #1; bgt.w away", 3, 1),
    "bl": ("bl away", 3, 1),
    "bx": ("bx lr", 3, 1),
    "blx": ("blx r3", 3, 1),
    "mov_pc": ("mov pc, lr", 3, 1),
    "pop_pc": ("pop {r4, pc}", 6, 1),  # 1 + 2, and 3 because the address is loaded
    "pop_many_pc": ("nop; pop.w {r4, r5, r6, r7, r8, pc}", 10, 1),
    "sp_pop_pc": ("add sp, #8; pop {r4, pc}", 7, 1),  # and 1 for the address
    "ldr_pc": ("ldr pc, [r0]", 5, 1),  # "at least five cycles"
    "tbb": ("tbb [pc, r0]", 6, 1),  # "at least six cycles"
    "straight": ("nop; ldr r0, [r1]", 0, 0),
}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Block]:
    """Every sequence above, assembled."""
    folder = tmp_path_factory.mktemp("assembly")
    lines = [".syntax unified", ".thumb", ".cpu cortex-m4"]
    texts = {name: text for name, (text, *_) in SEQUENCES.items()}
    texts |= {name: text for name, (text, *_) in EXITS.items()}
    for name, text in texts.items():
        lines += [f".global {name}", f"{name}:", text.replace("; ", "\n"), f".global {name}_end"]
        lines += [f"{name}_end:", "nop", "away:" if name == "zero_branch" else ""]
    (folder / "a.s").write_text("\n".join(lines) + "\nnop\n", "utf-8")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf"]
    command += ["-mcpu=cortex_m4", "-c", "a.s", "-o", "a.o"]
    subprocess.run(command, cwd=folder, check=True)
    return _read(folder / "a.o")


def _read(path: Path) -> dict[str, Block]:
    with path.open("rb") as file:
        elf = ELFFile(file)
        section, table = elf.get_section_by_name(".text"), elf.get_section_by_name(".symtab")
        assert section is not None and isinstance(table, SymbolTableSection)
        code = bytes(section.data())
        at = {s.name: int(s["st_value"]) & ~1 for s in table.iter_symbols()}
    names = {**SEQUENCES, **EXITS}
    return {n: Block(0x0800_0000 + at[n], code[at[n] : at[f"{n}_end"]]) for n in names}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(blocks: dict[str, Block], name: str) -> None:
    assert block_cycles(CortexM4().steps(blocks[name])) == SEQUENCES[name][1]


@pytest.mark.parametrize("name", EXITS)
def test_exit(blocks: dict[str, Block], name: str) -> None:
    _, taken, not_taken = EXITS[name]
    model = CortexM4()
    assert model.exit_cycles(blocks[name], taken=True) == taken
    assert model.exit_cycles(blocks[name], taken=False) == not_taken


def test_entry_leaves_out_the_branch_that_exit_counts(blocks: dict[str, Block]) -> None:
    model = CortexM4()
    for name, (_, taken, _not) in EXITS.items():
        entry = model.entry_cycles(blocks[name], None)
        extra = blocks[name].instructions - (1 if taken else 0)
        assert entry == extra + (1 if name == "straight" else 0), name  # its LDR takes 2


def test_loads_pipeline_from_one_block_into_the_next(blocks: dict[str, Block]) -> None:
    model = CortexM4()
    assert model.entry_cycles(blocks["two_loads"], None) == 3
    assert model.entry_cycles(blocks["two_loads"], blocks["straight"]) == 2
    # several registers at once pipeline with nothing
    assert model.entry_cycles(blocks["load_many"], blocks["straight"]) == 4
    # a branch that was not taken stands between
    assert model.entry_cycles(blocks["two_loads"], blocks["zero_branch"]) == 3


def test_instruction_count_tells_wide_from_narrow(blocks: dict[str, Block]) -> None:
    assert blocks["data"].instructions == 4
    assert blocks["three_loads"].instructions == 3
    for name, block in blocks.items():
        assert block.instructions == len(CortexM4().steps(block)), name


def test_what_it_cannot_count_is_an_error_that_names_the_place() -> None:
    with pytest.raises(ToolError, match=r"floating point.*vadd\.f32.*0x08000100"):
        CortexM4().steps(Block(0x0800_0100, bytes.fromhex("30ee200a")))
    with pytest.raises(ToolError, match=r"cannot decode.*0x08000102"):
        CortexM4().steps(Block(0x0800_0100, bytes.fromhex("00bfffffffff")))


def test_only_the_m4_has_a_model() -> None:
    assert find(None) is None
    assert isinstance(find("m4"), CortexM4)
