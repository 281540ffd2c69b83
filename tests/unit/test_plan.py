"""The arena: placement never overlaps, the checker notices when it does, scratch stays small."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.cases as table
from microformer.bench.workloads import workload
from microformer.errors import VerifyError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.graph.tensor import QParams, Tensor, constant
from microformer.kernels.costs import round8
from microformer.lower import lower
from microformer.plan import plan
from microformer.plan.arena import Block, place
from microformer.plan.check import check
from microformer.targets import TARGETS, Target, resized
from tests.cases import bundle

M4 = TARGETS["cortex-m4"]
QUANT = QParams(0.1, 0)


def chain(widths: list[int], skips: list[int]) -> IntGraph:
    """Tables and sums over [8, w]: node i adds the tensor ``skips[i]`` steps back if it can."""
    tensors = {"x": Tensor("x", (8, widths[0]), "int8", QUANT)}
    entries = constant("table", np.arange(-128, 128).astype(np.int8))
    tensors["table"] = entries
    nodes: list[Node] = []
    made = ["x"]
    for i, skip in enumerate(skips):
        name = f"t{i}"
        last, other = made[-1], made[max(len(made) - 1 - skip, 0)]
        op: ops.Op = ops.Add(1000, 1000, 0, 12) if skip else ops.Lut()
        inputs = (last, other) if skip else (last, "table")
        tensors[name] = Tensor(name, (8, widths[0]), "int8", QUANT)
        nodes.append(Node(name, op, inputs, name))
        made.append(name)
    return IntGraph("chain", tensors, tuple(nodes), ("x",), (made[-1],)).pruned()


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=3),
        st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 400)),
        min_size=1,
        max_size=14,
    )
)
def test_placed_blocks_never_meet(drawn: dict[str, tuple[int, int, int]]) -> None:
    blocks = {n: Block(first, first + more, size) for n, (first, more, size) in drawn.items()}
    offsets, peak = place(blocks)
    assert set(offsets) == set(blocks)
    for a, one in blocks.items():
        assert offsets[a] % 8 == 0
        assert offsets[a] + one.size_bytes <= peak
        for b, other in blocks.items():
            if a < b and one.meets(other):
                apart = (
                    offsets[a] + one.size_bytes <= offsets[b]
                    or offsets[b] + other.size_bytes <= offsets[a]
                )
                assert apart, (a, b)
    most = max(
        sum(b.size_bytes for b in blocks.values() if b.first <= t <= b.last) for t in range(20)
    )
    assert most <= peak <= sum(round8(b.size_bytes) for b in blocks.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=12))
def test_random_chains_pass_the_checker(skips: list[int]) -> None:
    made = plan(lower(chain([16], skips), M4))
    check(made)


def _moved(made: Plan, name: str, to: str) -> Plan:
    return replace(made, offsets={**made.offsets, name: made.offsets[to]})


def test_the_checker_sees_an_overlap() -> None:
    # t0 is read again by the last sum, so nothing may lie on it until then
    made = plan(lower(chain([16], [0, 0, 0, 2, 0]), M4))
    check(made)
    names = sorted(made.offsets)
    assert len(set(made.offsets.values())) > 1
    seen = 0
    for name in names:
        for to in names:
            if made.offsets[name] == made.offsets[to]:
                continue
            try:
                check(_moved(made, name, to))
            except VerifyError:
                seen += 1
    assert seen > 0
    with pytest.raises(VerifyError, match="outside the arena"):
        check(replace(made, arena_bytes=made.arena_bytes - 8))


def test_the_checker_sees_scratch_over_an_input() -> None:
    graph = bundle([table.attention(4, 4, 2, 4)])
    made = plan(lower(graph, M4))
    at = next(i for i, c in enumerate(made.graph.calls) if c.scratch_bytes)
    for name in made.offsets:
        spoilt = list(made.scratch_offsets)
        spoilt[at] = made.offsets[name]
        with pytest.raises(VerifyError):
            check(replace(made, scratch_offsets=tuple(spoilt)))


def test_in_place_only_where_the_kernel_allows_it() -> None:
    # a table may work in place: one buffer does for the whole chain
    made = plan(lower(chain([16], [0, 0, 0, 0]), M4))
    assert made.arena_bytes == 8 * 16
    # a matrix product may not
    cases = [table.linear(8, 16, 16)]
    graph = bundle(cases)
    spoilt = plan(lower(graph, M4))
    call = spoilt.graph.calls[0]
    assert call.op == "Linear" and call.inplace == ()


@pytest.mark.parametrize("softmax", ["lut", "ibert"])
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4"])
def test_attention_scratch_grows_with_the_keys_not_their_square(target: str, softmax: str) -> None:
    """No S x S buffer: the plan's whole memory is linear in S, heads times less than S^2."""
    heads, width = 4, 8
    scratch, arena = {}, {}
    for length in (32, 64, 128, 256):
        case = table.attention(length, length, heads, width, softmax=softmax)
        made = plan(lower(bundle([case]), TARGETS[target]))
        calls = [c for c in made.graph.calls if c.op == "Attention"]
        assert len(calls) == 1
        scratch[length], arena[length] = calls[0].scratch_bytes, made.arena_bytes
        # int16 copies of one head's keys and values, two rows of scores and probabilities
        assert scratch[length] <= (4 * width + 16) * length + 16 * width + 64
        assert length < 128 or made.arena_bytes < length * length
    for values in (scratch, arena):
        growth = [values[2 * s] - values[s] for s in (32, 64, 128)]
        assert growth[1] <= 2 * growth[0] + 64 and growth[2] <= 2 * growth[1] + 64


