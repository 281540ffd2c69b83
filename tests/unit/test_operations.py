"""Every table over operations has a line for each, and refuses one that it does not know."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from microformer import reference
from microformer.errors import VerifyError
from microformer.graph import ops
from microformer.graph.cost import describe, macs
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.serialize import from_bytes, to_bytes
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor
from microformer.kernels import registry
from microformer.kernels.registry import kernels
from microformer.kernels.signatures import arguments, family
from microformer.reference.proof import prove
from tests.cases import CASES, Case, bundle

OPERATIONS = {
    cls for cls in vars(ops).values() if isinstance(cls, type) and issubclass(cls, ops.Op)
} - {ops.Op}
VIEWS = ops.Reshape
"""They have no kernel: another name for the same bytes."""


@dataclass(frozen=True)
class Invented(ops.Op):
    """An operation that no table knows."""


def _graph(case: Case) -> IntGraph:
    return bundle([case])


def _arguments(case: Case) -> object:
    tensors = case.tensors()
    if isinstance(case.op, ops.Concat | VIEWS):
        return True  # concat_arguments, and a view
    return arguments(case.op, tensors, case.output())


def _family(case: Case) -> object:
    if isinstance(case.op, VIEWS):
        return True
    name = family(case.op, case.tensors())
    found = {kernel.isa for kernel in kernels() if kernel.family == name}
    assert "ref" in found, f"no reference kernel of {name}"
    return found


def _stored(case: Case) -> object:
    graph = _graph(case)
    nodes = from_bytes(*to_bytes(graph)).nodes
    assert nodes == graph.nodes  # records among the attributes too
    return nodes


FILES = {
    "shapes": "graph/shapes.py: its output's shape",
    "products": "graph/cost.py: its products",
    "words": "graph/cost.py: what a report calls its shape",
    "proof": "reference/proof.py: its bound",
    "families": "kernels/signatures.py and kernels/ref/registry.py: its operator and a kernel",
    "arguments": "kernels/signatures.py: its C arguments",
    "stored form": "graph/serialize.py: the records among its attributes",
}
"""The file in which a table stands, and what it lacks (docs/adding-an-op.md)."""

TABLES: dict[str, Callable[[Case], object]] = {
    "shapes": lambda case: infer_shape(case.op, case.tensors()),
    "products": lambda case: macs(case.op, case.tensors(), case.output()) + 1,
    "words": lambda case: describe(case.op, case.tensors(), case.output()),
    "proof": lambda case: prove(_graph(case)).bounds,
    "families": _family,
    "arguments": _arguments,
    "stored form": _stored,
}


def test_the_table_of_cases_has_every_operation() -> None:
    missing = {cls.__name__ for cls in OPERATIONS - {type(case.op) for case in CASES}}
    # a view, and copies that the bundle of all cases is made of
    assert missing <= {"Reshape", "Concat"}, f"no case of {sorted(missing)}"


@pytest.mark.parametrize("cls", sorted(OPERATIONS, key=str))
def test_every_operation_has_a_line_in_every_table(cls: type[ops.Op]) -> None:
    """Prints what is missing, file by file, all at once."""
    own = (
        Case("reshape", ops.Reshape((6, 4)), ((4, 6),)),
        Case("concat", ops.Concat(0), ((4, 6), (2, 6))),
    )
    case = next(c for c in (*CASES, *own) if isinstance(c.op, cls))
    missing = []
    for name, table in TABLES.items():
        try:
            assert table(case)
        except (VerifyError, KeyError, AssertionError) as error:
            missing.append(f"{FILES[name]} ({error})")
    if cls not in reference._SEMANTICS:
        missing.append("reference/__init__.py: its semantics")
    assert not missing, "\n".join([f"{cls.__name__} is missing in", *missing])


@pytest.mark.parametrize("table", TABLES)
def test_no_table_answers_for_an_invented_operation(table: str) -> None:
    case = Case("invented", Invented(), ((4, 6),))
    if table in ("proof", "stored form"):
        tensors = {"x": Tensor("x", (4, 6), "int8"), "y": Tensor("y", (4, 6), "int8")}
        graph = IntGraph("g", tensors, (Node("n", Invented(), ("x",), "y"),), ("x",), ("y",))
        with pytest.raises((VerifyError, KeyError)):
            prove(graph) if table == "proof" else from_bytes(*to_bytes(graph))
        return
    # its output's shape is asked for where the tensor is made
    output = Tensor("y", (4, 6), "int8")
    asks: dict[str, Callable[[], object]] = {
        "shapes": lambda: infer_shape(case.op, case.tensors()),
        "products": lambda: macs(case.op, case.tensors(), output),
        "words": lambda: describe(case.op, case.tensors(), output),
        "families": lambda: family(case.op, case.tensors()),
        "arguments": lambda: arguments(case.op, case.tensors(), output),
    }
    with pytest.raises(VerifyError, match="Invented"):
        asks[table]()


def test_the_reference_refuses_an_invented_operation() -> None:
    with pytest.raises(VerifyError, match="Invented"):
        reference.apply(Invented(), np.zeros((1, 4), np.int8))


def test_what_is_missing_is_said_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new operation's author reads which files to open."""
    monkeypatch.setattr(registry, "ISAS", ())
    monkeypatch.delitem(reference._SEMANTICS, ops.Mul)
    with pytest.raises(AssertionError) as error:
        test_every_operation_has_a_line_in_every_table(ops.Mul)
    text = str(error.value)
    assert "kernels/ref/registry.py" in text and "reference/__init__.py: its semantics" in text
    assert "graph/shapes.py" not in text


def test_the_guide_names_every_file() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "adding-an-op.md").read_text("utf-8")
    named = {word for text in FILES.values() for word in text.split(":")[0].split(" and ")}
    more = {"load/check.py", "plan/cut.py", "torch/provenance.py", "graph/verify.py"}
    for path in (*named, *more, "quantize/conversion.py", "torch/surrogate.py"):
        assert f"`{path}`" in guide, path
