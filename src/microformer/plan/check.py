"""The proof by checker: live buffers never overlap. Shares no code with the placement."""

from microformer.errors import VerifyError
from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.plan.check_tiling import check_tiling


class _Arena:
    """An owner for every byte of one arena, and where its buffers lie."""

    def __init__(self, plan: Plan, in_l2: bool) -> None:
        self.offsets = plan.l2_offsets if in_l2 else plan.offsets
        self.owner: list[str | None] = [None] * (plan.l2_bytes if in_l2 else plan.arena_bytes)
        self._tensors = plan.graph.tensors

    def size(self, name: str) -> int:
        return self._tensors[name].nbytes

    def take(self, start: int, size: int, who: str, call: str) -> None:
        """``who`` takes bytes over; they must be inside."""
        if start < 0 or start + size > len(self.owner):
            raise VerifyError(f"plan: {who} in {call} lies outside the arena")
        self.owner[start : start + size] = [who] * size

    def require(self, name: str, what: str) -> None:
        """Every byte of buffer ``name`` is still its own."""
        start = self.offsets[name]
        spoilt = {o for o in self.owner[start : start + self.size(name)] if o != name}
        if spoilt:
            raise VerifyError(f"plan: {what}, but {sorted(map(str, spoilt))} lies there")


def check(plan: Plan) -> None:
    """Replay the calls byte by byte and raise VerifyError where one spoils what is still needed.

    An arena is modelled as an owner for every byte. Each call first checks that every byte it
    reads is owned by the buffer it believes to read; then its output takes its bytes over.
    Scratch takes bytes away too, before the output is written, and must not touch inputs. A call
    that is done tile by tile works only in L1: what lies in L2 must be staged in its scratch.
    """
    graph = plan.graph
    in_l1, in_l2 = _Arena(plan, in_l2=False), _Arena(plan, in_l2=True)
    for index, call in enumerate(graph.calls):
        buffers = {graph.buffer(name) for name in call.inputs}
        for arena in (in_l1, in_l2):
            for name in sorted(buffers & arena.offsets.keys()):
                arena.require(name, f"{call.name} reads '{name}'")
        start = plan.scratch_offsets[index]
        if start >= 0:
            in_l1.take(start, call.scratch_bytes, f"scratch of {call.name}", call.name)
            for name in sorted(buffers & in_l1.offsets.keys()):
                in_l1.require(name, f"scratch of {call.name} overlaps input '{name}'")
        check_tiling(plan, call)
        target = graph.buffer(call.output)
        for arena in (in_l1, in_l2):
            if target in arena.offsets:
                reads = buffers & arena.offsets.keys()
                _check_inplace(arena, graph, index, target, reads)
                arena.take(arena.offsets[target], arena.size(target), target, call.name)
        if start >= 0 and target in in_l1.offsets:
            there = (in_l1.offsets[target], in_l1.size(target))
            if _meet((start, call.scratch_bytes), there):
                raise VerifyError(f"plan: scratch of {call.name} overlaps its output '{target}'")
    for name in graph.outputs:
        buffer = graph.buffer(name)
        for arena in (in_l1, in_l2):
            if buffer in arena.offsets:
                arena.require(buffer, f"the result '{name}'")


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def _check_inplace(
    arena: _Arena, graph: KernelGraph, index: int, target: str, reads: set[str]
) -> None:
    """An output may only cover an input that the kernel may work in place on, exactly."""
    call = graph.calls[index]
    here = (arena.offsets[target], arena.size(target))
    allowed = {graph.buffer(n) for n in call.inplace if n not in graph.views}
    for name in reads - {target}:
        there = (arena.offsets[name], arena.size(name))
        if _meet(here, there) and (name not in allowed or here[0] != there[0]):
            raise VerifyError(f"plan: {call.name} writes '{target}' over its input '{name}'")
