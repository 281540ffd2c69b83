"""The proof by checker: live buffers never overlap. Shares no code with the placement."""

from microformer.errors import VerifyError
from microformer.graph.kernel_graph import KernelGraph, Plan


def check(plan: Plan) -> None:
    """Replay the calls byte by byte and raise VerifyError where one spoils what is still needed.

    The arena is modelled as an owner for every byte. Each call first checks that every byte it
    reads is owned by the buffer it believes to read; then its output takes its bytes over.
    Scratch takes bytes away too, before the output is written, and must not touch inputs.
    """
    graph = plan.graph
    owner: list[str | None] = [None] * plan.arena_bytes
    for index, call in enumerate(graph.calls):
        reads = {graph.buffer(name) for name in call.inputs} & plan.offsets.keys()
        for name in sorted(reads):
            _require(owner, plan, name, f"{call.name} reads '{name}'")
        start = plan.scratch_offsets[index]
        if start >= 0:
            _take(owner, start, call.scratch_bytes, f"scratch of {call.name}", call.name)
            for name in sorted(reads):
                _require(owner, plan, name, f"scratch of {call.name} overlaps input '{name}'")
        target = graph.buffer(call.output)
        if target in plan.offsets:
            _check_inplace(plan, index, target, reads)
            size = graph.tensors[target].nbytes
            _take(owner, plan.offsets[target], size, target, call.name)
            if start >= 0 and _meet((start, call.scratch_bytes), (plan.offsets[target], size)):
                raise VerifyError(f"plan: scratch of {call.name} overlaps its output '{target}'")
    for name in graph.outputs:
        buffer = graph.buffer(name)
        if buffer in plan.offsets:
            _require(owner, plan, buffer, f"the result '{name}'")


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def _check_inplace(plan: Plan, index: int, target: str, reads: set[str]) -> None:
    """An output may only cover an input that the kernel may work in place on, exactly."""
    call, graph = plan.graph.calls[index], plan.graph
    here = (plan.offsets[target], graph.tensors[target].nbytes)
    allowed = {graph.buffer(n) for n in call.inplace if not _is_part(graph, n)}
    for name in reads - {target}:
        there = (plan.offsets[name], graph.tensors[name].nbytes)
        if _meet(here, there) and (name not in allowed or here[0] != there[0]):
            raise VerifyError(f"plan: {call.name} writes '{target}' over its input '{name}'")


def _is_part(graph: KernelGraph, name: str) -> bool:
    return name in graph.views


def _take(owner: list[str | None], start: int, size: int, who: str, call: str) -> None:
    if start < 0 or start + size > len(owner):
        raise VerifyError(f"plan: {who} in {call} lies outside the arena")
    owner[start : start + size] = [who] * size


def _require(owner: list[str | None], plan: Plan, name: str, what: str) -> None:
    start = plan.offsets[name]
    size = plan.graph.tensors[name].nbytes
    spoilt = {o for o in owner[start : start + size] if o != name}
    if spoilt:
        raise VerifyError(f"plan: {what}, but {sorted(map(str, spoilt))} lies there")
