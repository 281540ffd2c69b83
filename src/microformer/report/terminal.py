"""The report as a person reads it in a terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.errors import printable
from microformer.report.cluster import cluster_rows, core_table
from microformer.report.front_view import feature_rows
from microformer.report.record import LayerReport, Report


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def layer_table(report: Report) -> Table:
    """One row a layer: operation, shape, kernel, MACs, cycles (or instructions), share, SQNR (dB).

    Of a kernel's name only what tells it from others is shown; without an instruction set: ref.
    """
    cycles = report.cycles is not None
    title = f"{report.model} on {report.target}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("layer", "operation"):
        table.add_column(heading, no_wrap=True)
    table.add_column("shape", overflow="fold", min_width=11)
    table.add_column("kernel", no_wrap=True)
    moved = ["DMA B"] if report.cluster is not None else []
    for heading in ("MAC", "cycles" if cycles else "instr.", "share", *moved, "SQNR"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in report.layers:
        table.add_row(*_row(layer, report, cycles))
    return table


def shortened(name: str, width: int = 24) -> str:
    """A long name without its middle: its ends tell most."""
    if len(name) <= width:
        return name
    head = width // 3
    return f"{name[:head]}…{name[len(name) - (width - head - 1) :]}"


def _row(layer: LayerReport, report: Report, cycles: bool) -> tuple[str, ...]:
    cost = layer.cycles if cycles else layer.instructions
    total = report.cycles if cycles else report.instructions
    share = cost / total if cost is not None and total else None
    return (
        shortened(layer.name),
        layer.op,
        layer.shape,
        layer.kernel.removeprefix("mf_").replace("_s8", "").replace("_ref", ""),
        _count(layer.macs) if layer.macs else "-",
        _count(cost),
        _number(share, "{:.1%}"),
        *([_count(layer.dma_bytes)] if report.cluster is not None else []),
        _number(layer.sqnr_db, "{:.1f}"),
    )


def _kib(value: int | None) -> str:
    return "-" if value is None else f"{value:,} B ({value / 1024:.1f} KiB)"


def _on_the_board(report: Report) -> str:
    """What the flash of the board adds, as far as it is known."""
    low, high = report.board_over_estimate or (1.0, 1.0)
    seen = f"two published models took {low:.2f} and {high:.2f} times zero wait states on a board"
    if report.board_cycles is None or report.board_latency_ms is None:
        return f"the flash of {report.board} is not modelled; {seen}"
    energy = _number(report.board_energy_mj, ", {:.4f} mJ")
    figures = f"{report.board_cycles:,} cycles, {report.board_latency_ms:.3f} ms{energy}"
    return f"{figures} with its flash ({report.board_wait_states} wait states); {seen}"


def totals(report: Report) -> Table:
    """The figures below the table."""
    table = Table.grid(padding=(0, 2))
    cycles = _count(report.cycles)
    waits = f"{report.wait_states or 'zero'} wait states"
    if report.cycles_kind == "estimate":
        cycles += f" (estimate, {waits})"
    checked = f"{report.samples_run} of {report.samples} samples run on {report.target}"
    exact = "yes, every output byte" if report.bit_exact else f"NO: {report.mismatches} differ"
    table.add_row("bit-exact", f"{exact} ({checked})")
    if report.firmware_exact is not None:
        began = report.firmware_samples
        start = "" if began is None else f"{began} from float through the quantiser, "
        way = f"{start}all through the dequantiser to float, against predict"
        same = "yes" if report.firmware_exact else f"NO: {report.firmware_mismatches} differ"
        table.add_row("firmware", f"{same} ({way})")
    if report.accuracy_float is not None and report.accuracy_int8 is not None:
        difference = 100 * (report.accuracy_int8 - report.accuracy_float)
        table.add_row(
            "accuracy",
            f"float {report.accuracy_float:.2%}, int8 {report.accuracy_int8:.2%} "
            f"({difference:+.2f} points, {report.samples} samples)",
        )
    table.add_row("output SQNR", _number(report.sqnr_db, "{:.1f} dB"))
    if report.losses:
        behind = (f"{loss.lost_db:.1f} dB in {shortened(loss.name)}" for loss in report.losses)
        table.add_row("it falls most", ", ".join(behind))
    for end in report.outputs:
        table.add_row("", f"{end.sqnr_db:.1f} dB of {end.name} {list(end.shape)}")
    table.add_row("work", f"{report.macs:,} MAC")
    if report.cycles_kind == "cycle-exact":
        cycles += " (the cores' RTL; instruction fetch never stalls, L2 is modelled)"
    table.add_row("cycles", cycles)
    table.add_row("instructions", _count(report.instructions))
    if report.macs_per_cycle is not None:
        table.add_row("MAC/cycle", f"{report.macs_per_cycle:.3f}")
    latency = _number(report.latency_ms, "{:.3f} ms")
    if report.cycles_kind == "estimate":
        latency += f" at {report.clock_hz / 1e6:g} MHz, {waits}"
    table.add_row("latency", latency)
    if report.cycles_kind == "estimate":
        table.add_row("on the board", _on_the_board(report))
    if (found := report.measured) is not None:
        table.add_row(
            f"measured on {found.board}",
            f"{found.cycles:,} cycles, {found.latency_ms:.3f} ms at {found.clock_hz / 1e6:g} MHz: "
            f"the estimate times {found.factor:.2f}, as {found.model} took on "
            f"{found.measured_on}",
        )
    energy = _number(report.energy_mj, "{:.4f} mJ")
    if report.energy_mj is not None and report.power_source:
        energy += f" (power, not measured here: {report.power_source})"
    table.add_row("energy", energy)
    table.add_row("flash" if report.cluster is None else "L2", _kib(report.flash_bytes))
    table.add_row("RAM" if report.cluster is None else "L1 peak", _kib(report.ram_bytes))
    for use in report.memories:
        share = f"{use.used_bytes:,} of {use.size_bytes:,} B from {use.origin:#010x} on"
        table.add_row(f"  {use.name}", share)
    for row in cluster_rows(report.cluster) if report.cluster else ():
        table.add_row(*row)
    table.add_row("stack seen", _kib(report.stack_bytes))
    if report.features is not None:
        for row in feature_rows(report.features, report.cycles_kind):
            table.add_row(*row)
    return table


def view(report: Report) -> RenderableType:
    """The whole report for a rich console."""
    parts: list[RenderableType] = [layer_table(report)]
    if report.cluster is not None:
        parts.append(core_table(report.cluster))
    parts.append(totals(report))
    parts += [Text(f"note: {printable(note)}") for note in report.notes]
    if not report.calibrated:
        warning = "The ranges come from random data: accuracy and SQNR mean nothing."
        parts.append(Text(warning, style="bold red"))
    return Group(*parts)
