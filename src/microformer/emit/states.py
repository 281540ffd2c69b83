"""States: what a program keeps from call to call lies in a struct of the caller's.

Each state is there twice. A step reads one half and writes the other, so nothing is copied and
nothing that is still read is written over; which half is read next is all that changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from microformer.emit.ends import CEnd, c_ends, second_arena
from microformer.emit.names import comment
from microformer.errors import TargetError
from microformer.graph.kernel_graph import Plan

ALIGNMENT = 8


@dataclass(frozen=True)
class CState:
    """A state in C: the input and output that it stands for, its field and its bytes in a half."""

    read: CEnd
    written: CEnd

    @property
    def field(self) -> str:
        """Its name in the struct."""
        return self.read.part

    @property
    def bytes(self) -> int:
        """Of one half, so that the next one is aligned too."""
        return -(-self.read.tensor.size // ALIGNMENT) * ALIGNMENT


def c_states(plan: Plan, name: str) -> tuple[CState, ...]:
    """The states of a plan. Raises TargetError where a cluster's L1 does not hold them."""
    graph = plan.graph
    inputs, outputs = c_ends(plan, name)
    ends = {end.buffer: end for end in (*inputs, *outputs)}
    states = tuple(CState(ends[read], ends[written]) for read, written in graph.states)
    for state in states:
        if plan.caller_l2 & {state.read.buffer, state.written.buffer}:
            raise TargetError(
                f"The state '{state.read.label}' does not fit into the L1 of {graph.target.name}, "
                "where all cores see it; make it smaller."
            )
    return states


def step_parameters(plan: Plan, name: str) -> tuple[str, ...]:
    """The parameters of ``<name>_step``: inputs and outputs that are no states, state, arenas."""
    kept = {n for pair in plan.graph.states for n in pair}
    inputs, outputs = c_ends(plan, name)
    given = [end.declared for end in (*inputs, *outputs) if end.buffer not in kept]
    second = [f"void *{second_arena(plan)}"] if plan.l2_bytes else []
    return (*given, f"{name}_state_t *state", "void *arena", *second)


def state_header(plan: Plan, name: str) -> list[str]:
    """What the public header says of the state: its struct, reset and step."""
    states = c_states(plan, name)
    if not states:
        return []
    fields = [
        f"  int8_t {s.field}[2][{s.bytes}]; /* {comment(s.read.label)} from "
        f"{comment(s.written.label)} */"
        for s in states
    ]
    parameters = step_parameters(plan, name)
    head = f"void {name}_step("
    return [
        "/* What the program keeps from call to call; the caller's, one for each stream. Each",
        " * state is there twice: a step reads one half and writes the other. */",
        "typedef struct {",
        "  int32_t current; /* the half that the next step reads */",
        "  int32_t reserved;",
        *fields,
        f"}} {name}_state_t;",
        "",
        "/* All states to zero, as before the first step. */",
        f"void {name}_reset({name}_state_t *state);",
        "",
        "/* One step: the network once, its states read from and written to the caller's struct,",
        f" * which {name}_reset has set before the first. The rest is as of {name}_run. */",
        f"{head}{_listed(parameters, head)});",
        "",
    ]


def state_functions(plan: Plan, name: str) -> list[str]:
    """``<name>_reset`` and ``<name>_step`` of the program's file."""
    states = c_states(plan, name)
    if not states:
        return []
    cluster = plan.graph.target.is_cluster
    lines = [f"void {name}_reset({name}_state_t *state) {{"]
    lines += ["  if (mf_core() != 0) {", "    mf_barrier();", "    return;", "  }"] * cluster
    lines += ["  state->current = 0;", "  state->reserved = 0;"]
    for state in states:
        qparams = state.read.tensor.qparams
        assert qparams is not None
        lines += [
            f"  for (int32_t i = 0; i < {state.bytes}; i++) {{",
            f"    state->{state.field}[0][i] = {qparams.zero_point};",
            f"    state->{state.field}[1][i] = {qparams.zero_point};",
            "  }",
        ]
    lines += ["  mf_barrier();"] * cluster
    by_buffer = {state.read.buffer: f"state->{state.field}[now]" for state in states}
    by_buffer |= {state.written.buffer: f"state->{state.field}[1 - now]" for state in states}
    inputs, outputs = c_ends(plan, name)
    given = [by_buffer.get(end.buffer, end.parameter) for end in (*inputs, *outputs)]
    given += ["arena", *[second_arena(plan)] * bool(plan.l2_bytes)]
    head, call = f"void {name}_step(", f"  {name}_run("
    flip = ["  state->current = 1 - now;"]
    if cluster:
        flip = [
            "  if (mf_core() == 0) {",
            "    state->current = 1 - now;",
            "  }",
            "  mf_barrier();",
        ]
    return [
        *lines,
        "}",
        "",
        f"{head}{_listed(step_parameters(plan, name), head)}) {{",
        "  const int32_t now = state->current & 1;",
        *["  mf_barrier(); /* every core has seen which half it is */"] * cluster,
        f"{call}{_listed(given, call)});",
        *flip,
        "}",
        "",
    ]


def _listed(words: Sequence[str], head: str) -> str:
    """Words below each other, as wide as what they stand behind."""
    return f",\n{' ' * len(head)}".join(words)
