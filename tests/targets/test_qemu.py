"""QEMU: the M55 and M85 run there, and it confirms unicorn's counts on the M4 and the M7."""

import importlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from microformer import pipeline
from microformer.bench import bench
from microformer.bench.workloads import workload
from microformer.build import build
from microformer.emit import emit
from microformer.errors import ToolError
from microformer.graph.project import QEMU_PLUGIN
from microformer.lower import lower
from microformer.plan import plan
from microformer.run import run
from microformer.targets import TARGETS, QemuRunner, resized

qemu = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed"
)
ROWS = ["linear_R5_K33_N6", "attention_S7_E16_H3_P8", "conv_S6_C8_N4_K3", "layernorm_R3_N40"]
BOARDS = {"cortex-m4": "mps2-an386", "cortex-m7": "mps2-an500"}
M55 = TARGETS["cortex-m55"]


@qemu
@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("row", ROWS)
def test_instructions_and_cycles_equal_those_counted_in_unicorn(name: str, row: str) -> None:
    """The same program at the addresses of QEMU's board: every layer's counts and every byte."""
    target = resized(TARGETS[name], code_origin=0, data_origin=0x2000_0000, data_bytes=4 << 20)
    graph = workload(row)
    x = np.random.default_rng(1).integers(-128, 128, (2, *graph.tensors["x"].shape))
    samples = x.astype(np.int8)
    here = pipeline.measure_graph(graph, samples, target)
    there = pipeline.measure_graph(graph, samples, replace(target, runner=QemuRunner(BOARDS[name])))
    assert here.bit_exact and there.bit_exact
    assert there.result.instructions == here.result.instructions
    assert there.result.cycles == here.result.cycles
    assert there.result.layers == here.result.layers


@qemu
@pytest.mark.parametrize("name", ["cortex-m55", "cortex-m85"])
def test_rows_are_bit_exact_on_helium(name: str) -> None:
    made = bench(ROWS, TARGETS[name])
    for row in made.rows:
        assert row.bit_exact and row.instructions is not None and row.instructions > 0
        assert (row.cycles is None) == (TARGETS[name].timing is None)


@qemu
def test_without_the_plugin_the_program_still_runs(tmp_path: Path) -> None:
    """No compiler for this machine: outputs, but no counts."""
    graph = workload("linear_R2_K8_N4")
    project = emit(plan(lower(graph, M55)))
    image = build(project, M55, tmp_path)
    (image.path.parent / QEMU_PLUGIN).unlink()
    result = run(project, image, np.zeros((1, 16), np.int8), M55)
    assert result.instructions is None and result.cycles is None and result.layers == ()
    assert result.stack_bytes is not None and 0 < result.stack_bytes < 2048


def test_without_qemu_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = emit(plan(lower(workload("linear_R2_K8_N4"), M55)))
    image = build(project, M55, tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ToolError, match="install the package qemu-system-arm"):
        run(project, image, np.zeros((1, 16), np.int8), M55)


@qemu
def test_a_program_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, after the time that it was given."""
    monkeypatch.setattr(importlib.import_module("microformer.run.qemu"), "_STARTUP_S", 2.0)
    project = emit(plan(lower(workload("linear_R2_K8_N4"), M55)))
    name = f"{project.name}.c"
    text = project.files[name].replace("  MF_LAYER_AT(0);", "  for (;;) {} MF_LAYER_AT(0);")
    assert text != project.files[name]
    image = build(replace(project, files={**project.files, name: text}), M55, tmp_path)
    with pytest.raises(ToolError, match="did not end in QEMU within 3 s"):
        run(project, image, np.zeros((1, 16), np.int8), M55, limit_seconds=1.0)


@pytest.mark.skipif(not shutil.which("qemu-system-riscv32"), reason="no qemu-system-riscv32")
@pytest.mark.parametrize("row", ROWS)
def test_riscv_counts_equal_those_counted_in_unicorn(row: str) -> None:
    """RV32IMC: the same program at the addresses of QEMU's virt, and the same counts."""
    virt = QemuRunner("virt", system="riscv32", cpu="rv32")
    target = resized(
        TARGETS["rv32imc"],
        code_origin=0x8000_0000,
        data_origin=0x8100_0000,
        data_bytes=4 << 20,
    )
    graph = workload(row)
    x = np.random.default_rng(1).integers(-128, 128, (2, *graph.tensors["x"].shape))
    samples = x.astype(np.int8)
    here = pipeline.measure_graph(graph, samples, target)
    there = pipeline.measure_graph(graph, samples, replace(target, runner=virt))
    assert here.bit_exact and there.bit_exact
    assert here.result.instructions is not None and here.result.instructions > 0
    assert there.result.instructions == here.result.instructions
    assert there.result.layers == here.result.layers
