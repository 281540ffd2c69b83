"""``microformer bench``: its JSON, its names, its refusals; every row bit-exact; the M4's bars."""

import json
import shutil
from dataclasses import replace

import pytest

from microformer.bench import DEFAULT_ROWS, bench
from microformer.bench.sweep import SWEEPS, cliffs
from microformer.bench.workloads import workload
from microformer.cli import main
from microformer.errors import DataError, TargetError
from microformer.graph.verify import verify
from microformer.reference.proof import prove
from microformer.targets import TARGETS

M4 = TARGETS["cortex-m4"]

# row -> most cycles a MAC on the M4, zero wait states, the whole layer
BARS = {
    "linear_R1_K192_N192": 1.60,
    "linear_R64_K64_N64": 1.18,
    "linear_R64_K256_N64": 1.13,
    "linear_R64_K64_N64_acc64": 1.35,
    "conv_S16_C32_N32_K3": 1.12,
    "conv_S16_C32_N32_K3_acc64": 1.40,
    "conv_S16_C3_N16_K3": 1.9,
    "depthwise_S16_C32_K3": 3.5,
    "depthwise_S16_C32_K3_acc64": 4.0,
    "depthwise_S16_C30_K3": 1.3 * 3.5,
    "attention_S4_E32_H8_P32": 2.0,
    "attention_S32_E64_H16_P64": 1.22,
    "attention_S81_E32_H8_P32": 1.36,
    "scores_B4_R64_K32": 1.25,
}
# whole networks: the most cycles
NET_BARS = {"net_kws": 4_000_000, "net_vww": 12_000_000, "net_ic": 14_400_000, "net_ad": 430_000}
# MAC a cycle, at least
M55_BARS = {
    "linear_R1_K192_N192": 1 / 0.21,
    "linear_R1_K256_N64": 1 / 0.20,
    "linear_R1_K64_N64": 1 / 0.32,
    "linear_R1_K64_N10": 1 / 0.70,
    "linear_R64_K64_N64": 4.4,
    "linear_R64_K64_N64_acc64": 4.2,
    "linear_R64_K64_N64_s16": 3.4,
    "attention_S32_E64_H16_P64": 3.5,
    "attention_S81_E32_H8_P32": 2.5,
    "scores_B4_R64_K32": 1 / 0.36,
    "depthwise_S16_C32_K3": 1 / 1.6,
}

# the M7 issues a load and a product a cycle: half of the M4's cycles at best
M7_BARS = {
    "linear_R1_K192_N192": 0.95,
    "linear_R64_K64_N64": 0.70,
    "linear_R64_K64_N64_acc64": 0.75,
    "conv_S16_C32_N32_K3": 0.66,
    "depthwise_S16_C32_K3": 3.0,
    "attention_S32_E64_H16_P64": 0.72,
}
# the M0+ multiplies once for two products
M0PLUS_BARS = {"linear_R64_K64_N64": 4.1, "conv_S16_C32_N32_K3": 4.6}


OTHERS = [f"{kind}_R3_N70" for kind in ("add", "mul", "table", "mean", "transpose")]


