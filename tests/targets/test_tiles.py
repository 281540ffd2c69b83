"""Layers that are done block by block, on this machine and on the cluster."""

import random
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microformer import pipeline, reference
from microformer.bench import bench
from microformer.bench.workloads import workload
from microformer.build import build, rtl
from microformer.emit import emit
from microformer.errors import TargetError, ToolError
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import Plan
from microformer.kernels.registry import kernels
from microformer.lower import lower
from microformer.plan import plan
from microformer.plan.check import check
from microformer.plan.lifetime import lifetimes
from microformer.plan.places import placed, tiled
from microformer.plan.tiling import Choice, TilingSpace, tiling_spaces
from microformer.run import run
from microformer.samples import check_samples
from microformer.targets import TARGETS, Target, resized, with_cores
from tests.cases import CASES, Case, bundle, bundle_inputs
from tests.models import LargeMaps, encoder, seeded
from tests.strategies import cases as drawn_cases

RI5CY = TARGETS["pulp-ri5cy"]
VALUES = [case for case in CASES if not case.alone]
INDEX = [case for case in CASES if case.dtype == "int32"]  # samples: the kernel brings them
ISAS = tuple(dict.fromkeys(k.isa for k in kernels()))


def all_in_l2(graph: IntGraph, target: Target, isas: tuple[str, ...], seed: int) -> Plan:
    """Buffers in L1 or L2 by chance, each call in blocks of a size drawn at random."""
    rng = random.Random(seed)
    kernels = lower(graph, target, isas=isas)
    spans = lifetimes(kernels)
    callers = [(kernels.inputs, seed != 1), (kernels.outputs, seed != 2)]
    in_l2 = frozenset(n for names, there in callers for n in names if there)
    in_l2 |= {n for n in spans if n not in in_l2 and rng.random() < 0.7} - {*kernels.inputs}
    chosen: dict[int, tuple[TilingSpace, Choice]] = {}
    for index, call in enumerate(kernels.calls):
        touched = frozenset(n for n in (*call.inputs, call.output) if kernels.buffer(n) in in_l2)
        if touched:
            tiling = rng.choice(tiling_spaces(call, kernels.tensors, touched, kernels.target))
            chosen[index] = (tiling, rng.choice(tiling.choices))
    made = placed(tiled(kernels, chosen), spans, in_l2)
    check(made)
    return made


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(drawn_cases(), min_size=20, max_size=40), seed=st.integers(0, 999))
def test_drawn_operations_in_blocks(drawn: list[Case], seed: int) -> None:
    """Shapes that nobody chose, in blocks that nobody chose."""
    cases = list({case.name: case for case in drawn if not case.alone}.values())
    if not cases:
        return
    graph = bundle(cases)
    project = emit(all_in_l2(graph, TARGETS["host"], ISAS, seed))
    inputs = bundle_inputs(cases, 4)
    with tempfile.TemporaryDirectory() as folder:
        image = build(project, TARGETS["host"], Path(folder))
        outputs = run(project, image, inputs, TARGETS["host"]).outputs
    assert wrong(cases, outputs, reference.evaluate(graph, inputs)["y"]) == []


def wrong(cases: list[Case], got: np.ndarray, expected: np.ndarray) -> list[str]:
    """Names of the cases whose part of the output differs."""
    ends = np.cumsum([case.output().nbytes for case in cases])
    differs = [part.any() for part in np.split((got != expected).any(axis=0), ends)]
    return [case.name for case, bad in zip(cases, differs, strict=False) if bad]


def need_simulator() -> None:
    try:
        for name in rtl.VERSIONS:
            rtl.simulator(name, lambda _text: None)
    except ToolError:
        pytest.skip("'microformer setup-pulp' has not been run")


@pytest.mark.parametrize(
    ("seed", "isas"),
    [(0, ("ref",)), (1, ISAS), pytest.param(2, ISAS, marks=pytest.mark.slow)],
)
def test_every_operation_in_blocks_of_any_size(
    seed: int, isas: tuple[str, ...], tmp_path: Path
) -> None:
    """First, middle and last blocks, tails, strides, paddings; also under the sanitizers."""
    cases: list[Case]
    for part, cases in enumerate([VALUES, *([case] for case in INDEX)]):
        graph = bundle(cases)
        project = emit(all_in_l2(graph, TARGETS["host"], isas, seed))
        inputs = bundle_inputs(cases, 4)
        folder = tmp_path / str(part)
        image = build(project, TARGETS["host"], folder, sanitize=seed == 1)
        outputs = run(project, image, inputs, TARGETS["host"]).outputs
        expected = reference.evaluate(graph, inputs)["y"]
        assert wrong(cases, outputs, expected) == []


