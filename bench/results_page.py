"""docs/results.md: every table of ``bench/results/`` with what measured it and when.

`python bench/results_page.py` writes it; with ``--measure`` it first measures anew whatever needs
no data of the user's, for an hour or two, and keeps what each command prints. The day of a file is
the one on which it was last changed in the repository; without one (a copy of the source), the
page keeps what it says.
"""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "results.md"

Rows = list[Sequence[object]]

HEAD = "# Results\n\n" + textwrap.fill(
    "Every figure of this page was measured by the command above its table, which prints JSON; the "
    "page is written from it by `python bench/results_page.py`, which with --measure measures anew "
    "whatever needs no data of yours. Accuracy is of held-out data; "
    "cycles of Cortex-M are estimates at zero wait states ([timing](timing.md)), those of clusters "
    "from the cores' RTL. Kernels, row by row: [kernels](kernels.md); the zoo of architectures: "
    "[zoo](zoo.md); against CMSIS-NN, side by side: `bench/against_cmsis_nn.py`.\n",
    120,
    break_on_hyphens=False,
)


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"


def networks(made: Any) -> Rows:
    """Whole networks."""
    heads = ("network", "core", "MAC", "cycles", "cycles a MAC", "RAM, B", "constants, B")
    rows: Rows = [heads]
    for row in made["rows"]:
        rows.append(
            (
                *(row["name"].removeprefix("net_").upper(), row["core"], _count(row["macs"])),
                *(_count(row["cycles"]), f"{row['cycles_per_mac']:.3f}"),
                *(_count(row["ram_bytes"]), _count(row["weight_bytes"])),
            )
        )
    return rows


def accuracy(made: Any) -> Rows:
    """Float against int8 on the models of ``models/``."""
    rows: Rows = [
        ("model", "softmax", "effort", "held out", "float", "int8", "changed", "SQNR, dB")
    ]
    for row in made["rows"]:
        every = row["samples"]
        rows.append(
            (
                *(row["model"], row["softmax"], row["effort"], _count(every)),
                *(_share(row["float_right"] / every), _share(row["int8_right"] / every)),
                *(row["changed"], f"{row['sqnr_db']:.1f}"),
            )
        )
    return rows


def qat(made: Any) -> Rows:
    """What training in integers brings back."""
    rows: Rows = [("seed", "held out", "float", "int8", "trained in int8")]
    for row in made["rows"]:
        rights = (row["float_right"], row["int8_right"], row["trained_right"])
        rows.append((row["seed"], row["samples"], *(_share(r / row["samples"]) for r in rights)))
    return rows


def others(made: Any) -> Rows:
    """Public models, residual streams of 8 and 16 bits."""
    rows: Rows = [("model", "data", "residual", "SQNR, dB", "float", "int8", "cosine, worst")]
    for row in made:
        every = row["held_out"]
        rights = [row.get("float_right"), row.get("int8_right")]
        shares = ["–" if right is None else _share(right / every) for right in rights]
        cosine = row.get("cosine")
        near = "–" if cosine is None else f"{cosine:.3f}"
        level = f"{row['sqnr_db']:.1f}"
        rows.append((row["model"], row["data"], row["residual"], level, *shares, near))
    return rows


def file_types(made: Any) -> Rows:
    """A public model of file types."""
    wrong = 100 * made["standard_error"]
    return [
        ("files", "kinds", "same class as float", "where float is sure", "SQNR, dB"),
        (
            *(made["files"], made["kinds"], f"{_share(made['same_class'])} ± {wrong:.1f}"),
            *(_share(made["same_class_where_sure"]), f"{made['sqnr_db']:.1f}"),
        ),
    ]


def optimize(made: Any) -> Rows:
    """Speed against size."""
    rows: Rows = [("core", "--optimize", "code, B", "cycles", "instructions")]
    for row in made["rows"]:
        counts = [_count(row[key]) for key in ("code_bytes", "cycles", "instructions")]
        rows.append((row["target"], row["optimize"], *counts))
    return rows


def recorded(made: Any) -> Rows:
    """Recorded hands."""
    rows: Rows = [("protocol", "who", "arithmetic", "traces", "accuracy", "worst person")]
    for row in made["scores"]:
        shares = [_share(row["accuracy"]), _share(row["worst"])]
        rows.append((row["protocol"], row["who"], row["arithmetic"], row["traces"], *shares))
    return rows


def speech(made: Any) -> Rows:
    """Spoken digits."""
    means = made["means"]
    return [tuple(means), tuple(_share(value) for value in means.values())]


SECTIONS: tuple[tuple[str, str, str, Callable[[Any], Rows]], ...] = (
    ("Whole networks", "networks", "python bench/networks.py", networks),
    ("Float against int8", "accuracy", "python bench/accuracy.py", accuracy),
    ("Training in integers", "qat", "python bench/qat.py", qat),
    ("Public models", "others", "python bench/others.py FILES", others),
    ("File types (Magika)", "file_types", "python bench/file_types.py MODEL FILES", file_types),
    ("Speed and size", "optimize", "python bench/optimize.py", optimize),
    ("Recorded hands", "recorded", "tinyradar reproduce --recorded DIR --json", recorded),
    ("Spoken digits", "speech", "python models/train_speech.py", speech),
)


def _table(rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return [lines[0], "|" + "---|" * lines[0].count(" | ") + "---|", *lines[1:]]


def page(days: dict[str, str]) -> str:
    """The whole page; ``days`` by the name of a file."""
    lines = [HEAD, ""]
    for title, name, command, rows in SECTIONS:
        made = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        lines += [f"## {title}", "", f"`{command}`, {days.get(name, 'undated')}:", ""]
        lines += [*_table(rows(made)), ""]
    return "\n".join(lines)


def written_days(text: str) -> dict[str, str]:
    """The days that the page says."""
    found = re.findall(r"^## (.+)\n\n`.+`, (\S+):$", text, re.M)
    by_title = {title: name for title, name, _, _ in SECTIONS}
    return {by_title[title]: day for title, day in found if title in by_title}


def _days() -> dict[str, str]:
    days = {}
    for _, name, _, _ in SECTIONS:
        path = RESULTS / f"{name}.json"
        log = ["git", "log", "-1", "--format=%as", "--", str(path)]
        day = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        dirty = ["git", "status", "--porcelain", "--", str(path)]
        changed = subprocess.run(dirty, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        days[name] = day.strip() if day.strip() and not changed else str(date.today())
    return days


def measure() -> None:
    """Run the commands of the sections that are scripts of this folder, one after the other."""
    for title, name, command, _ in SECTIONS:
        words = command.split()
        if len(words) != 2 or not words[1].startswith("bench/"):
            print(f"{title}: by hand, as it needs your data: {command}", file=sys.stderr)
            continue
        print(f"{title}: {command}", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        json.loads(done.stdout)  # nothing half done is kept
        (RESULTS / f"{name}.json").write_text(done.stdout, "utf-8")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    PAGE.write_text(page(_days()), "utf-8")
