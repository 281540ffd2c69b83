"""``microformer bench --fit``: prices of a core's kernels from measured rows, as data.

Each row is run with each kernel that can do it. A kernel's prices are those, none negative, whose
sum is nearest to what was measured, each row's difference as a share of its cycles.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from microformer.bench.nets import NETS
from microformer.bench.workloads import ROOM, workload
from microformer.errors import TargetError
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import Attention
from microformer.graph.tensor import Array
from microformer.kernels.prices import core_of
from microformer.kernels.registry import candidates, kernel_of, kernels
from microformer.pipeline.measure import measure_graph
from microformer.targets import Target, resized

__all__ = ["FIT_ROWS", "Fitted", "fit"]

_LINEAR = (
    *((1, k, n) for k, n in ((8, 64), (64, 10), (64, 64), (100, 13), (192, 64), (640, 128))),
    *((r, 64, 64) for r in (2, 3, 8, 33, 64)),
    *((r, k, 24) for r in (5, 16) for k in (10, 16, 32, 96, 144)),
    *((64, k, n) for k, n in ((32, 64), (128, 32), (256, 64), (48, 7))),
    *((197, 192, 8), (400, 8, 16), (300, 64, 9), (3, 16, 256), (200, 16, 4)),
)
_CONVS = (
    *((16, 32, 32, 3), (8, 64, 32, 3), (32, 16, 16, 3), (16, 3, 16, 3), (28, 1, 8, 5)),
    *((9, 20, 7, 3), (12, 8, 8, 2), (7, 12, 24, 5), (24, 4, 12, 3), (6, 96, 16, 3)),
    *((10, 16, 8, 3), (20, 48, 12, 3), (5, 32, 64, 3), (14, 8, 24, 4), (9, 16, 21, 5)),
)
_DEPTHWISE = (
    *((16, 32, 3), (8, 64, 3), (32, 8, 3), (5, 256, 3), (12, 30, 3), (14, 24, 5), (10, 16, 7)),
    *((9, 48, 1), (20, 5, 3), (3, 128, 3), (9, 40, 3), (6, 24, 3), (15, 12, 5)),
)
_ATTENTION = (
    *((32, 64, 4, 64), (81, 32, 8, 32), (4, 32, 8, 32), (66, 16, 8, 2), (17, 48, 3, 16)),
    *((50, 64, 2, 24), (99, 64, 1, 64), (128, 32, 2, 8), (33, 128, 4, 32), (64, 96, 6, 16)),
    *((16, 128, 8, 16), (25, 40, 5, 8), (197, 48, 3, 64), (10, 64, 4, 16), (49, 96, 3, 32)),
    *((9, 8, 3, 4), (12, 16, 4, 8), (16, 16, 2, 8), (5, 12, 2, 6), (24, 24, 3, 8), (7, 32, 1, 32)),
)
_PRODUCTS = (
    (4, 64, 32),
    (8, 81, 32),
    (2, 50, 64),
    (6, 16, 16),
    (3, 33, 48),
    (1, 99, 64),
    (5, 9, 8),
)
_PLAIN = ((64, 64), (81, 192), (16, 32), (197, 96), (5, 640), (100, 10), (33, 20))


def _names() -> Iterable[str]:
    # what ends otherwise, but has the same loops, in every second shape
    for form, every in (("", 1), ("_acc64", 2), ("_s16", 3), ("_table", 3)):
        yield from (f"linear_R{r}_K{k}_N{n}{form}" for r, k, n in _LINEAR[::every])
    for form, every in (("", 1), ("_acc64", 2), ("_table", 3)):
        yield from (f"conv_S{s}_C{c}_N{n}_K{k}{form}" for s, c, n, k in _CONVS[::every])
        yield from (f"depthwise_S{s}_C{c}_K{k}{form}" for s, c, k in _DEPTHWISE[::every])
    for form, every in (("", 1), ("_ibert", 3), ("_masked", 3)):
        yield from (f"attention_S{s}_E{e}_H{h}_P{p}{form}" for s, e, h, p in _ATTENTION[::every])
    yield from (f"scores_B{b}_R{r}_K{k}" for b, r, k in _PRODUCTS)
    yield from (f"square_B{b}_R{r}" for b, r, _ in _PRODUCTS)
    for kind in ("layernorm", "softmax", "add", "mul", "table", "mean", "transpose"):
        yield from (f"{kind}_R{r}_N{n}" for r, n in _PLAIN)
    for form in ("_ibert", "_fine"):
        yield from (f"softmax_R{r}_N{n}{form}" for r, n in _PLAIN)
    yield from (f"{kind}_S{s}_H{h}" for kind in ("lstm", "gru") for s, h in ((50, 32), (20, 64)))
    yield from (f"{kind}_S{s}_H{h}" for kind in ("lstm", "gru") for s, h in ((9, 20), (30, 16)))
    yield from NETS


FIT_ROWS: tuple[str, ...] = tuple(_names())
"""Rows that prices are fitted to: every kernel in several shapes, and whole networks."""


_Row = tuple[dict[str, float], float, int]
"""Work, cycles and bytes of code of one call."""


@dataclass
class Fitted:
    """Prices and how far they are from what was measured, by kernel."""

    core: str
    prices: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    code: dict[str, int] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """The file that ``kernels/prices`` holds."""
        kernels = {name: self.prices[name] for name in sorted(self.prices)}
        fits = {
            name: {"rows": self.rows[name], "worst": round(self.worst[name], 3)} for name in kernels
        }
        code = {name: self.code[name] for name in kernels}
        made = {
            "core": self.core,
            "unit": "cycles",
            "fits": fits,
            "code": code,
            "kernels": kernels,
        }
        return json.dumps(made, indent=1, ensure_ascii=True) + "\n"


def fit(
    target: Target,
    names: Iterable[str] = FIT_ROWS,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Measure ``names`` on ``target`` with every kernel, and fit its core's prices.

    Raises TargetError where the target has no cycles, or is a cluster.
    """
    if not core_of(target):
        raise TargetError(f"{target.name} has no timing model whose kernels could be priced.")
    roomy = resized(target, code_bytes=ROOM, data_bytes=ROOM)
    found: dict[str, list[_Row]] = defaultdict(list)
    rows = tuple(names)
    for index, name in enumerate(rows):
        graph = workload(name)
        for preferred in _ways(graph, roomy):
            _measure(graph, roomy, preferred, found)
        if progress is not None:
            progress(index + 1, len(rows))
    made = Fitted(core_of(target))
    for symbol, measured in found.items():
        names_of = sorted({name for counts, *_ in measured for name in counts})
        counts = np.array([[c.get(n, 0.0) for n in names_of] for c, *_ in measured])
        cycles = np.array([value for _, value, _ in measured])
        price = _nearest(counts / cycles[:, None])
        made.prices[symbol] = {
            n: float(f"{p:.5g}") for n, p in zip(names_of, price, strict=True) if p > 0
        }
        made.rows[symbol] = len(measured)
        made.code[symbol] = round(float(np.mean([size for *_, size in measured])))
        made.worst[symbol] = float(np.abs(counts @ price / cycles - 1).max())
    return made


