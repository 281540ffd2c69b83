"""The check at each border: every complaint is provoked once, and names whom to blame."""

from dataclasses import replace

import numpy as np
import pytest

from microformer.errors import VerifyError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import Arg, KernelGraph, View
from microformer.graph.tensor import QParams, Tensor, constant
from microformer.graph.verify import verify, verify_kernels
from microformer.lower import lower
from microformer.targets import TARGETS
from tests.cases import bundle, linear, softmax


def graph() -> IntGraph:
    """Two operations on one input."""
    return bundle([linear(2, 4, 3), softmax(3, 5)])


def _with(made: IntGraph, name: str, **changes: object) -> IntGraph:
    tensor = replace(made.tensors[name], **changes)  # type: ignore[arg-type]
    return replace(made, tensors={**made.tensors, name: tensor})


def _node(made: IntGraph, op: type[ops.Op]) -> Node:
    return next(n for n in made.nodes if isinstance(n.op, op))


def _swap(made: IntGraph, old: Node, new: Node) -> IntGraph:
    return replace(made, nodes=tuple(new if n is old else n for n in made.nodes))


def test_a_good_graph_passes_unchanged() -> None:
    made = graph()
    assert verify(made, "here") is made


def test_order() -> None:
    made = graph()
    spoilt = replace(made, nodes=tuple(reversed(made.nodes)))
    with pytest.raises(VerifyError, match=r"^stage-x: .*before it is computed"):
        verify(spoilt, "stage-x")


def test_twice() -> None:
    made = graph()
    with pytest.raises(VerifyError, match="a second time"):
        verify(replace(made, nodes=(*made.nodes, made.nodes[-1])), "here")


def test_missing_result() -> None:
    with pytest.raises(VerifyError, match="'nothing' is never computed"):
        verify(replace(graph(), outputs=("nothing",)), "here")


def test_shape() -> None:
    made = graph()
    name = _node(made, ops.Linear).output
    with pytest.raises(VerifyError, match="gives shape"):
        verify(_with(made, name, shape=(3, 2)), "here")


def test_type() -> None:
    made = graph()
    name = _node(made, ops.Linear).output
    with pytest.raises(VerifyError, match="type int32"):
        verify(_with(made, name, dtype="int32"), "here")


@pytest.mark.parametrize("shift", [0, 31, -1])
def test_shift(shift: int) -> None:
    made = graph()
    node = _node(made, ops.Linear)
    with pytest.raises(VerifyError, match=f"shifts by {shift}"):
        verify(_swap(made, node, replace(node, op=ops.Linear(shift))), "here")


def test_scales_of_a_concat() -> None:
    made = graph()
    part = _node(made, ops.Concat).inputs[0]
    with pytest.raises(VerifyError, match="different scales"):
        verify(_with(made, part, qparams=QParams(3.0, 1)), "here")


def test_table_size() -> None:
    made = graph()
    node = _node(made, ops.Linear)
    table = constant("short", np.zeros(255, np.int8))
    spoilt = _swap(made, node, replace(node, inputs=(*node.inputs, "short")))
    with pytest.raises(VerifyError, match="not 256 bytes"):
        verify(replace(spoilt, tensors={**spoilt.tensors, "short": table}), "here")


def kernels() -> KernelGraph:
    """The same, lowered."""
    return lower(graph(), TARGETS["host"])


def test_view_of_a_view() -> None:
    made = kernels()
    name, view = next(iter(made.views.items()))
    tensors = {**made.tensors, "v": Tensor("v", (1,), "int8")}
    views = {**made.views, "v": View(name, 0)}
    assert view.base not in made.views
    with pytest.raises(VerifyError, match="view of a view"):
        verify_kernels(replace(made, tensors=tensors, views=views))


def test_view_beyond_its_buffer() -> None:
    made = kernels()
    name, view = next(iter(made.views.items()))
    for offset in (-1, made.tensors[view.base].nbytes):
        views = {**made.views, name: View(view.base, offset)}
        with pytest.raises(VerifyError, match="leaves its buffer"):
            verify_kernels(replace(made, views=views))


def test_unknown_argument() -> None:
    made = kernels()
    call = replace(made.calls[0], args=(Arg("in", "ghost"), *made.calls[0].args[1:]))
    with pytest.raises(VerifyError, match="unknown 'ghost'"):
        verify_kernels(replace(made, calls=(call, *made.calls[1:])))
