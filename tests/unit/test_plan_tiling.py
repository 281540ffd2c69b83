"""Blocks of layers whose operands lie in L2: sizes, places, and what the checker must see."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.cases as table
from microformer.bench.workloads import workload
from microformer.errors import TargetError, VerifyError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import Operand, Plan, Span, Tiling
from microformer.graph.tensor import QParams, Tensor, constant
from microformer.lower import lower
from microformer.plan import plan
from microformer.plan.check import check
from microformer.plan.columns import by_axes
from microformer.targets import TARGETS, Target, resized, with_cores
from tests.cases import bundle

RI5CY = TARGETS["pulp-ri5cy"]
QUANT = QParams(0.1, 0)


def small(l1_bytes: int, cores: int = 8) -> Target:
    """A cluster with so much L1 beyond its stacks."""
    target = with_cores(RI5CY, cores)
    return resized(target, data_bytes=l1_bytes + cores * target.stack_bytes)


def l1_bytes(made: Plan) -> int:
    """L1 that a plan takes."""
    outside = {*made.graph.inputs, *made.graph.outputs} - made.caller_l2
    return made.arena_bytes + sum(made.graph.tensors[n].nbytes for n in outside)


def sums(rows: int, width: int, skips: list[int]) -> IntGraph:
    """Tables and sums of [rows, width]: node i adds the tensor ``skips[i]`` steps back."""
    shape = (rows, width)
    tensors = {"x": Tensor("x", shape, "int8", QUANT)}
    tensors["table"] = constant("table", np.arange(-128, 128).astype(np.int8))
    nodes, made = [], ["x"]
    for i, skip in enumerate(skips):
        other = made[max(len(made) - 1 - skip, 0)]
        op: ops.Op = ops.Add(1000, 1000, 0, 12) if skip else ops.Lut()
        tensors[f"t{i}"] = Tensor(f"t{i}", shape, "int8", QUANT)
        nodes.append(Node(f"t{i}", op, (made[-1], other if skip else "table"), f"t{i}"))
        made.append(f"t{i}")
    return IntGraph("sums", tensors, tuple(nodes), ("x",), (made[-1],)).pruned()


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 300),
    width=st.integers(1, 40),
    skips=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    room=st.integers(1024, 6000),
    cores=st.sampled_from([1, 3, 8]),
)
def test_plans_keep_to_l1_and_pass_the_checker(
    rows: int, width: int, skips: list[int], room: int, cores: int
) -> None:
    graph = lower(sums(rows, width, skips), with_cores(RI5CY, cores))
    made = plan(graph, small(room, cores))
    check(made)
    assert l1_bytes(made) <= room
    whole = plan(graph)
    if l1_bytes(whole) <= room - 64:  # what fits is left as it is
        assert made.offsets == whole.offsets and not made.l2_offsets and not made.caller_l2


def test_what_is_used_least_leaves_first() -> None:
    """Of two maps alive at once only one need leave; the calls that never touch it stay whole."""
    made = plan(lower(sums(64, 32, [0, 0, 0, 0, 0, 5]), RI5CY), small(4 * 2048))
    assert l1_bytes(made) <= 4 * 2048
    untouched = [call for call in made.graph.calls if call.tiling is None]
    assert len(untouched) >= 3


def test_blocks_are_whole_tiles_and_constants_come_once() -> None:
    graph = lower(workload("pointwise_R2560_K64_N64"), RI5CY)
    tiling = plan(graph, RI5CY).graph.calls[0].tiling
    assert tiling is not None and tiling.count > 4
    assert all(integers[0] % 32 == 0 for integers in tiling.integers[:-1])
    assert [name for name, _ in tiling.constants] == [
        str(a.value) for a in graph.calls[0].args if a.kind == "const"
    ]


def test_less_l1_means_more_blocks_and_more_cycles() -> None:
    graph = lower(workload("pointwise_R640_K64_N64"), RI5CY)
    tiles = [plan(graph, small(room)).graph.calls[0].tiling for room in (60_000, 30_000, 15_000)]
    assert all(tiling is not None for tiling in tiles)
    cycles = [tiling.cycles for tiling in tiles if tiling is not None]
    counts = [tiling.count for tiling in tiles if tiling is not None]
    assert cycles == sorted(cycles) and counts[0] <= counts[1] <= counts[2]


def test_other_targets_have_no_blocks() -> None:
    m4 = TARGETS["cortex-m4"]
    made = plan(lower(workload("pointwise_R2560_K64_N64"), m4), m4)
    assert made.graph.calls[0].tiling is None and not made.caller_l2


def test_a_layer_that_cannot_be_cut_is_named() -> None:
    graph = lower(bundle([table.linear(1, 3000, 3)]), RI5CY)
    with pytest.raises(TargetError, match=r"layer 'linear_1x3000x3' .* needs [\d,]+ bytes"):
        plan(graph, small(4096))


def _tiled() -> Plan:
    """Tables and a sum whose input, output and all between lie in L2."""
    return plan(lower(sums(256, 32, [0, 2]), RI5CY), small(6144))


def _with_tile(made: Plan, change: Callable[[Tiling], Tiling]) -> Plan:
    calls = [replace(c, tiling=change(c.tiling)) if c.tiling else c for c in made.graph.calls]
    return replace(made, graph=replace(made.graph, calls=tuple(calls)))


def _operands(change: Callable[[Operand], Operand]) -> Callable[[Tiling], Tiling]:
    return lambda tiling: replace(tiling, operands=tuple(change(o) for o in tiling.operands))


def _first_again(operand: Operand) -> Operand:
    """The second block is the first one again, of the output."""
    spans = (operand.spans[0], operand.spans[0], *operand.spans[2:])
    return replace(operand, spans=spans) if operand.out else operand


SPOILT: dict[str, Callable[[Tiling], Tiling]] = {
    "do.* not stage": _operands(lambda o: replace(o, buffers=())),
    "share a buffer": _operands(lambda o: replace(o, buffers=o.buffers[:1])),
    "overlaps or leaves": _operands(lambda o: replace(o, buffers=(o.buffers[0], o.buffers[0]))),
    "leaves scratch": _operands(lambda o: replace(o, buffers=(o.buffers[0], 1 << 20))),
    "no span": lambda tiling: replace(tiling, integers=tiling.integers[:-1]),
    "twice": _operands(_first_again),
    "leaves '": _operands(
        lambda o: replace(o, spans=tuple(replace(s, offset=s.offset + 1) for s in o.spans))
    ),
}


@pytest.mark.parametrize("message", SPOILT)
def test_the_checker_sees_a_spoilt_tile(message: str) -> None:
    made = _tiled()
    check(made)
    tiles = [call.tiling for call in made.graph.calls if call.tiling is not None]
    assert tiles and all(tiling.count > 2 and tiling.buffering == 2 for tiling in tiles)
    with pytest.raises(VerifyError, match=message):
        check(_with_tile(made, SPOILT[message]))


def test_the_checker_sees_a_call_that_works_in_l2() -> None:
    made = _tiled()
    calls = tuple(replace(call, tiling=None) for call in made.graph.calls)
    with pytest.raises(VerifyError, match="which lie in L2"):
        check(replace(made, graph=replace(made.graph, calls=calls)))


def test_the_checker_sees_an_overlap_in_l2() -> None:
    made = plan(lower(sums(64, 32, [0, 0, 0, 2, 0]), RI5CY), small(2048))
    places = set(made.l2_offsets.values())
    assert len(places) > 1
    seen = 0
    for name, offset in made.l2_offsets.items():
        for other in places - {offset}:
            try:
                check(replace(made, l2_offsets={**made.l2_offsets, name: other}))
            except VerifyError:
                seen += 1
    assert seen > 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_transpose_is_the_sum_of_its_parts_along_any_axis(data: st.DataObject) -> None:
    """Each part reads and writes runs of bytes; put together they are the whole."""
    shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=2, max_size=4)))
    perm = tuple(data.draw(st.permutations(range(len(shape)))))
    op = ops.Transpose(perm)
    x = Tensor("x", shape, "int8", QUANT)
    y = Tensor("y", tuple(shape[p] for p in perm), "int8", QUANT)
    values = np.arange(x.size)

    def places(span: Span) -> np.ndarray:
        rows = span.offset + span.pitch * np.arange(span.rows)
        return (rows[:, None] + np.arange(span.width)).reshape(-1)

    for found in by_axes(op, (x,), y):
        assert found is not None
        rows, parts = found
        made = np.full(y.size, -1)
        cut = data.draw(st.integers(1, rows))
        for begin in range(0, rows, cut):
            inner, shaped, spans = parts(begin, min(begin + cut, rows))
            assert isinstance(inner, ops.Transpose)
            block = values[places(spans["x"])].reshape(shaped["x"].shape)
            made[places(spans["y"])] = block.transpose(inner.perm).reshape(-1)
        assert np.array_equal(made, values.reshape(shape).transpose(perm).reshape(-1))


def test_a_transpose_of_twice_l1_is_cut() -> None:
    shape = (32, 2, 1024)
    tensors = {
        "x": Tensor("x", shape, "int8", QUANT),
        "y": Tensor("y", (2, 32, 1024), "int8", QUANT),
    }
    node = Node("turn", ops.Transpose((1, 0, 2)), ("x",), "y")
    graph = lower(IntGraph("turned", tensors, (node,), ("x",), ("y",)), RI5CY)
    made = plan(graph, small(32 * 1024))
    check(made)
    assert made.graph.calls[0].tiling is not None
