"""The report as a page: one HTML file that needs nothing else (``microformer.page``)."""

from collections.abc import Mapping
from dataclasses import dataclass

from microformer.page import render
from microformer.page.numbers import count, middle
from microformer.report import drawings
from microformer.report.front_view import feature_rows
from microformer.report.memory import flash_rows, ram_rows
from microformer.report.record import LayerReport, Report

PACKAGE = "microformer.report"
LATENCIES = {
    "estimate": "estimate",
    "cycle-exact": "cycle-exact, ideal fetch",
    "host": "wall clock of this computer",
}
CYCLES = {
    "estimate": "from exact instruction counts",
    "cycle-exact": "of the cores' RTL",
}


@dataclass(frozen=True)
class Row:
    """A layer of the table; ``relative`` is its cost over the dearest layer's."""

    number: int
    layer: LayerReport
    name: str
    kernel: str
    cost: int | None
    relative: float | None
    share: float | None
    of_limit: float | None


def report_page(report: Report) -> str:
    """The whole page as text."""
    limit = report.macs_per_cycle_limit
    rows = layer_rows(report)
    drawn = {
        "arena": drawings.arena(report),
        "second": drawings.arena(report, "second"),
        "roof": drawings.roof(report),
        "fidelity": drawings.fidelity(report),
        "graph": drawings.graph(report),
    }
    return render(
        PACKAGE,
        "report.html.j2",
        r=report,
        rows=rows,
        columns=_columns(report),
        limit=limit,
        exact=report.exact,
        checked=f"{count(report.samples_run)} of {count(report.samples)} samples run, every byte",
        latency_kind=LATENCIES.get(report.cycles_kind or "", LATENCIES["host"]),
        cycles_kind=CYCLES.get(report.cycles_kind or "", ""),
        board=board_line(report),
        assumed=assumptions(report),
        ram=ram_rows(report),
        flash=flash_rows(report),
        memories=report.memories,
        second_name="L2" if report.cluster else "the second RAM",
        losses=", ".join(f"{loss.lost_db:.1f} dB in {loss.name}" for loss in report.losses),
        features=report.features and feature_rows(report.features, report.cycles_kind),
        commands=_commands(report),
        parts=_parts(report, drawn),
        **drawn,
    )


def _columns(report: Report) -> list[tuple[str, bool]]:
    """(heading, whether it is a number) of the layers' table."""
    cost = "cycles" if report.cycles is not None else "instructions"
    texts = [("#", True), *((name, False) for name in ("layer", "operation", "shape", "kernel"))]
    of_limit = ["of limit"] if report.macs_per_cycle_limit else []
    moved = ["DMA, B"] if report.cluster else []
    numbers = ("MAC", cost, "share", *of_limit, "SQNR, dB", "constants, B", "RAM, B", *moved)
    return texts + [(name, True) for name in numbers]


def layer_rows(report: Report) -> list[Row]:
    """The layers in the order in which they run."""
    costs = report.layer_costs()
    most = max((cost for cost, _ in costs if cost), default=1)
    limit = report.macs_per_cycle_limit
    made = []
    for number, (layer, paid) in enumerate(zip(report.layers, costs, strict=True)):
        cost, share = paid
        rate = layer.macs / layer.cycles if layer.macs and layer.cycles else None
        made.append(
            Row(
                number=number,
                layer=layer,
                name=middle(layer.name),
                kernel=layer.kernel.removeprefix("mf_").replace("_s8", ""),
                cost=cost,
                relative=None if cost is None else cost / most,
                share=share,
                of_limit=None if rate is None or not limit else rate / limit,
            )
        )
    return made


def board_line(report: Report) -> str:
    """The board and its clock, in a sentence."""
    clock = f" at {report.clock_hz / 1e6:g} MHz" if report.clock_hz else ""
    cores = f", {len(report.cluster.cores)} cores" if report.cluster else ""
    return f"{report.board}{clock}{cores}; softmax {report.softmax}"


def assumptions(report: Report) -> list[str]:
    """What the figures hold under, a sentence each."""
    waits = f"{report.wait_states or 'zero'} wait states of the flash"
    lines = {
        "estimate": [
            f"Cycles are an estimate: exact instruction counts of an emulated core, priced by a "
            f"documented timing model, with {waits}."
        ],
        "cycle-exact": [
            "Cycles are those of the cores' RTL; instruction fetch never stalls, and L2 is a model."
        ],
        "host": ["Latency is this computer's wall clock, and no claim about any board."],
    }.get(report.cycles_kind or "", ["There is no timing model of this core: instructions only."])
    if report.board_cycles is not None and report.board_latency_ms is not None:
        lines.append(
            f"With the board's own flash ({report.board_wait_states} wait states) the model says "
            f"{count(report.board_cycles)} cycles, {report.board_latency_ms:.3f} ms."
        )
    if report.board_over_estimate is not None:
        low, high = report.board_over_estimate
        lines.append(
            f"Two published models took {low:.2f} and {high:.2f} times the estimate at zero wait "
            "states on a board."
        )
    if (found := report.measured) is not None:
        lines.append(
            f"Measured on {found.board} ({found.measured_on}) {found.model} took "
            f"{found.factor:.2f} times its estimate; this model would take {found.latency_ms:.3f} "
            f"ms, {count(found.cycles)} cycles there."
        )
    if report.energy_mj is not None and report.power_source:
        lines.append(f"Energy is time times power, not measured here: {report.power_source}.")
    if report.firmware_exact is not None:
        lines.append(
            "What a firmware does was checked on the target: from float through the emitted "
            f"quantiser ({count(report.firmware_samples)} samples), the program and the "
            "dequantiser to float."
        )
    return lines


def _commands(report: Report) -> str:
    cores = f" --cores {len(report.cluster.cores)}" if report.cluster else ""
    return (
        f"pip install microformer=={report.tool_version}\n"
        f"microformer compile MODEL --data CALIBRATION.npz --target {report.target}{cores} "
        f"--softmax {report.softmax} -o out/\n"
        f"microformer run out/ --data SAMPLES.npz --samples {report.samples_run} --html report.html"
    )


def _parts(report: Report, drawn: Mapping[str, object]) -> list[tuple[str, str]]:
    """(anchor, name) of what is there to go to."""
    names = {
        "arena": "arena over time",
        "memory": "memory",
        "roof": "limit",
        "fidelity": "fidelity",
        "cores": "cores",
        "graph": "graph",
    }
    there = {**drawn, "memory": report.memories or report.flash_bytes, "cores": report.cluster}
    found = [(key, name) for key, name in names.items() if there[key]]
    return [("assumed", "assumptions"), ("layers", "layers"), *found, ("again", "do it again")]
