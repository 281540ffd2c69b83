"""The emitted C with the compiler that most firmware uses: GCC for Arm, where it is installed.

microformer itself builds with ziglang; what it emits must be good for either.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cases import CASES, bundle, bundle_inputs
from microformer import integer
from microformer.build import build
from microformer.emit import emit
from microformer.lower import lower
from microformer.plan import plan
from microformer.run import run
from microformer.targets import TARGETS

GCC = "arm-none-eabi-gcc"
pytestmark = pytest.mark.skipif(not shutil.which(GCC), reason=f"no {GCC} on PATH")

# what a compiler may make of loops, and newlib would supply
_MEMORY = """#include <stddef.h>
void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count) {
  for (unsigned char *p = to; count > 0; count--, p++) {
    *p = (unsigned char)value;
    __asm volatile("");
  }
  return to;
}
void *memcpy(void *to, const void *from, size_t count) {
  const unsigned char *q = from;
  for (unsigned char *p = to; count > 0; count--, p++, q++) {
    *p = *q;
    __asm volatile("");
  }
  return to;
}
"""


def _translated(arguments: Sequence[str], level: str) -> list[str]:
    """Our options for ziglang as GCC's."""
    kept: list[str] = []
    rest = iter(arguments)
    for option in rest:
        if option == "-target":
            next(rest)
        elif option.startswith("-mcpu="):
            kept += [option.split("+", maxsplit=1)[0].replace("_", "-"), "-mthumb"]
        elif option.startswith("-O"):
            kept.append(level)
        elif option not in {"-fhosted", "-fno-sanitize=all"}:
            kept.append(option)
    return kept


@pytest.mark.parametrize("level", ["-O2", "-Os"])
@pytest.mark.parametrize("name", ["cortex-m0plus", "cortex-m4", "cortex-m33"])
def test_gcc_builds_the_same_program(
    name: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory.c"
    memory.write_text(_MEMORY)

    def compile_and_link(_command: Sequence[str], arguments: Sequence[str]) -> None:
        options = [*_translated(arguments, level), str(memory)]
        subprocess.run([GCC, *options, "-ffreestanding", "-nostdlib", "-lgcc"], check=True)

    module = sys.modules["microformer.build.cortex_m"]
    monkeypatch.setattr(module, "compile_and_link", compile_and_link)
    target, cases = TARGETS[name], [case for case in CASES if not case.alone]
    # the whole table is more than a small board holds, and -Os takes more stack
    target = replace(target, ram_bytes=1 << 19)
    graph = bundle(cases)
    project = emit(plan(lower(graph, target)))
    x = bundle_inputs(cases, 5)
    image = build(project, target, tmp_path / "project")
    result = run(project, image, x, target, profile=False)
    np.testing.assert_array_equal(result.outputs, integer.evaluate(graph, x)["y"])
