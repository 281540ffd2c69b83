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

import microformer
from microformer import pipeline, reference
from microformer.build import build
from microformer.demo import demo_paths
from microformer.emit import emit
from microformer.graph.tensor import QParams
from microformer.lower import lower
from microformer.page.bars import in_notebook as silent
from microformer.plan import plan
from microformer.run import run
from microformer.samples import Samples
from microformer.targets import TARGETS, QemuRunner, resized
from tests.cases import CASES, bundle, bundle_inputs

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


def _with_gcc(level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the build for a Cortex-M calls GCC in place of ziglang."""
    memory = tmp_path / "memory.c"
    memory.write_text(_MEMORY)

    def compile_and_link(_command: Sequence[str], arguments: Sequence[str]) -> None:
        options = [*_translated(arguments, level), str(memory)]
        subprocess.run([GCC, *options, "-ffreestanding", "-nostdlib", "-lgcc"], check=True)

    module = sys.modules["microformer.build.bare_metal"]
    monkeypatch.setattr(module, "compile_and_link", compile_and_link)


@pytest.mark.parametrize("level", ["-O2", "-Os"])
@pytest.mark.parametrize("name", ["cortex-m0plus", "cortex-m4", "cortex-m33"])
def test_gcc_builds_the_same_program(
    name: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_gcc(level, tmp_path, monkeypatch)
    target, cases = TARGETS[name], [case for case in CASES if not case.alone]
    # the whole table is more than a small board holds, and -Os takes more stack
    target = resized(target, data_bytes=1 << 19)
    graph = bundle(cases)
    project = emit(plan(lower(graph, target)))
    x = bundle_inputs(cases, 5)
    image = build(project, target, tmp_path / "project")
    result = run(project, image, x, target, profile=False)
    np.testing.assert_array_equal(result.outputs, reference.evaluate(graph, x)["y"])


@pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="no qemu-system-arm on PATH")
@pytest.mark.parametrize("scale", [1 / 255, 2 / 255, 1 / 127.5, 1 / 128])
def test_a_firmware_of_gcc_in_qemu_answers_as_predict_does(
    scale: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """450 images in float through the emitted quantiser, program and dequantiser, byte by byte."""
    with demo_paths() as paths, np.load(paths.calibration) as few, np.load(paths.held_out) as all_:
        model = microformer.load(paths.model)
        compiled = microformer.compile(model, few["x"], "cortex-m4")
        x, y = all_["x"] * np.float32(255 * scale), all_["y"]  # [0, 1] and [0, 2]
    graph = compiled.int_graph
    entry = graph.tensors[graph.inputs[0]]
    low = -1.0 if scale > 1 / 200 else 0.0
    qparams = QParams(scale, round(-low / scale) - 128)
    tensors = {**graph.tensors, entry.name: replace(entry, qparams=qparams)}
    changed = replace(graph, tensors=tensors)
    target = resized(TARGETS["cortex-m4"], code_origin=0, data_bytes=4 << 20)
    target = replace(target, runner=QemuRunner("mps2-an386"))
    _with_gcc("-O2", tmp_path, monkeypatch)
    project = emit(plan(lower(changed, target)))
    made = replace(compiled, int_graph=changed, project=project)
    images = (x + np.float32(low)).astype(np.float32)
    report = pipeline.run_model(made, Samples(images, y), target, progress=silent)
    assert report.samples_run == report.firmware_samples == 450
    assert report.firmware_exact and report.bit_exact


def test_a_core_that_traps_unaligned_access_is_refused_where_it_is_compiled(tmp_path: Path) -> None:
    cases = [case for case in CASES if not case.alone]
    made = emit(plan(lower(bundle(cases), TARGETS["cortex-m4"]), TARGETS["cortex-m4"]))
    assert "UNALIGN_TRP" in made.files["cases.h"] and "UNALIGN_TRP" in made.files["README.md"]
    for name, text in made.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [GCC, "-mcpu=cortex-m4", "-mthumb", "-std=c11", f"-I{tmp_path}", "-fsyntax-only"]
    command += [str(tmp_path / "cases.c")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    done = subprocess.run(
        [*command, "-mno-unaligned-access"], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0 and "need unaligned access" in done.stderr
