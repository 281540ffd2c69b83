"""When each buffer is alive, in call numbers."""

from microformer.graph.kernel_graph import KernelGraph


def lifetimes(graph: KernelGraph) -> dict[str, tuple[int, int]]:
    """For every activation buffer: (first call that writes it, last call that touches it).

    A view keeps its base alive. The graph's inputs are alive from the first call, its outputs
    to the last.
    """
    spans: dict[str, tuple[int, int]] = dict.fromkeys(graph.inputs, (0, 0))
    for index, call in enumerate(graph.calls):
        for name in (*call.inputs, call.output):
            buffer = graph.buffer(name)
            first, _ = spans.get(buffer, (index, index))
            spans[buffer] = (first, index)
    for name in graph.outputs:
        buffer = graph.buffer(name)
        spans[buffer] = (spans[buffer][0], max(len(graph.calls) - 1, 0))
    return spans
