"""Whole programs whose instructions and cycles on the Cortex-M4 were counted by hand."""

from collections import Counter
from pathlib import Path
from typing import Any

import capstone
import numpy as np
import pytest
import unicorn as unicorn_package

from microformer.build import build
from microformer.graph.project import CProject, Layer, LayerCount, RunResult
from microformer.run import run
from microformer.run.firmware import Firmware
from microformer.run.machine import Machine
from microformer.run.profile import Recorder
from microformer.targets import TARGETS

M4 = TARGETS["cortex-m4"]
CONST: Any = unicorn_package

_FILE = """#include "hand.h"
#define NAKED __attribute__((naked, noinline, used)) static void
{functions}
__attribute__((naked)) void hand_run(const int8_t *in, int8_t *out, void *arena) {{
  __asm volatile("{run}");
}}
"""
_HEADER = "#include <stdint.h>\nvoid hand_run(const int8_t *in, int8_t *out, void *arena);\n"


def hand(run_: str, **functions: str) -> CProject:
    """A project in assembly; every function but ``shared`` is a layer."""
    bodies = "\n".join(
        f'NAKED {name}(void) {{ __asm volatile("{_escape(text)}"); }}'
        for name, text in functions.items()
    )
    layers = tuple(Layer(n, n, "x", "x", "", 0, "out") for n in functions if n != "shared")
    source = _FILE.format(functions=bodies, run=_escape(run_))
    source = source.replace("(const int8_t *in,", "(const int8_t *in,")
    return CProject(
        name="hand",
        files={"hand.h": _HEADER, "hand.c": source},
        sources=("hand.c",),
        include_dirs=(".",),
        input_dtype="int8",
        input_size=24,
        output_size=1,
        arena_bytes=8,
        arena_alignment=8,
        weight_bytes=0,
        layers=layers,
    )


def _escape(text: str) -> str:
    return text.strip().replace("\n", "\\n")


def measure(project: CProject, folder: Path) -> RunResult:
    """Build and run one sample of all ones on the Cortex-M4."""
    return run(project, build(project, M4, folder), np.ones((1, 24), np.int8), M4)


def test_a_loop(tmp_path: Path) -> None:
    """Sum of 24 bytes.

    Layer: push 1 + 2, movs 1, movs 1                                  = 5
           24 x (ldrsb 2, add 1, subs 1)                               = 96
           bne: 23 taken x (1 + 2), once 1                             = 70
           ssat 1, strb 1, pop with PC 1 + 2 + 3                       = 8    sum 179
    Model: push 1 + 2, bl 1 + 2, pop with PC 1 + 2 + 3                 = 12
    Instructions: 3 + 24 x 4 + 3 = 102, and 3.
    """
    layer = """push {r4, lr}
movs r3, #24
movs r2, #0
1: ldrsb r4, [r0], #1
add r2, r2, r4
subs r3, #1
bne 1b
ssat r2, #8, r2
strb r2, [r1]
pop {r4, pc}"""
    result = measure(hand("push {r3, lr}\nbl layer_00\npop {r3, pc}", layer_00=layer), tmp_path)
    assert result.outputs.tolist() == [[24]]
    assert result.layers == (LayerCount("layer_00", 179, 102),)
    assert (result.cycles, result.instructions) == (179 + 12, 102 + 3)
    assert result.cycles_kind == "estimate"


def test_a_function_that_two_layers_share(tmp_path: Path) -> None:
    """Each layer is charged for its own calls, also where the call is a jump at the layer's end.

    shared(n): n x subs 1, (n - 1) x bne 3, bne 1, bx 3                = 4 n + 1
    Layer 0: push 3, movs 1, bl 3, shared(5) = 21, pop with PC 6       = 34   3 + 10 + 1 + 1 = 15
    Layer 1: movs 1, b 3, shared(9) = 37                               = 41   2 + 18 + 1 = 21
    Model:   push 3, bl 3, bl 3, pop with PC 6                         = 15   4
    """
    project = hand(
        "push {r3, lr}\nbl layer_00\nbl layer_01\npop {r3, pc}",
        layer_00="push {r3, lr}\nmovs r0, #5\nbl shared\npop {r3, pc}",
        layer_01="movs r0, #9\nb.w shared",
        shared="subs r0, #1\nbne shared\nbx lr",
    )
    result = measure(project, tmp_path)
    assert result.layers == (LayerCount("layer_00", 34, 15), LayerCount("layer_01", 41, 21))
    assert (result.cycles, result.instructions) == (34 + 41 + 15, 15 + 21 + 4)


def test_a_model_that_ends_by_jumping_into_its_last_layer(tmp_path: Path) -> None:
    """Model: b 3. Layer: nop 1, bx 3."""
    result = measure(hand("b.w layer_00", layer_00="nop\nbx lr"), tmp_path)
    assert result.layers == (LayerCount("layer_00", 4, 2),)
    assert (result.cycles, result.instructions) == (7, 3)


def test_conditional_instructions(tmp_path: Path) -> None:
    """A return inside an IT block, first not done, then done.

    Layer: movs 1, movs 1; twice subs 1, it 1; bxeq not done 1, then b 3; done: bx 3
           = 2 + (1 + 1 + 1) + 3 + (1 + 1 + 3) = 13, instructions 2 + 3 + 1 + 3 = 9
    """
    layer = "movs r0, #2\nmovs r1, #0\n1: subs r0, #1\nit eq\nbxeq lr\nb 1b"
    result = measure(hand("b.w layer_00", layer_00=layer), tmp_path)
    assert result.layers == (LayerCount("layer_00", 13, 9),)


