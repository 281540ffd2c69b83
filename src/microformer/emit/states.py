"""States: what a program keeps from call to call lies in a struct of the caller's.

Most states are there twice: a step reads one half and writes the other, so nothing is copied and
nothing that is still read is written over. A window of the last rows (a Concat of all but the first
rows of the state and new ones) moves along a buffer instead: what stays lies where it is, and only
new rows are written; behind the buffer's end the window goes back to its begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from microformer.emit.ends import CEnd, c_ends, second_arena
from microformer.emit.names import comment
from microformer.errors import TargetError
from microformer.graph.kernel_graph import KernelCall, Plan
from microformer.graph.project import KeptState

ALIGNMENT = 8


@dataclass(frozen=True)
class CState:
    """A state in C: the input and output that it stands for. ``shift`` is by how many bytes a
    window moves in a step, 0 where the state is there twice."""

    read: CEnd
    written: CEnd
    field: str
    shift: int = 0

    @property
    def kept(self) -> KeptState:
        """What the project says of it."""
        return KeptState(self.read.part, self.written.part, self.field, self.bytes, self.shift)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.read.tensor.size

    @property
    def bytes(self) -> int:
        """Of one half, so that the next one is aligned too; of a window's buffer all."""
        return -(-self.size * (2 if self.shift else 1) // ALIGNMENT) * ALIGNMENT

    @property
    def zero(self) -> int:
        """The level of zero."""
        qparams = self.read.tensor.qparams
        assert qparams is not None
        return qparams.zero_point


def c_states(plan: Plan, name: str) -> tuple[CState, ...]:
    """The states of a plan. Raises TargetError where a cluster's L1 does not hold them."""
    graph = plan.graph
    inputs, outputs = c_ends(plan, name)
    ends = {end.buffer: end for end in (*inputs, *outputs)}
    parts = [ends[read].part for read, _ in graph.states]
    taken = {"current", "reserved", *(f"{p}_at" for p in parts), *(f"{p}_reserved" for p in parts)}
    states = tuple(
        CState(
            *(ends[read], ends[written], f"{part}_kept" if part in taken else part),
            window_shift(plan, read, written),
        )
        for part, (read, written) in zip(parts, graph.states, strict=True)
    )
    for state in states:
        if plan.caller_l2 & {state.read.buffer, state.written.buffer}:
            raise TargetError(
                f"The state '{state.read.label}' does not fit into the L1 of {graph.target.name}, "
                "where all cores see it; make it smaller."
            )
    return states


def window_shift(plan: Plan, read: str, written: str) -> int:
    """By how many bytes ``written`` is ``read`` moved along; 0 where it is something else.

    One call alone reads the state: it copies all but its first bytes to the begin of what is
    written. Everything else that is written lies behind them.
    """
    graph = plan.graph
    size = graph.tensors[read].nbytes
    readers = [c for c in graph.calls if read in {graph.buffer(n) for n in c.inputs}]
    if len(readers) != 1 or graph.tensors[written].nbytes != size:
        return 0
    (call,) = readers
    shift = _copied_from(plan, call, size)
    if not 0 < shift < size or graph.buffer(call.output) != written:
        return 0
    for other in graph.calls:
        if other is call or graph.buffer(other.output) != written:
            continue
        view = graph.views.get(other.output)
        begin = view.offset if view is not None else _copied_to(other)
        if begin < size - shift:
            return 0
    return shift


def _integers(call: KernelCall) -> list[int]:
    return [int(arg.value) for arg in call.args if arg.kind == "int"]


def _copied_from(plan: Plan, call: KernelCall, size: int) -> int:
    """Where a dense copy of all that follows begins in its source, if it goes to the begin."""
    graph = plan.graph
    if not call.symbol.startswith("mf_copy2d") or call.tiling is not None:
        return 0
    rows, width, x_offset, x_stride, y_offset, y_stride = _integers(call)
    view = graph.views.get(call.inputs[0])
    begin = x_offset + (view.offset if view is not None else 0)
    dense = rows == 1 or x_stride == y_stride == width
    whole = graph.views.get(call.output) is None and y_offset == 0
    return begin if dense and whole and begin + rows * width == size else 0


def _copied_to(call: KernelCall) -> int:
    """The first byte that a copy writes; 0 of any other call."""
    return _integers(call)[4] if call.symbol.startswith("mf_copy2d") else 0


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
    parameters = step_parameters(plan, name)
    head = f"void {name}_step("
    return [
        "/* What the program keeps from call to call; the caller's, one for each stream. A state",
        " * of two halves is read from one and written to the other; a window moves along. */",
        "typedef struct {",
        "  int32_t current; /* the half that the next step reads */",
        "  int32_t reserved;",
        *(line for state in states for line in _fields(state)),
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


def _fields(state: CState) -> list[str]:
    what = f"{comment(state.read.label)} from {comment(state.written.label)}"
    if not state.shift:
        return [f"  int8_t {state.field}[2][{state.bytes}]; /* {what} */"]
    return [
        f"  int32_t {state.field}_at; /* where the window of {state.size} bytes begins */",
        f"  int32_t {state.field}_reserved;",
        f"  int8_t {state.field}[{state.bytes}]; /* {what} */",
    ]


def state_functions(plan: Plan, name: str) -> list[str]:
    """``<name>_reset`` and ``<name>_step`` of the program's file."""
    states = c_states(plan, name)
    if not states:
        return []
    cluster = plan.graph.target.is_cluster
    by_buffer: dict[str, str] = {}
    moves: list[str] = []
    halves = any(not state.shift for state in states)
    flips = ["state->current = 1 - now;"] * halves
    reads = ["  const int32_t now = state->current & 1;"] * halves
    for number, state in enumerate(states):
        field, at = f"state->{state.field}", f"at_{number}"
        if state.shift:
            by_buffer[state.read.buffer] = f"{field} + {at}"
            by_buffer[state.written.buffer] = f"{field} + {at} + {state.shift}"
            moves += _back(state)
            reads.append(f"  const int32_t {at} = {field}_at;")
            flips.append(f"{field}_at = {at} + {state.shift};")
        else:
            by_buffer[state.read.buffer] = f"{field}[now]"
            by_buffer[state.written.buffer] = f"{field}[1 - now]"
    inputs, outputs = c_ends(plan, name)
    given = [by_buffer.get(end.buffer, end.parameter) for end in (*inputs, *outputs)]
    given += ["arena", *[second_arena(plan)] * bool(plan.l2_bytes)]
    head, call = f"void {name}_step(", f"  {name}_run("
    return [
        *_reset(states, name, cluster),
        f"{head}{_listed(step_parameters(plan, name), head)}) {{",
        *_alone(moves, cluster),
        *reads,
        *["  mf_barrier(); /* every core has seen where they are */"] * cluster,
        f"{call}{_listed(given, call)});",
        *_alone(flips, cluster),
        "}",
        "",
    ]


def _back(state: CState) -> list[str]:
    """A window that has come to the end of its buffer goes back to the begin."""
    field = f"state->{state.field}"
    return [
        f"if ({field}_at > {state.bytes - state.size - state.shift}) {{",
        f"  for (int32_t i = 0; i < {state.size}; i++) {{",
        f"    {field}[i] = {field}[{field}_at + i];",
        "  }",
        f"  {field}_at = 0;",
        "}",
    ]


def _alone(lines: Sequence[str], cluster: bool) -> list[str]:
    """Lines of a function; on a cluster of core 0 alone, and then all go on."""
    if not lines or not cluster:
        return [f"  {line}" for line in lines]
    return ["  if (mf_core() == 0) {", *(f"    {line}" for line in lines), "  }", "  mf_barrier();"]


def _reset(states: Sequence[CState], name: str, cluster: bool) -> list[str]:
    lines = ["state->current = 0;", "state->reserved = 0;"]
    for state in states:
        field = f"state->{state.field}"
        both = [f"{field}[i]"] if state.shift else [f"{field}[0][i]", f"{field}[1][i]"]
        lines += [f"{field}_at = 0;", f"{field}_reserved = 0;"] * bool(state.shift)
        lines.append(f"for (int32_t i = 0; i < {state.bytes}; i++) {{")
        lines += [f"  {place} = {state.zero};" for place in both]
        lines.append("}")
    return [f"void {name}_reset({name}_state_t *state) {{", *_alone(lines, cluster), "}", ""]


def _listed(words: Sequence[str], head: str) -> str:
    """Words below each other, as wide as what they stand behind."""
    return f",\n{' ' * len(head)}".join(words)