@pytest.mark.parametrize("name", [*DEFAULT_ROWS, *OTHERS])
def test_every_row_is_a_valid_program(name: str) -> None:
    prove(verify(workload(name), name))


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["linear_R3_K5_N7", "attention_S5_E8_H3_P4_ibert", "softmax_R3_N9"]
    arguments = [part for row in rows for part in ("--only", row)]
    monkeypatch.setattr("sys.argv", ["microformer", "bench", "--json", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["target"], made["cores"], made["cycles_kind"]) == ("cortex-m4", 1, "estimate")
    assert [row["name"] for row in made["rows"]] == rows
    for row in made["rows"]:
        assert row["bit_exact"] is True and row["cycles"] > 0 and row["ram_bytes"] >= 0
    linear = made["rows"][0]
    assert linear["macs"] == 3 * 5 * 7
    assert linear["cycles_per_mac"] == pytest.approx(linear["cycles"] / 105)
    assert linear["macs_per_cycle"] == pytest.approx(105 / linear["cycles"])
    assert linear["limit_ratio"] == pytest.approx(105 / linear["cycles"])
    assert linear["instructions_per_mac"] > 0
    assert made["rows"][2]["macs_per_cycle"] is None
    assert made["rows"][2]["cycles_per_output"] > 0


def test_published_figures_stand_beside_ours() -> None:
    (row,) = bench(["attention_S4_E32_H8_P32"], M4).rows
    assert {p.system: p.cycles for p in row.published} == {
        "Tiny Transformers": 817_140,
        "CMSIS-NN": 1_373_492,
    }


@pytest.mark.parametrize("target", ["cortex-m33"])
def test_cores_without_a_timing_model_have_no_cycles(target: str) -> None:
    made = bench(["linear_R4_K8_N8", "attention_S4_E8_H2_P4"], TARGETS[target])
    assert made.cycles_kind is None
    for row in made.rows:
        assert row.bit_exact and row.cycles is None and row.limit_ratio is None
        assert row.instructions is not None and row.instructions > 0


def test_the_bars_of_the_m4() -> None:
    made = bench([*BARS, "pointwise_R2560_K64_N64"], M4)
    per_mac = {row.name: row.cycles_per_mac for row in made.rows}
    assert all(row.bit_exact for row in made.rows)
    for name, most in BARS.items():
        cost = per_mac[name]
        assert cost is not None and cost <= most, name
    # on a par with convolutions: equal MACs, at least nine tenths of the speed
    layer, convolution = per_mac["attention_S32_E64_H16_P64"], per_mac["pointwise_R2560_K64_N64"]
    assert layer is not None and convolution is not None and convolution / layer >= 0.9
    for row in made.rows:
        assert row.code_bytes is not None and row.code_bytes <= 4096, row.name


@pytest.mark.parametrize("name", NET_BARS)
def test_whole_networks_on_the_m4(name: str) -> None:
    (row,) = bench([name], M4).rows
    assert row.bit_exact and row.cycles is not None and row.cycles <= NET_BARS[name]
    assert sum(row.cycle_shares.values()) == pytest.approx(1)


def test_a_core_without_simd_multiplies_once_for_two_products() -> None:
    made = bench(list(M0PLUS_BARS), TARGETS["cortex-m0plus"])
    for row in made.rows:
        assert row.bit_exact and row.cycles_per_mac is not None
        assert row.cycles_per_mac <= M0PLUS_BARS[row.name], row.name
    (riscv,) = bench(["linear_R64_K64_N64"], TARGETS["rv32imc"]).rows
    assert riscv.bit_exact and riscv.instructions_per_mac is not None
    assert riscv.instructions_per_mac <= 3.2


def test_shapes_that_fall_off_are_named() -> None:
    made = bench(["square_B2_R15", "square_B2_R16", "square_B2_R17"], M4)
    rows = [replace(row, cycles_per_mac=float(i % 2 == 0) + 1) for i, row in enumerate(made.rows)]
    found = cliffs(rows)
    assert [(c.name, c.neighbour, c.ratio) for c in found] == [
        ("square_B2_R15", "square_B2_R16", 2.0),
        ("square_B2_R17", "square_B2_R16", 2.0),
    ]
    every = [name for sweep in SWEEPS for name in sweep]
    assert all(workload(name).nodes for name in every)


def test_the_bars_of_the_m7() -> None:
    made = bench(list(M7_BARS), TARGETS["cortex-m7"])
    for row in made.rows:
        assert row.bit_exact and row.cycles_per_mac is not None
        assert row.cycles_per_mac <= M7_BARS[row.name], row.name


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_the_bars_of_the_m55() -> None:
    made = bench(list(M55_BARS), TARGETS["cortex-m55"])
    for row in made.rows:
        assert row.bit_exact and row.macs_per_cycle is not None
        assert row.macs_per_cycle >= M55_BARS[row.name], row.name


@pytest.mark.parametrize(
    "name", ["linear", "linear_R0_K4_N4", "linear_R99999_K99999_N99999", "../x", ""]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(DataError, match="bench row"):
        workload(name)


def test_the_host_is_no_bench() -> None:
    with pytest.raises(TargetError, match="emulated core"):
        bench(["linear_R4_K8_N8"], TARGETS["host"])
