"""The drawings of a report's page as plain shapes: where each stands, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

from microformer.page.axes import Axis
from microformer.page.drawing import LEFT, RIGHT, WIDTH, Box, Drawing, Line, dot, joined
from microformer.page.numbers import count, kib
from microformer.report.arena import least_bytes
from microformer.report.record import LayerReport, Report

TOP, BOTTOM = 16, 40


def _drawing(height: int, x: Axis, y: Axis, bytes_up: bool = False, **rest: object) -> Drawing:
    marks = y.marks(lambda v: kib(round(v))) if bytes_up else y.marks()
    return Drawing(height, x.marks(), marks, floor=height - BOTTOM, **rest)  # type: ignore[arg-type]


def _by_layer(report: Report) -> Axis:
    """Layers from left to right, a place each."""
    return Axis(0, max(len(report.layers), 1), LEFT, WIDTH - RIGHT)


def arena(report: Report, memory: str = "arena") -> Drawing | None:
    """Each buffer a rectangle: bytes upwards, the layers that need it along. None without any."""
    mine = [b for b in report.buffers if b.memory == memory]
    if not mine:
        return None
    height = 340
    top = max(b.offset + b.size_bytes for b in mine)
    least = least_bytes(report.buffers, memory)
    along, up = _by_layer(report), Axis(0, top * 1.06, height - BOTTOM, TOP)
    boxes = []
    for buffer in sorted(mine, key=lambda b: (b.scratch, b.first)):
        left, right = along.at(buffer.first), along.at(buffer.last + 1)
        high, low = up.at(buffer.offset + buffer.size_bytes), up.at(buffer.offset)
        kind = "scratch" if buffer.scratch else "buffer"
        what = "working memory of" if buffer.scratch else "output of"
        title = (
            f"{what} {buffer.name}: {count(buffer.size_bytes)} B from {count(buffer.offset)} on, "
            f"layers {buffer.first} to {buffer.last}"
        )
        boxes.append(Box(left, high, round(right - left, 1), round(low - high, 1), title, kind))
    lines: tuple[Line, ...] = (
        Line(up.at(top), f"peak {count(top)} B", "peak"),
        Line(up.at(least), f"the most alive at once {count(least)} B", "least"),
    )
    lines = lines[:1] if least == top else lines
    return _drawing(height, along, up, bytes_up=True, boxes=tuple(boxes), lines=lines)


def roof(report: Report) -> Drawing | None:
    """MAC a cycle over MAC a byte, a dot a layer, under the limit of the instruction set."""
    limit = report.macs_per_cycle_limit
    shown = [
        (number, layer, layer.macs / (layer.weight_bytes + layer.ram_bytes), layer.macs / cycles)
        for number, layer in enumerate(report.layers)
        if layer.macs and (cycles := layer.cycles) and layer.weight_bytes + layer.ram_bytes
    ]
    if not shown or limit is None:
        return None
    height = 320
    along = _around([entry[2] for entry in shown], LEFT, WIDTH - RIGHT)
    up = _around([*(entry[3] for entry in shown), limit], height - BOTTOM, TOP)
    dots = tuple(
        dot(
            *(along.at(intensity), up.at(rate)),
            f"{number} {layer.name} ({layer.op}): {rate:.3f} MAC/cycle, {rate / limit:.0%} of the "
            f"limit, {intensity:.2g} MAC a byte",
        )
        for number, layer, intensity, rate in shown
    )
    lines = (Line(up.at(limit), f"limit of the instruction set: {limit:g} MAC/cycle", "roof"),)
    return _drawing(height, along, up, boxes=dots, lines=lines)


def _around(values: Sequence[float], begin: float, end: float) -> Axis:
    """A logarithmic axis that holds all values with some room."""
    return Axis(min(values) / 1.5, max(values) * 1.5, begin, end, log=True)


def fidelity(report: Report) -> Drawing | None:
    """SQNR of each layer's output against float, from first to last. None where none is known."""
    shown = [(i, layer) for i, layer in enumerate(report.layers) if layer.sqnr_db is not None]
    if not shown:
        return None
    height = 240
    levels = [layer.sqnr_db or 0.0 for _, layer in shown]
    along = _by_layer(report)
    up = Axis(min(0.0, *levels), max(*levels, 10.0) * 1.08, height - BOTTOM, TOP)
    dots = tuple(
        dot(
            *(along.at(i + 0.5), up.at(layer.sqnr_db or 0.0)),
            f"{i} {layer.name} ({layer.op}): {layer.sqnr_db:.1f} dB",
        )
        for i, layer in shown
    )
    path = joined([(one.x, one.y) for one in dots])
    return _drawing(height, along, up, boxes=dots, path=path)


ROW = 26
NODES_AT = 250


@dataclass(frozen=True)
class Row:
    """A layer of the graph: where its middle is, and what is written in it."""

    y: int
    number: int
    layer: LayerReport
    label: str


@dataclass(frozen=True)
class Graph:
    """Layers below each other; ``edges`` are curves from a layer to those that read it later."""

    height: int
    rows: tuple[Row, ...]
    edges: tuple[str, ...]
    width: int = WIDTH
    left: int = NODES_AT


def graph(report: Report) -> Graph:
    """What reads what. Blocks that were merged are one layer: softmax in attention, GELU."""
    rows = tuple(
        Row(ROW * (i + 1), i, layer, f"{layer.op}  {layer.shape}")
        for i, layer in enumerate(report.layers)
    )
    edges = []
    for i, layer in enumerate(report.layers):
        for source in layer.reads:
            begin, end = ROW * (source + 1), ROW * (i + 1)
            if i - source == 1:
                continue  # stands right below
            reach = min(30 + 14 * (i - source), NODES_AT - 10)
            bend = NODES_AT - reach
            edges.append(f"M{NODES_AT} {begin} C{bend} {begin} {bend} {end} {NODES_AT} {end}")
    return Graph(ROW * (len(rows) + 1), rows, tuple(edges))
