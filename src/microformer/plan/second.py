"""A microcontroller with a second RAM apart from the first: an arena in each."""

from collections.abc import Iterator, Mapping

from microformer.graph.kernel_graph import KernelGraph, Plan
from microformer.plan.blocks import l1_blocks
from microformer.plan.places import placed

_ATTEMPTS = 64


def over_both(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], room: int, second: int
) -> Plan | None:
    """A plan of at most ``room`` bytes in the first RAM and ``second`` in the other, or None.

    As long as the first is exceeded, one of the buffers that are alive where it is fullest moves:
    the smallest that brings it down far enough, else the largest that finds a place. Scratch
    stays in the first.
    """
    moved: frozenset[str] = frozenset()
    made = placed(graph, spans, moved)
    for _ in range(_ATTEMPTS):
        over = made.arena_bytes - room
        if over <= 0:
            return made
        for block in _by_use(graph, spans, moved, over):
            tried = placed(graph, spans, moved | block)
            if tried.l2_bytes <= second and tried.arena_bytes < made.arena_bytes:
                made, moved = tried, moved | block
                break
        else:
            return None
    return None


def _by_use(
    graph: KernelGraph, spans: Mapping[str, tuple[int, int]], moved: frozenset[str], over: int
) -> Iterator[frozenset[str]]:
    """The buffers of each block that is alive at the fullest call, the most useful first."""
    here = l1_blocks(graph, spans, moved)
    scratch = [call.scratch_bytes for call in graph.calls]
    used = [
        size + sum(b.size_bytes for b in here.blocks.values() if b.first <= i <= b.last)
        for i, size in enumerate(scratch)
    ]
    fullest = max(range(len(used)), key=lambda i: used[i])
    alive = {
        name: block.size_bytes
        for name, block in here.blocks.items()
        if block.first <= fullest <= block.last
    }
    enough = sorted((n for n in alive if alive[n] >= over), key=lambda n: (alive[n], n))
    rest = sorted((n for n in alive if alive[n] < over), key=lambda n: (-alive[n], n))
    for head in (*enough, *rest):
        yield frozenset(name for name, owner in here.owner.items() if owner == head)
