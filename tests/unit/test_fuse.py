"""Attention and its projections become one operation only where nothing is lost by it."""

from dataclasses import replace

import numpy as np
import pytest

from microformer.bench.workloads import workload
from microformer.emit import emit
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import constant
from microformer.graph.verify import verify
from microformer.lower import lower
from microformer.lower.fuse import fuse
from microformer.plan import plan
from microformer.reference import evaluate
from microformer.targets import TARGETS, Target

LAYER = "attention_S12_E16_H4_P8"


def _with(*isas: str) -> Target:
    """A machine without limits that runs these instruction sets."""
    return replace(TARGETS["host"], isas=isas)


DSP = _with("dsp", "ref")


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
    large = "attention_S32_E32_H16_P32"  # of a small one the parts are quicker
    project = emit(plan(lower(workload(large), TARGETS["cortex-m4"])))
    assert [layer.kernel for layer in project.layers] == ["mf_attention_block_s8_dsp_2x4"]
    assert sum(layer.macs for layer in project.layers) == 4 * 32 * 32 * 512 + 2 * 32 * 32 * 512
    project = emit(plan(lower(workload(LAYER), TARGETS["cortex-m4"])))
    assert sum(layer.macs for layer in project.layers) == 4 * 12 * 16 * 32 + 2 * 12 * 12 * 32


def test_cores_without_the_kernel_keep_the_parts() -> None:
    assert len(kinds(fuse(workload(LAYER), _with("ref")))) == 5


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


POOLED = "convpool_H12_W123_C2_N16_K3x5_P3x5"
XPULP = _with("xpulp", "ref")


def test_a_convolution_and_its_pooling_become_one_operation_of_the_same_meaning() -> None:
    graph = workload(POOLED)
    fused = verify(fuse(graph, XPULP), "fuse")
    assert kinds(fused) == ["ConvPool"]
    x = np.random.default_rng(0).integers(-128, 128, (3, 12, 123, 2)).astype(np.int8)
    (before,), (after,) = evaluate(graph, x).values(), evaluate(fused, x).values()
    np.testing.assert_array_equal(before, after)


def test_a_reshape_that_changes_nothing_is_no_reader() -> None:
    """The loader leaves one wherever two transposes meet."""
    graph = workload(POOLED)
    same = replace(graph.tensors["conv"], name="same")
    view = Node("same", ops.Reshape(same.shape), ("conv",), "same")
    nodes = (graph.nodes[0], view, replace(graph.nodes[1], inputs=("same",)))
    tensors = dict(graph.tensors) | {"same": same}
    assert kinds(fuse(replace(graph, tensors=tensors, nodes=nodes), XPULP)) == ["ConvPool"]


def test_convolutions_with_pooling_keep_their_macs() -> None:
    """12 x 123 cells of 16 channels and 3 x 5 x 2 taps, whether pooling needs them all or not."""
    project = emit(plan(lower(workload(POOLED), TARGETS["pulp-ri5cy"])))
    assert [layer.kernel for layer in project.layers] == ["mf_conv_pool_s8_xpulp_3x1"]
    assert sum(layer.macs for layer in project.layers) == 12 * 123 * 16 * 30


def test_no_map_between_convolution_and_pooling_is_in_memory() -> None:
    """TinyRadarNN's first layer: its map alone has 246 KiB."""
    graph = workload("convpool_H32_W492_C2_N16_K3x5_P3x5")
    project = emit(plan(lower(graph, TARGETS["pulp-ri5cy"])))
    assert project.arena_bytes <= 16 * 1024


def _pooled(**changes: object) -> IntGraph:
    """The workload with another pooling."""
    graph = workload(POOLED)
    op = replace(graph.nodes[1].op, **changes)
    output = replace(graph.tensors["pool"], shape=infer_shape(op, (graph.tensors["conv"],)))
    nodes = (graph.nodes[0], replace(graph.nodes[1], op=op))
    return replace(graph, nodes=nodes, tensors=dict(graph.tensors) | {"pool": output})


@pytest.mark.parametrize(
    "changes", [{"pads": (1, 0, 0, 0)}, {"stride": (1, 5)}], ids=["padding", "overlap"]
)
def test_windows_that_pad_or_overlap_keep_the_parts(changes: dict[str, object]) -> None:
    assert len(kinds(fuse(_pooled(**changes), XPULP))) == 2


def test_a_reader_of_the_map_or_no_kernel_keeps_the_parts() -> None:
    graph = workload(POOLED)
    assert len(kinds(fuse(replace(graph, outputs=("pool", "conv")), XPULP))) == 2
    assert len(kinds(fuse(graph, DSP))) == 2


def test_a_table_that_falls_keeps_the_parts() -> None:
    """The maximum of sums is then not that of results."""
    graph = workload(POOLED)
    for table, parts in ((np.arange(-128, 128), 1), (np.arange(127, -129, -1), 2)):
        tensors = dict(graph.tensors) | {"t": constant("t", table.astype(np.int8))}
        nodes = (replace(graph.nodes[0], inputs=(*graph.nodes[0].inputs, "t")), graph.nodes[1])
        assert len(kinds(fuse(replace(graph, tensors=tensors, nodes=nodes), XPULP))) == parts


@pytest.mark.parametrize("name", ["attention_S81_E32_H8_P32", "attention_S32_E64_H16_P64"])
def test_memory_beyond_input_and_output_is_that_of_one_head(name: str) -> None:
    """34 KiB for EEGFormer's layer, against 88 KiB for q, k, v, scores and context."""
    project = emit(plan(lower(workload(name), TARGETS["cortex-m4"])))
    assert project.arena_bytes <= 34 * 1024
    op = fuse(workload(name), DSP).nodes[0].op
    assert isinstance(op, ops.AttentionBlock)