def test_straight_code_that_the_emulator_cuts_into_blocks(tmp_path: Path) -> None:
    """unicorn cuts at its own page ends; the loads pipeline across: 2 + 999, bx 3."""
    layer = ".rept 1000\nldr.w r3, [r1]\n.endr\nbx lr"
    result = measure(hand("b.w layer_00", layer_00=layer), tmp_path)
    assert result.layers == (LayerCount("layer_00", 2 + 999 + 3, 1001),)


def test_code_that_ran_before_is_counted_too(tmp_path: Path) -> None:
    """unicorn keeps what it translated without the hook; it must translate it anew."""
    project = hand("b.w layer_00", layer_00="nop\nbx lr")
    firmware = Firmware(build(project, M4, tmp_path).path)
    machine = Machine(M4, firmware, 60.0)
    infer = firmware.address("mf_harness_infer")
    for _ in range(3):
        machine.call(infer, "at full speed")
        recorder = Recorder(project, firmware)
        recorder.run(machine, infer)
        assert [sum((edges or {}).values()) for edges in recorder.layers] == [0]
        assert sum(recorder.model.values()) == 1  # from the model into the layer


@pytest.mark.parametrize("name", ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33"])
def test_instructions_equal_those_stepped_one_by_one(name: str, tmp_path: Path) -> None:
    """Compiled code with 64-bit division, shifts and tables: blocks against single steps."""
    target = TARGETS[name]
    source = """#include "hand.h"
static const uint8_t table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
__attribute__((noinline)) static int64_t layer_00(const int8_t *in, int64_t *seen) {
  int64_t sum = 1;
  for (int32_t i = 0; i < 24; i++) {
    const int64_t d = in[i] == 0 ? 5 : (int64_t)in[i];
    sum = (sum << 7) / d + table[(uint8_t)in[i] & 15u];
    if (sum > 4000000000000) {
      sum = sum >> (table[i & 15] & 7);
    }
  }
  *seen = sum;
  return sum;
}
void hand_run(const int8_t *in, int8_t *out, void *arena) {
  const int64_t sum = layer_00(in, arena);
  *out = (int8_t)(sum & 127);
}
"""
    project = hand("", layer_00="")
    project = CProject(**(vars(project) | {"files": {"hand.h": _HEADER, "hand.c": source}}))
    image = build(project, target, tmp_path)
    x = np.random.default_rng(0).integers(-128, 128, (1, 24)).astype(np.int8)
    result = run(project, image, x, target)
    firmware = Firmware(image.path)
    by_blocks = _by_blocks(project, firmware, x, target.name)
    by_steps = _stepped(firmware, x, target.name)
    # the emulator does not step onto an instruction whose condition in an IT block fails; the
    # core spends its cycle on it, and blocks count it
    skipped = by_blocks - by_steps
    assert set(skipped) <= _conditional(firmware, set(by_blocks))
    assert by_steps - by_blocks == Counter()
    assert result.instructions == by_blocks.total() > 500
    inside = sum(n for a, n in by_blocks.items() if firmware.function_at(a) != "hand_run")
    assert result.layers[0].instructions == inside


def _machine(firmware: Firmware, x: Any, name: str) -> Machine:
    machine = Machine(TARGETS[name], firmware, 60.0)
    machine.write(firmware.address("mf_harness_in"), x.tobytes())
    return machine


def _by_blocks(project: CProject, firmware: Firmware, x: Any, name: str) -> Counter[int]:
    """How often each address of the model, and of what it calls, was executed, from blocks."""
    recorder = Recorder(project, firmware)
    recorder.run(_machine(firmware, x, name), firmware.address("mf_harness_infer"))
    seen: Counter[int] = Counter()
    for edges in (recorder.outside, recorder.model, *recorder.layers):
        for (_, block), count in (edges or {}).items():
            address, end = block >> 16, (block >> 16) + (block & 0xFFFF)
            while address < end:
                if firmware.function_at(address) != "mf_harness_infer":
                    seen[address] += count
                wide = firmware.code(address, 2)[1] >> 3 >= 0b11101
                address += 4 if wide else 2
    return seen


def _conditional(firmware: Firmware, addresses: set[int]) -> set[int]:
    """Those of ``addresses`` that stand in an IT block."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    found: set[int] = set()
    for address in addresses:
        first, *rest = decoder.disasm(firmware.code(address, 18), address, 5)
        if first.mnemonic.startswith("it"):
            found |= {i.address for i in rest[: len(first.mnemonic) - 1]}
    return found


def _stepped(firmware: Firmware, x: Any, name: str) -> Counter[int]:
    """The same, from one hook an instruction."""
    seen: Counter[int] = Counter()

    def step(_uc: Any, address: int, _size: int, _data: Any) -> None:
        if firmware.function_at(address) != "mf_harness_infer":
            seen[address] += 1

    machine = _machine(firmware, x, name)
    machine.hook(CONST.UC_HOOK_CODE, step)
    machine.call(firmware.address("mf_harness_infer"), "stepping")
    return seen