def _silent(_stage: str) -> AbstractContextManager[pipeline.Advance]:
    return nullcontext(lambda _done, _total: None)


CLUSTERS = [(name, cores) for name in ("pulp-ri5cy", "pulp-cv32e40p") for cores in (1, 8)]


@pytest.mark.parametrize(
    ("name", "cores", "size", "l1_bytes"),
    [*((*cluster, 32, 12 * 1024) for cluster in CLUSTERS), ("pulp-ri5cy", 8, 96, 60 * 1024)],
)
def test_a_network_whose_maps_exceed_l1(name: str, cores: int, size: int, l1_bytes: int) -> None:
    """Maps of 8 KiB in 12 of L1 beyond the stacks, of 72 KiB in all of it; the copies hidden."""
    need_simulator()
    target = with_cores(TARGETS[name], cores)
    target = resized(target, data_bytes=cores * target.stack_bytes + l1_bytes)
    maps = 8 * size * size
    x = np.random.default_rng(0).standard_normal((8, 1, size, size)).astype(np.float32)
    model = pipeline.load_model(seeded(LargeMaps), example=torch.from_numpy(x[:1]))
    samples = check_samples(x, None, model, "x")
    made = pipeline.compile_model(model, samples, target, progress=_silent)
    calls = made.plan.graph.calls
    assert made.plan.l2_bytes >= maps
    assert sum(call.tiling is not None and call.tiling.count > 1 for call in calls) >= 3
    report = pipeline.run_model(made.compiled, samples, target, count=2, progress=_silent)
    assert report.bit_exact
    cluster = report.cluster
    assert cluster is not None and cluster.l1_bytes is not None
    assert cluster.l1_bytes <= target.data_memory()[1].size_bytes
    moved = [layer.dma_bytes for layer in report.layers]
    assert all(count is not None for count in moved)
    assert cluster.dma_bytes >= 3 * maps
    assert cluster.dma_wait_share < 0.05


def test_a_transformer_larger_than_l1() -> None:
    """128 rows, a hidden layer of 32 KiB: attention by heads, matrix products by rows."""
    need_simulator()
    x = np.random.default_rng(0).standard_normal((4, 128, 64)).astype(np.float32)
    stack = seeded(encoder, d=64, heads=8, layers=1, hidden=256)
    model = pipeline.load_model(stack, example=torch.from_numpy(x[:1]))
    samples = check_samples(x, None, model, "x")
    made = pipeline.compile_model(model, samples, RI5CY, progress=_silent)
    tiled_ops = {c.op for c in made.plan.graph.calls if c.tiling is not None and c.tiling.count > 1}
    assert {"Linear", "Attention", "Add", "LayerNorm"} <= tiled_ops
    report = pipeline.run_model(made.compiled, samples, RI5CY, count=1, progress=_silent)
    assert report.bit_exact and report.cluster is not None
    assert report.cluster.dma_wait_share < 0.05


def test_a_large_matrix_product_hides_its_copies() -> None:
    """Input and output of 160 KiB in L2, 8 cores: as quick as from L1, but for the first rows."""
    need_simulator()
    row = bench(["pointwise_R2560_K64_N64"], TARGETS["pulp-ri5cy"]).rows[0]
    assert row.bit_exact and row.macs_per_cycle is not None and row.macs_per_cycle > 15.0
    assert row.dma_wait_share is not None and row.dma_wait_share < 0.01
    assert row.bytes_moved is not None and row.bytes_moved >= 2 * 2560 * 64
    assert row.l1_bytes is not None and row.l1_bytes <= 64 * 1024


def test_what_cannot_be_cut_far_enough_is_a_sentence() -> None:
    graph = workload("linear_R2_K30000_N4")
    with pytest.raises(
        TargetError, match=r"layer 'linear' \(Linear 2x30000 -> 2x4\) needs [\d,]+ bytes there"
    ):
        plan(lower(graph, RI5CY), RI5CY)


@pytest.mark.parametrize("cores", [1, 8])
def test_every_operation_in_blocks_on_the_cluster(cores: int, tmp_path: Path) -> None:
    """Copies that take their time: what is not waited for is seen."""
    need_simulator()
    target = with_cores(RI5CY, cores)
    cases = [case for case in VALUES if case.op.kind not in {"Attention", "AttentionBlock"}]
    cases = cases[cores % 3 :: 3]
    graph = bundle(cases)
    project = emit(all_in_l2(graph, target, target.isas, cores))
    inputs = bundle_inputs(cases, 2)
    image = build(project, target, tmp_path)
    outputs = run(project, image, inputs, target).outputs
    assert wrong(cases, outputs, reference.evaluate(graph, inputs)["y"]) == []
