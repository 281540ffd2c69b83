"""``microformer estimate``: whole networks as they are measured, what fits, and without a build."""

import json
import shutil

import numpy as np
import pytest
import torch

import microformer
from microformer import pipeline
from microformer.bench.fit import fit
from microformer.bench.nets import NETS
from microformer.bench.workloads import workload
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.errors import TargetError
from microformer.graph.int_graph import IntGraph
from microformer.kernels.prices import cycles, prices
from microformer.kernels.registry import kernel_of
from microformer.targets import find, resized
from tests.networks import NETWORKS as NETS_BY_MODULE

ROOM = 32 << 20
LAYERS = ("attention_S40_E64_H4_P16", "attention_S20_E96_H3_P32")
NETWORKS = [
    *((target, name) for target in ("cortex-m4", "cortex-m7", "cortex-m55") for name in NETS),
    *((target, name) for target in ("cortex-m4", "cortex-m7") for name in LAYERS),
]


QUANTISED = ("digits", "vision transformer", "CCT")
"""Whole networks with what no row of the bench has: functions in epilogues, masks, class tokens."""
NETWORKS += [(t, n) for t in ("cortex-m4", "cortex-m7", "cortex-m55") for n in QUANTISED]
NETWORKS += [("cortex-m4", name) for name in ("BERT", "MobileViT")]


def _graph(name: str) -> IntGraph:
    if name == "digits":
        with demo_paths() as paths:
            return microformer.quantize(
                microformer.load(paths.model), np.load(paths.calibration)["x"]
            )
    if name not in NETS_BY_MODULE:
        return workload(name)
    net = NETS_BY_MODULE[name]
    x = net.samples(16, 3)
    given = torch.from_numpy(x[:1]).long() if net.vocabulary else torch.from_numpy(x[:1])
    model = microformer.load(net.build().eval(), example=given)
    return microformer.quantize(model, x, effort="low")


@pytest.mark.slow
@pytest.mark.parametrize(("target", "name"), NETWORKS)
def test_a_prediction_is_within_five_percent(target: str, name: str) -> None:
    board = find(target)
    if target == "cortex-m55" and shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    roomy = resized(board, code_bytes=ROOM, data_bytes=ROOM)
    graph = _graph(name)
    source = graph.tensors[graph.inputs[0]]
    x = np.random.default_rng(5).integers(-128, 128, (1, *source.shape))
    if source.dtype == "int32":  # indices of an embedding
        x = np.abs(x) % 50
    measured = pipeline.measure_graph(graph, x.astype(source.dtype), roomy)
    predicted = microformer.estimate(graph, roomy)
    assert measured.bit_exact and measured.result.cycles is not None
    assert predicted.cycles == pytest.approx(measured.result.cycles, rel=0.05)
    assert predicted.arena_bytes == measured.project.arena_bytes
    assert predicted.weight_bytes == measured.project.weight_bytes
    assert predicted.flash_bytes == pytest.approx(measured.image.flash_bytes, rel=0.3)
    assert [layer.kernel for layer in predicted.layers] == [
        layer.kernel for layer in measured.project.layers
    ]


def test_a_model_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with demo_paths() as paths, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["microformer", "estimate", str(paths.model), "--json"])
        with pytest.raises(SystemExit) as stop:
            main()
        data = np.load(paths.calibration)["x"]
        built = microformer.compile(microformer.load(paths.model), data, "cortex-m4")
    assert stop.value.code == 0
    made = json.loads(capsys.readouterr().out)
    assert made["fits"] and made["problem"] is None
    ran = microformer.run(built, data[:1])
    assert made["cycles"] == pytest.approx(ran.cycles, rel=0.05)
    assert made["latency_ms"] == pytest.approx(1e3 * made["cycles"] / 80e6)
    assert made["arena_bytes"] == built.project.arena_bytes


def test_what_does_not_fit_is_said_and_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    with demo_paths() as paths, pytest.MonkeyPatch.context() as patch:
        arguments = ["estimate", str(paths.model), "-t", "stm32f103c8", "--ram", "4K"]
        patch.setattr("sys.argv", ["microformer", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 1
    assert "does not fit into stm32f103c8" in " ".join(capsys.readouterr().out.split())


def test_weights_that_exceed_the_flash_are_refused_before_anything_is_computed() -> None:
    made = microformer.estimate(workload("net_deit"), "stm32f103c8")
    assert not made.fits and made.problem is not None and "exceeds" in made.problem


def test_a_core_without_prices_has_no_cycles() -> None:
    made = microformer.estimate(workload("net_ad"), "cortex-m33")
    assert made.cycles is None and made.latency_ms is None and made.arena_bytes
    assert all(layer.cycles is None for layer in made.layers)


def test_nothing_is_built_and_nothing_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("an estimate builds nothing and runs nothing")

    monkeypatch.setattr("subprocess.run", never)
    monkeypatch.setattr("subprocess.Popen", never)
    monkeypatch.setattr("unicorn.Uc", never)
    with demo_paths() as paths:
        made = microformer.estimate(paths.model, "cortex-m4")
    assert made.cycles is not None and made.cycles > 0


def test_prices_are_fitted_to_what_is_measured() -> None:
    rows = [f"linear_R{r}_K{k}_N{n}" for r, k, n in ((1, 64, 8), (8, 32, 12), (5, 64, 16))]
    made = fit(find("cortex-m4"), rows)
    stored = json.loads(made.to_json())
    assert stored["core"] == "m4" and "mf_linear_s8_ref" in stored["kernels"]
    for name, price in made.prices.items():
        assert made.worst[name] < 0.1 and all(value > 0 for value in price.values()), name
    assert stored["fits"]["mf_linear_s8_dsp_1x4"]["rows"] >= 3


def test_only_a_core_with_cycles_is_priced() -> None:
    with pytest.raises(TargetError, match="no timing model"):
        fit(find("cortex-m33"), ["linear_R1_K8_N8"])


@pytest.mark.parametrize("core", ["m0plus", "m4", "m7", "m55"])
def test_every_price_is_of_a_kernel_and_of_work_that_it_does(core: str) -> None:
    known = prices(core)
    assert len(known) > 20
    board = find("cortex-m4")
    for symbol in known:
        kernel_of(symbol)
    graph = workload("linear_R8_K32_N16")
    (node,) = graph.nodes
    kernel = kernel_of("mf_linear_s8_ref")
    operands, output = graph.operands(node), graph.tensors[node.output]
    assert cycles(kernel, node.op, operands, output, board) > 4096
