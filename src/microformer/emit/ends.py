"""The inputs and outputs of a program as C has them: parameters, macros, conversions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from microformer.emit.names import identifier
from microformer.emit.weights import C_TYPES
from microformer.graph.kernel_graph import Plan
from microformer.graph.tensor import Tensor


@dataclass(frozen=True)
class CEnd:
    """An input or output. ``part`` is what tells it from others in a name of C, empty if alone."""

    kind: Literal["input", "output"]
    buffer: str
    tensor: Tensor
    part: str
    project: str

    @property
    def label(self) -> str:
        """Its name in the user's model."""
        return self.tensor.source or self.tensor.name

    @property
    def parameter(self) -> str:
        """The parameter of the program's function."""
        short = "in" if self.kind == "input" else "out"
        return f"{short}_{self.part}" if self.part else short

    @property
    def dtype(self) -> str:
        """The type of C of an element."""
        return C_TYPES[self.tensor.dtype]

    @property
    def declared(self) -> str:
        """The parameter with its type."""
        constant = "const " if self.kind == "input" else ""
        return f"{constant}{self.dtype} *{self.parameter}"

    @property
    def macro(self) -> str:
        """What its macros begin with."""
        upper = f"{self.project.upper()}_{self.kind.upper()}"
        return f"{upper}_{self.part.upper()}" if self.part else upper

    @property
    def converts_one(self) -> str:
        """The function that converts one value: real to int8 of an input, back of an output."""
        verb = "quantize" if self.kind == "input" else "dequantize"
        return f"{self.project}_{verb}_one_{self.part}" if self.part else f"{self.project}_{verb}"

    @property
    def converts_all(self) -> str:
        """The function that converts many."""
        verb = "quantize_input" if self.kind == "input" else "dequantize_output"
        return f"{self.project}_{verb}_{self.part}" if self.part else f"{self.project}_{verb}"


def c_ends(plan: Plan, project: str) -> tuple[tuple[CEnd, ...], tuple[CEnd, ...]]:
    """The (inputs, outputs) of a plan, in the model's order."""
    graph = plan.graph
    return _ends("input", plan, graph.inputs, project), _ends(
        "output", plan, graph.outputs, project
    )


def _ends(
    kind: Literal["input", "output"], plan: Plan, buffers: Sequence[str], project: str
) -> tuple[CEnd, ...]:
    made: list[CEnd] = []
    for buffer in buffers:
        tensor = plan.graph.tensors[buffer]
        part = ""
        if len(buffers) > 1:
            wish = identifier(tensor.source or tensor.name)
            part, count = wish, 2
            while any(end.part == part for end in made):
                part, count = f"{wish}_{count}", count + 1
        made.append(CEnd(kind, buffer, tensor, part, project))
    return tuple(made)


def second_arena(plan: Plan) -> str:
    """What C calls the second arena: "l2" of a cluster, "arena2" of a second RAM."""
    return "l2" if plan.graph.target.is_cluster else "arena2"
