"""Norms, sums, tables, softmax, means and copies on the cluster: every number of cores, speed."""

from pathlib import Path

import numpy as np
import pytest

from microformer import pipeline, reference
from microformer.bench.workloads import workload
from microformer.build import build
from microformer.emit import emit
from microformer.graph import ops
from microformer.lower import lower
from microformer.plan import plan
from microformer.run import run
from microformer.targets import TARGETS, with_cores, with_weights
from tests.cases import CASES, Case, bundle, bundle_inputs
from tests.targets.test_pulp import CORES, RI5CY, pytestmark  # noqa: F401  (skips without the RTL)

ROWS = (ops.LayerNorm, ops.Add, ops.Mul, ops.Lut, ops.Softmax, ops.Mean, ops.Transpose, ops.Slice)


@pytest.mark.parametrize(
    ("name", "cores", "weights"),
    [(name, cores, "l2") for name in CORES for cores in (1, 3, 8)] + [("pulp-ri5cy", 8, "l1")],
)
def test_rows_are_exact_on_every_number_of_cores(
    name: str, cores: int, weights: str, tmp_path: Path
) -> None:
    chosen: list[Case] = [case for case in CASES if isinstance(case.op, ROWS)]
    target, graph = with_weights(with_cores(TARGETS[name], cores), weights), bundle(chosen)
    project = emit(plan(lower(graph, target), target))
    assert all("_xpulp" in layer.kernel for layer in project.layers)
    inputs = bundle_inputs(chosen, 2)
    result = run(project, build(project, target, tmp_path), inputs, target, profile=False)
    np.testing.assert_array_equal(result.outputs, reference.evaluate(graph, inputs)["y"])


# name: cycles an output on one core at most, how many times as fast eight are at least
SPEED = {
    "layernorm_R81_N64": (10.0, 7.2),
    "layernorm_R81_N192": (9.2, 7.5),
    "softmax_R81_N81": (8.8, 6.6),
    "add_R81_N64": (6.9, 7.6),
    "add_R64_N64": (6.9, 7.4),
    "mul_R81_N64": (8.9, 7.6),
    "table_R81_N64": (2.9, 6.2),
    "mean_R81_N64": (110.0, 7.0),
    "transpose_R64_N81": (2.2, 6.7),
}


@pytest.mark.parametrize("name", SPEED)
def test_rows_scale_over_cores_with_few_conflicts(name: str) -> None:
    graph = workload(name)
    shape = graph.tensors["x"].shape
    x = np.random.default_rng(0).integers(-128, 128, (1, *shape)).astype(np.int8)
    cycles = []
    for cores in (1, 8):
        made = pipeline.measure_graph(graph, x, with_cores(RI5CY, cores))
        assert made.bit_exact and made.result.cycles is not None
        cycles.append(made.result.cycles)
        conflicts = sum(core.conflicts for core in made.result.cores)
        assert conflicts < 0.13 * cores * made.result.cycles
    most, ratio = SPEED[name]
    assert cycles[0] / np.prod(graph.tensors[graph.outputs[0]].shape) < most
    assert cycles[0] / cycles[1] > ratio