def _two_products() -> KernelGraph:
    """Rows of 64 to 64 and to 64 again: 256 rows each, 32 KiB of pairs at a time."""
    graph = workload("linear_R256_K64_N64")
    (first,) = graph.nodes
    again = replace(first, name="again", inputs=(first.output, *first.inputs[1:]), output="again")
    made = replace(graph.tensors[first.output], name="again")
    tensors = {**graph.tensors, "again": made}
    nodes = (first, again)
    return lower(IntGraph("two", tensors, nodes, graph.inputs, ("again",)), M4)


def _with_arena(nbytes: int) -> Target:
    """The M4 with as much RAM as an arena of ``nbytes`` and 32 KiB of input and output need."""
    return resized(M4, data_bytes=nbytes + 2 * 256 * 64 + M4.stack_bytes + 32)


def test_a_kernel_of_less_scratch_only_where_ram_is_short() -> None:
    graph = _two_products()
    quick = plan(graph, M4)
    assert [c.symbol for c in quick.graph.calls] == ["mf_linear_s8_dsp_2x4"] * 2
    assert plan(graph, _with_arena(quick.arena_bytes)).graph.calls == quick.graph.calls
    tight = plan(graph, _with_arena(quick.arena_bytes - 8))
    assert {c.symbol for c in tight.graph.calls} == {"mf_linear_s8_dsp_2x4_8k"}
    assert tight.arena_bytes < quick.arena_bytes - 20_000
    tighter = plan(graph, _with_arena(tight.arena_bytes - 8))
    assert {c.symbol for c in tighter.graph.calls} == {"mf_linear_s8_dsp_1x4"}
    none = plan(graph, _with_arena(0))  # too small for the buffers themselves: the least is told
    assert none.arena_bytes == 256 * 64
    assert {c.symbol for c in none.graph.calls} == {"mf_linear_s8_ref"}


def test_only_the_call_that_is_in_the_way_is_slowed() -> None:
    graph = _two_products()
    first, second = graph.calls
    small = replace(first, scratch_bytes=first.scratch_bytes - 16_384)
    quick = plan(graph, M4)
    uneven = replace(graph, calls=(small, second))
    made = plan(uneven, _with_arena(quick.arena_bytes - 8))
    assert made.graph.calls[0] is small
    assert made.graph.calls[1].symbol == "mf_linear_s8_dsp_2x4_8k"