def _ways(graph: IntGraph, target: Target) -> list[frozenset[str]]:
    """As it comes, and with each other kernel of its nodes, of small blocks and of ref too."""
    if len(graph.nodes) > 6:
        return [frozenset()]
    isas = (*target.isas, "ref")
    others = {
        kernel.symbol
        for node in graph.nodes
        for kernel in candidates(
            node.op,
            graph.operands(node),
            graph.tensors[node.output],
            target,
            isas,
        )
    }
    if any(isinstance(node.op, Attention) for node in graph.nodes):
        others |= {k.symbol for k in kernels() if k.family == "attention_block" and k.isa in isas}
    return [frozenset(), *(frozenset((symbol,)) for symbol in sorted(others))]


def _measure(
    graph: IntGraph,
    target: Target,
    preferred: frozenset[str],
    found: dict[str, list[_Row]],
) -> None:
    shape = graph.tensors["x"].shape
    x = np.random.default_rng(0).integers(-128, 128, (1, *shape)).astype(np.int8)
    made = measure_graph(graph, x, target, preferred=preferred)
    layers = zip(made.project.layers, made.result.layers, strict=True)
    spent = {layer.name: measured for layer, measured in layers}
    graph_of = made.kernels
    for call in graph_of.calls:
        measured = spent[call.name]
        if call.node is None or not measured.cycles or (preferred and call.symbol not in preferred):
            continue
        inputs = tuple(graph_of.tensors[n] if n else None for n in call.node.inputs)
        output = graph_of.tensors[call.node.output]
        counts = dict(kernel_of(call.symbol).work(call.node.op, inputs, output, target))
        found[call.symbol].append((counts, float(measured.cycles), measured.code_bytes or 0))


def _nearest(shares: Array) -> Array:
    """Prices, none negative, so that every row of ``shares`` times them is nearest to 1."""
    active = np.flatnonzero(shares.any(axis=0))
    scale = np.zeros(shares.shape[1])
    scale[active] = np.abs(shares[:, active]).max(axis=0)
    price = np.zeros(shares.shape[1])
    while len(active):
        scaled = shares[:, active] / scale[active]
        # a little of a ridge: kinds of work that no row tells apart share their price
        rows = np.vstack([scaled, 1e-4 * np.eye(len(active))])
        wanted = np.concatenate([np.ones(len(scaled)), np.zeros(len(active))])
        found = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        if found.min() >= 0:
            price[active] = found / scale[active]
            break
        active = np.delete(active, int(found.argmin()))
    return price
