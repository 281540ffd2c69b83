"""Attention and its projections become one operation only where nothing is lost by it."""

from dataclasses import replace

import numpy as np
import pytest

from microformer.bench.workloads import workload
from microformer.emit import emit
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph
from microformer.graph.verify import verify
from microformer.integer import evaluate
from microformer.lower import lower
from microformer.lower.fuse import fuse
from microformer.plan import plan
from microformer.targets import TARGETS

LAYER = "attention_S12_E16_H4_P8"
DSP = ("dsp", "ref")


def kinds(graph: IntGraph) -> list[str]:
    """The operations in order."""
    return [node.op.kind for node in graph.nodes]


def test_a_layer_becomes_one_operation_of_the_same_meaning() -> None:
    """Every output byte, before and after."""
    graph = workload(LAYER)
    fused = verify(fuse(graph, DSP), "fuse")
    assert kinds(fused) == ["AttentionBlock"]
    x = np.random.default_rng(0).integers(-128, 128, (3, 12, 16)).astype(np.int8)
    (before,), (after,) = evaluate(graph, x).values(), evaluate(fused, x).values()
    np.testing.assert_array_equal(before, after)


def test_macs_stay_what_they_were() -> None:
    """4 S E H P + 2 S^2 H P, in one layer or in five."""
    project = emit(plan(lower(workload(LAYER), TARGETS["cortex-m4"])))
    assert [layer.kernel for layer in project.layers] == ["mf_attention_block_s8_lut_dsp_2x4"]
    assert sum(layer.macs for layer in project.layers) == 4 * 12 * 16 * 32 + 2 * 12 * 12 * 32


def test_cores_without_the_kernel_keep_the_parts() -> None:
    assert len(kinds(fuse(workload(LAYER), ("ref",)))) == 5


def test_a_reader_between_keeps_the_parts() -> None:
    """The keys are a result too."""
    graph = workload(LAYER)
    assert len(kinds(fuse(replace(graph, outputs=(*graph.outputs, "k")), DSP))) == 5


def test_different_sources_keep_the_parts() -> None:
    """Cross attention: keys come from elsewhere."""
    graph = workload(LAYER)
    tensors = dict(graph.tensors) | {"z": replace(graph.tensors["x"], name="z")}
    nodes = tuple(
        replace(n, inputs=("z", *n.inputs[1:])) if n.output == "k" else n for n in graph.nodes
    )
    other = replace(graph, tensors=tensors, nodes=nodes, inputs=("x", "z"))
    assert len(kinds(fuse(other, DSP))) == 5


def test_what_would_need_more_memory_keeps_the_parts() -> None:
    """Narrow heads of a wide model: int32 sums of the output weigh more than q, k and v."""
    assert len(kinds(fuse(workload("attention_S66_E16_H8_P2"), DSP))) == 5


@pytest.mark.parametrize("name", ["attention_S81_E32_H8_P32", "attention_S32_E64_H16_P64"])
def test_memory_beyond_input_and_output_is_that_of_one_head(name: str) -> None:
    """34 KiB for EEGFormer's layer, against 88 KiB for q, k, v, scores and context."""
    project = emit(plan(lower(workload(name), TARGETS["cortex-m4"])))
    assert project.arena_bytes <= 34 * 1024
    op = fuse(workload(name), DSP).nodes[0].op
    assert isinstance(op, ops.AttentionBlock)
