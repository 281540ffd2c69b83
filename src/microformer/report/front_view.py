"""The rows of a front end in the terminal's report."""

from microformer.report.features import Cost, Features


def feature_rows(made: Features, cycles_kind: str | None) -> list[tuple[str, str]]:
    """(heading, text): a window, a sequence, the sum with the network."""
    shape = " x ".join(map(str, made.window))
    exact = "every byte" if made.bit_exact else f"NO: {made.mismatches} differ"
    kind = " (estimate)" if cycles_kind == "estimate" else ""
    window = f"{made.ffts} FFTs to {shape}, {made.kernel}"
    rows = [
        ("front end", f"{window}; bit-exact: {exact} of {made.windows_run} windows"),
        ("  a window", f"{_text(made.one_window)}{kind}"),
    ]
    if made.core_cycles_per_fft is not None:
        rows.append(("  an FFT", f"{made.core_cycles_per_fft:,.0f} cycles of a core, with levels"))
    rows += [
        (f"  {made.windows} windows", _text(made.sequence)),
        ("  with network", _text(made.total)),
        ("  memory", f"{made.sample_bytes:,} B of samples, {made.arena_bytes:,} B of arena"),
    ]
    return rows


def _text(cost: Cost) -> str:
    if cost.cycles is None or cost.latency_ms is None:
        return "-"
    energy = "" if cost.energy_mj is None else f", {cost.energy_mj:.4f} mJ"
    return f"{cost.cycles:,} cycles, {cost.latency_ms:.3f} ms{energy}"
