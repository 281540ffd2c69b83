"""The report as a person reads it in a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from microformer.errors import printable
from microformer.page.columns import Column, FittedTable
from microformer.page.numbers import middle
from microformer.report.cluster import cluster_rows, core_table
from microformer.report.front_view import feature_rows
from microformer.report.memory import ram_rows
from microformer.report.record import LayerReport, Report


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def layer_table(report: Report) -> FittedTable:
    """One row a layer: operation, shape, kernel, MACs, cycles (or instructions), share, SQNR (dB).

    Of a kernel's name only what tells it from others is shown; without an instruction set: ref.
    """
    layers = report.layers
    cycles = report.cycles is not None
    costs = report.layer_costs()
    moved = [_count(layer.dma_bytes) for layer in layers]
    columns = [
        Column("layer", [printable(layer.name) for layer in layers]),
        Column("operation", [layer.op for layer in layers], rank=5),
        Column("shape", [layer.shape for layer in layers], rank=7),
        Column("kernel", [_kernel(layer) for layer in layers], rank=8),
        Column("MAC", [_count(layer.macs) if layer.macs else "-" for layer in layers], True, 6),
        Column("cycles" if cycles else "instr.", [_count(cost) for cost, _ in costs], True),
        Column("share", [_number(share, "{:.1%}") for _, share in costs], True, 1),
        *([Column("DMA B", moved, True, 9)] if report.cluster is not None else []),
        Column("SQNR", [_number(layer.sqnr_db, "{:.1f}") for layer in layers], True, 2),
    ]
    return FittedTable(tuple(columns))


def _kernel(layer: LayerReport) -> str:
    return layer.kernel.removeprefix("mf_").replace("_s8", "").replace("_ref", "")


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


Rows = list[tuple[str, str]]


def totals(report: Report) -> Table:
    """The figures below the table."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = [*_checked(report), *_costs(report), *_memory(report)]
    if report.features is not None:
        rows += feature_rows(report.features, report.cycles_kind)
    for row in rows:
        table.add_row(*row)
    return table


def _checked(report: Report) -> Rows:
    """What was compared with what, and how near it is to float."""
    checked = f"{report.samples_run} of {report.samples} samples run on {report.target}"
    exact = "yes, every output byte" if report.bit_exact else f"NO: {report.mismatches} differ"
    rows = [("bit-exact", f"{exact} ({checked})")]
    if report.firmware_exact is not None:
        began = report.firmware_samples
        start = "" if began is None else f"{began} from float through the quantiser, "
        way = f"{start}all through the dequantiser to float, against predict"
        same = "yes" if report.firmware_exact else f"NO: {report.firmware_mismatches} differ"
        rows.append(("firmware", f"{same} ({way})"))
    if report.accuracy_float is not None and report.accuracy_int8 is not None:
        difference = 100 * (report.accuracy_int8 - report.accuracy_float)
        pair = f"float {report.accuracy_float:.2%}, int8 {report.accuracy_int8:.2%}"
        rows.append(("accuracy", f"{pair} ({difference:+.2f} points, {report.samples} samples)"))
    rows.append(("output SQNR", _number(report.sqnr_db, "{:.1f} dB")))
    if report.losses:
        behind = (f"{loss.lost_db:.1f} dB in {middle(loss.name, 24)}" for loss in report.losses)
        rows.append(("it falls most", ", ".join(behind)))
    for end in report.outputs:
        level = _number(end.sqnr_db, "{:.1f} dB")
        rows.append(("", f"{level} of {printable(end.name)} {list(end.shape)}"))
    return rows


def _costs(report: Report) -> Rows:
    """Cycles, time and energy, and what they are."""
    cycles = _count(report.cycles)
    waits = f"{report.wait_states or 'zero'} wait states"
    latency = _number(report.latency_ms, "{:.3f} ms")
    if report.cycles_kind == "estimate":
        cycles += f" (estimate, {waits})"
        latency += f" at {report.clock_hz / 1e6:g} MHz, {waits}"
    if report.cycles_kind == "cycle-exact":
        cycles += " (the cores' RTL; instruction fetch never stalls, L2 is modelled)"
    rows = [("work", f"{report.macs:,} MAC"), ("cycles", cycles)]
    rows.append(("instructions", _count(report.instructions)))
    if report.macs_per_cycle is not None:
        rows.append(("MAC/cycle", f"{report.macs_per_cycle:.3f}"))
    rows.append(("latency", latency))
    if report.cycles_kind == "estimate":
        rows.append(("on the board", _on_the_board(report)))
    if (found := report.measured) is not None:
        sentence = (
            f"{found.cycles:,} cycles, {found.latency_ms:.3f} ms at {found.clock_hz / 1e6:g} MHz: "
            f"the estimate times {found.factor:.2f}, as {found.model} took on {found.measured_on}"
        )
        rows.append((f"measured on {found.board}", sentence))
    energy = _number(report.energy_mj, "{:.4f} mJ")
    if report.energy_mj is not None and report.power_source:
        energy += f" (power, not measured here: {report.power_source})"
    return [*rows, ("energy", energy)]


def _memory(report: Report) -> Rows:
    """Where flash and RAM go."""
    rows = [
        ("flash" if report.cluster is None else "L2", _kib(report.flash_bytes)),
        ("RAM" if report.cluster is None else "L1 peak", _kib(report.ram_bytes)),
    ]
    rows += [(f"  {part}", f"{size:,} B: {what}") for part, size, what in ram_rows(report)]
    for use in report.memories:
        share = f"{use.used_bytes:,} of {use.size_bytes:,} B from {use.origin:#010x} on"
        rows.append((f"  {use.name}", share))
    if report.cluster is not None:
        rows += cluster_rows(report.cluster)
    if report.ram is None:
        rows.append(("stack seen", _kib(report.stack_bytes)))
    return rows


def view(report: Report) -> RenderableType:
    """The whole report for a rich console: a summary, the layers, then everything."""
    title = f"{printable(report.model)} on {report.target}: {report.board}"
    parts: list[RenderableType] = [Text(title, style="bold")]
    parts += [Text(f"  {what:<12} {figure}") for what, figure in report.summary()]
    if not report.exact:
        parts.append(Text("The program is NOT bit-exact.", style="bold red"))
    parts.append(layer_table(report))
    if report.cluster is not None:
        parts.append(core_table(report.cluster))
    parts.append(totals(report))
    parts += [Text(f"note: {printable(note)}") for note in report.notes]
    if not report.calibrated:
        warning = "The ranges come from random data: accuracy and SQNR mean nothing."
        parts.append(Text(warning, style="bold red"))
    return Group(*parts)
