"""Layers that are done block by block, on this machine and on the cluster."""

import random
from pathlib import Path

import numpy as np
import pytest

from cases import CASES, Case, bundle, bundle_inputs
from microformer import integer
from microformer.build import build
from microformer.emit import emit
from microformer.graph.int_graph import IntGraph
from microformer.graph.kernel_graph import Plan
from microformer.kernels.registry import KERNELS
from microformer.lower import lower
from microformer.plan.check import check
from microformer.plan.lifetime import lifetimes
from microformer.plan.places import placed, tiled
from microformer.plan.tile import Choice, Tiling
from microformer.run import run
from microformer.targets import TARGETS, Target

VALUES = [case for case in CASES if not case.index]
INDEX = [case for case in CASES if case.index]
ISAS = tuple(dict.fromkeys(k.isa for k in KERNELS))


def all_far(graph: IntGraph, target: Target, isas: tuple[str, ...], seed: int) -> Plan:
    """Buffers in L1 or L2 by chance, each call in blocks of a size drawn at random."""
    rng = random.Random(seed)
    kernels = lower(graph, target, isas=isas)
    spans = lifetimes(kernels)
    outside = [(kernels.inputs, seed != 1), (kernels.outputs, seed != 2)]
    far = frozenset(n for names, there in outside for n in names if there)
    far |= {n for n in spans if n not in far and rng.random() < 0.7} - {*kernels.inputs}
    chosen: dict[int, tuple[Tiling, Choice]] = {}
    for index, call in enumerate(kernels.calls):
        touched = frozenset(n for n in (*call.inputs, call.output) if kernels.buffer(n) in far)
        if touched:
            tiling = Tiling(call, kernels.tensors, touched, kernels.cores)
            chosen[index] = (tiling, rng.choice(tiling.choices))
    made = placed(tiled(kernels, chosen), spans, far)
    check(made)
    return made


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
        project = emit(all_far(graph, TARGETS["host"], isas, seed))
        inputs = bundle_inputs(cases, 4)
        folder = tmp_path / str(part)
        image = build(project, TARGETS["host"], folder, sanitize=seed == 1)
        outputs = run(project, image, inputs, TARGETS["host"]).outputs
        expected = integer.evaluate(graph, inputs)["y"]
        start, wrong = 0, []
        for case in cases:
            end = start + case.output().size
            if not np.array_equal(outputs[:, start:end], expected[:, start:end]):
                wrong.append(case.name)
            start = end
        assert wrong == []
