"""Whole networks to measure: the structure of MLPerf Tiny's four, and blocks of two transformers.

Structures are those of the published models (Banbury et al., MLPerf Tiny Benchmark, 2021; Berg et
al., Keyword Transformer, 2021; Touvron et al., DeiT, 2021); weights are random. Operations that a
file has at its ends (quantise, softmax of the classes) are left out.
"""

from collections.abc import Callable

from microformer.bench.builder import GraphBuilder
from microformer.graph.int_graph import IntGraph


def _kws(name: str) -> IntGraph:
    """Keyword spotting: DS-CNN of 64 channels on 49 frames of 10 coefficients, 12 classes."""
    graph = GraphBuilder(name, (49, 10, 1))
    at = graph.conv("stem", "x", 64, (10, 4), (2, 2))
    for i in range(4):
        at = graph.conv(f"depthwise{i}", at, 64, (3, 3), depthwise=True)
        at = graph.conv(f"pointwise{i}", at, 64, (1, 1))
    return graph.done(graph.linear("head", graph.mean("mean", at, (0, 1)), 12))


def _vww(name: str) -> IntGraph:
    """Visual wake words: MobileNet of width 0.25 on 96 x 96 x 3, two classes."""
    graph = GraphBuilder(name, (96, 96, 3))
    at = graph.conv("stem", "x", 8, (3, 3), (2, 2))
    widths = (8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    for i, (c, n, step) in enumerate(zip(widths[:-1], widths[1:], strides, strict=True)):
        at = graph.conv(f"depthwise{i}", at, c, (3, 3), (step, step), depthwise=True)
        at = graph.conv(f"pointwise{i}", at, n, (1, 1))
    return graph.done(graph.linear("head", graph.mean("mean", at, (0, 1)), 2))


def _ic(name: str) -> IntGraph:
    """Image classification: ResNet8 on 32 x 32 x 3, ten classes."""
    graph = GraphBuilder(name, (32, 32, 3))
    at = graph.conv("stem", "x", 16, (3, 3))
    for i, (n, step) in enumerate(((16, 1), (32, 2), (64, 2))):
        made = graph.conv(f"first{i}", at, n, (3, 3), (step, step))
        made = graph.conv(f"second{i}", made, n, (3, 3))
        kept = at if step == 1 else graph.conv(f"kept{i}", at, n, (1, 1), (step, step))
        at = graph.add(f"sum{i}", kept, made)
    return graph.done(graph.linear("head", graph.mean("mean", at, (0, 1)), 10))


def _ad(name: str) -> IntGraph:
    """Anomaly detection: the autoencoder 640-128-128-128-128-8-128-128-128-128-640."""
    graph = GraphBuilder(name, (1, 640))
    at = "x"
    for i, n in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128, 640)):
        at = graph.linear(f"linear{i}", at, n)
    return graph.done(at)


def _block(graph: GraphBuilder, name: str, x: str, heads: int, *, post: bool) -> str:
    """A transformer's block, norms before its parts or (``post``) behind their sums."""
    e = graph.tensors[x].shape[1]

    def part(kind: str, at: str, work: Callable[[str], str]) -> str:
        if post:
            return graph.layernorm(f"{name}{kind}norm", graph.add(f"{name}{kind}sum", at, work(at)))
        return graph.add(f"{name}{kind}sum", at, work(graph.layernorm(f"{name}{kind}norm", at)))

    def wide(at: str) -> str:
        at = graph.table(f"{name}gelu", graph.linear(f"{name}wide", at, 4 * e))
        return graph.linear(f"{name}narrow", at, e)

    at = part("attention", x, lambda at: graph.attention(f"{name}attention.", at, heads, 64))
    return part("mlp", at, wide)


def _kwt1(name: str) -> IntGraph:
    """Two of the twelve blocks of KWT-1: 99 tokens of 64, one head, norms behind the sums."""
    graph = GraphBuilder(name, (99, 64))
    return graph.done(_block(graph, "b.", _block(graph, "a.", "x", 1, post=True), 1, post=True))


def _deit(name: str) -> IntGraph:
    """One block of DeiT-tiny: 197 tokens of 192, three heads."""
    graph = GraphBuilder(name, (197, 192))
    return graph.done(_block(graph, "a.", "x", 3, post=False))


NETS: dict[str, Callable[[str], IntGraph]] = {
    "net_kws": _kws,
    "net_vww": _vww,
    "net_ic": _ic,
    "net_ad": _ad,
    "net_kwt1": _kwt1,
    "net_deit": _deit,
}
"""The whole networks by the name of their row."""
