"""Reports as pages and tables: what they hold, at every width, in a real browser."""

import io
import json
import re
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from rich.console import Console, RenderableType

import microformer
from microformer.demo import demo_paths
from microformer.errors import DataError, OutputError
from microformer.graph.project import Buffer
from microformer.page import bars
from microformer.page.axes import Axis
from microformer.page.columns import Column, FittedTable
from microformer.page.numbers import kib, middle, span
from microformer.records import to_csv
from microformer.report import Report
from microformer.report.arena import alive_bytes, least_bytes
from microformer.report.compare import compare
from microformer.report.compare_view import compare_page, compare_view
from microformer.report.html import report_page
from microformer.report.terminal import view
from tests.browser import SHOTS, listen


@pytest.fixture(scope="module")
def report() -> Report:
    """The demo on the M4."""
    with demo_paths() as paths, np.load(paths.calibration) as samples:
        compiled = microformer.compile(paths.model, samples["x"], "cortex-m4", effort="low")
        with np.load(paths.held_out) as held_out:
            return compiled.run(held_out["x"][:40], held_out["y"][:40], count=2)


def _shown(what: RenderableType, width: int) -> str:
    """What a terminal of so many columns shows."""
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(what)
    return console.export_text()


def test_the_report_is_a_record_that_comes_back(report: Report) -> None:
    assert Report.from_json(report.to_json()) == report
    with pytest.raises(DataError, match="no report of a run"):
        Report.from_json("{}")
    with pytest.raises(DataError, match="no report of a run"):
        Report.from_json('{"model": ')


def test_where_the_ram_goes_adds_up(report: Report) -> None:
    ram = report.ram
    assert ram is not None
    assert ram.arena + ram.input + ram.output + ram.stack + ram.other == report.ram_bytes
    assert 0 <= ram.other < 512 and ram.arena == report.arena_bytes


def test_the_arena_in_the_record_is_that_of_the_plan(report: Report) -> None:
    top = max(b.offset + b.size_bytes for b in report.buffers)
    assert report.arena_bytes - 8 < top <= report.arena_bytes
    assert 0 < report.arena_least_bytes <= report.arena_bytes
    for number, layer in enumerate(report.layers):
        assert all(-1 <= source < number for source in layer.reads)
    assert sum(len(layer.reads) > 1 for layer in report.layers) >= 5  # sums and attention


def test_bytes_that_two_buffers_share_count_once() -> None:
    taken_over = [Buffer("a", "arena", 0, 8, 0, 1), Buffer("b", "arena", 0, 8, 1, 2)]
    apart = [*taken_over, Buffer("c", "arena", 16, 4, 1, 1), Buffer("d", "second", 0, 99, 0, 9)]
    assert alive_bytes(taken_over) == [8, 8, 8]
    assert alive_bytes(apart) == [8, 12, 8] and least_bytes(apart) == 12
    assert least_bytes(apart, "second") == 99 and least_bytes([]) == 0


def test_the_page_is_one_file_with_all_that_is_asked_for(report: Report, tmp_path: Path) -> None:
    text = report_page(report)
    assert (
        len(text) < 400_000 and "http" not in text.replace("http-equiv", "") and "src=" not in text
    )
    for layer in report.layers:
        assert layer.name in text
    assert report.cycles is not None and f"{report.cycles:,}" in text
    for what in ("peak", "of limit", "arena over time", "zero wait states", "microformer run"):
        assert what in text
    report.html(tmp_path / "r.html")
    with pytest.raises(OutputError, match="exists already"):
        report.html(tmp_path / "r.html")
    report.html(tmp_path / "r.html", force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_names_of_a_model_are_text_and_never_markup(report: Report) -> None:
    evil = "<script>alert(1)</script>\"'&"
    layers = tuple(replace(layer, name=evil, op=evil, shape=evil) for layer in report.layers)
    spoilt = replace(report, model=evil, layers=layers, notes=(evil,), board=evil)
    for text in (
        report_page(spoilt),
        compare_page(compare([evil, "b"], [spoilt, spoilt])),
        spoilt._repr_html_(),
    ):
        assert "<script>alert" not in text


def test_a_report_that_knows_little_is_a_page_too(report: Report) -> None:
    bare = replace(
        *(report,),
        **dict.fromkeys(("cycles", "cycles_kind", "instructions", "latency_ms", "energy_mj")),
        **dict.fromkeys(("flash_bytes", "ram_bytes", "ram", "accuracy_int8", "sqnr_db")),
        **dict.fromkeys(("layers", "buffers", "memories", "losses"), ()),
        macs_per_cycle_limit=None,
    )
    assert "<h1>" in report_page(bare)
    _shown(view(bare), 40)


def _no_sideways_scrolling(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_in_a_browser(
    chromium: Browser, report: Report, tmp_path: Path, width: int, scheme: str
) -> None:
    report.html(tmp_path / "report.html")
    made = compare(["before", "after"], [report, report])
    (tmp_path / "compare.html").write_text(compare_page(made), "utf-8")
    for name in ("report", "compare"):
        page = chromium.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        complaints: list[str] = []
        listen(page, complaints)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))  # noqa: B023 (used at once)
        page.goto((tmp_path / f"{name}.html").as_uri())
        assert _no_sideways_scrolling(page) and not complaints
        assert all(url.startswith(("file:", "data:")) for url in asked)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper != "rgb(255, 255, 255)") == (scheme == "dark")
        if SHOTS:
            path = Path(SHOTS) / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=str(path), full_page=True)
        page.close()


def test_the_table_sorts_by_keyboard(chromium: Browser, report: Report, tmp_path: Path) -> None:
    report.html(tmp_path / "report.html")
    page = chromium.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.get_by_role("button", name="cycles").focus()
    rows = "[...document.querySelectorAll('table.sorts tbody tr')]"
    shown = f"{rows}.map(r => Number(r.cells[6].dataset.v))"
    page.keyboard.press("Enter")
    down = page.evaluate(shown)
    assert down == sorted(down, reverse=True) and len(down) == len(report.layers)
    page.keyboard.press("Enter")
    assert page.evaluate(shown) == sorted(down)
    heads = page.locator("table.sorts th[aria-sort]")
    assert heads.count() == 1 and heads.get_attribute("aria-sort") == "ascending"


def test_limits_of_a_comparison(report: Report) -> None:
    assert report.cycles is not None and report.accuracy_int8 is not None
    slower = replace(report, cycles=report.cycles * 103 // 100, ram_bytes=None)
    both = [report, slower]

    def broken(*limits: str) -> int:
        return len(compare(["a", "b"], both, limits).broken)

    assert broken("cycles>+2%") == 1 and broken("cycles>+4%") == 0 and broken("cycles>4%") == 0
    assert broken("cycles>+100") == 1 and broken("cycles>1") == 2
    assert broken("accuracy_int8<1.1") == 2 and broken("accuracy_int8<-1%") == 0
    assert broken("ram_bytes>+0") == 1  # what is not known is not within a limit
    assert broken("cycles>+2%", "flash_bytes>+0") == 1
    for wrong in ("cycles", "cycles=3", "name>3", "cycles>+2x", ""):
        with pytest.raises(DataError, match="is no limit"):
            broken(wrong)


def test_a_comparison_says_what_changed(report: Report) -> None:
    assert report.cycles is not None
    made = compare(["a", "b"], [report, replace(report, cycles=report.cycles * 2)])
    by_key = {figure.key: figure for figure in made.figures}
    assert by_key["cycles"].changes == (0.0, 1.0) and by_key["flash_bytes"].changes == (0.0, 0.0)
    assert len(made.layers) == len(report.layers)
    assert json.loads(made.to_json())["names"] == ["a", "b"]
    for width in (40, 120):
        text = _shown(compare_view(made, width), width)
        assert f"{report.cycles * 2:,}" in text and "+100.0 %" in text


@pytest.mark.parametrize("width", [40, 80, 160])
def test_numbers_survive_at_every_width(report: Report, width: int) -> None:
    text = _shown(view(report), width)
    for layer in report.layers:
        assert f"{layer.cycles:,}" in text
    assert all(len(line) <= width for line in text.splitlines())


@given(
    names=st.lists(st.text("abc.é漢", max_size=50), min_size=1, max_size=4),
    number=st.integers(0, 10**12),
    width=st.integers(24, 200),
)
def test_a_fitted_table_cuts_names_and_not_numbers(
    names: list[str], number: int, width: int
) -> None:
    cells = [f"{number:,}"] * len(names)
    columns = (
        Column("name", names),
        Column("more", names, rank=2),
        Column("cycles", cells, number=True),
        Column("MAC", cells, number=True, rank=1),
    )
    text = _shown(FittedTable(columns), max(width, len(cells[0]) + 12))
    assert text.count(cells[0]) >= len(names)


@given(low=st.floats(-1e6, 1e6), size=st.floats(1e-3, 1e9), log=st.booleans())
def test_marks_lie_on_their_axis(low: float, size: float, log: bool) -> None:
    low = abs(low) + 1e-3 if log else low
    axis = Axis(low, low + size, 50, 850, log)
    marks = axis.marks()
    assert all(50 <= mark.at <= 850 for mark in marks) and len(marks) <= 40
    assert [mark.at for mark in marks] == sorted(mark.at for mark in marks)


def test_numbers_as_a_page_shows_them() -> None:
    assert [span(v, "ms") for v in (7.5817, 0.07582, 123.4, 12.34, 4321.0, 0.0, None)] == [
        *("7.58 ms", "0.0758 ms", "123 ms", "12.3 ms", "4,321 ms", "0 ms", "–")
    ]
    assert kib(1023) == "1,023 B" and kib(47740) == "46.6 KiB"
    assert middle("a" * 50, 10) == "aaa…aaaaaa" and middle("short", 10) == "short"


def test_csv_quotes_what_it_must(report: Report) -> None:
    text = to_csv([{"a": 'x,"y"', "b": None}, {"a": "1\n2", "b": 3}])
    assert text == 'a,b\n"x,""y""",\n"1\n2",3\n'
    assert to_csv(report.table()).count("\n") >= len(report.layers) + 1


def test_every_object_fits_one_screen(report: Report, tmp_path: Path) -> None:
    """repr: no constants, no thousand lines; the same objects in a notebook."""
    with demo_paths() as paths, np.load(paths.calibration) as samples:
        model = microformer.load(paths.model)
        graph = microformer.quantize(model, samples["x"][:8], effort="low")
        compiled = microformer.compile(model, samples["x"][:8], "host", effort="low")
        found = microformer.audit(model, samples["x"][:4], effort="low")
    predicted = microformer.estimate(graph, "cortex-m4")
    things = (model, graph, compiled, compiled.project, compiled.target, report, predicted, found)
    for thing in things:
        text = repr(thing)
        assert len(text) < 2_500 and text.count("\n") < 24, type(thing)
    for thing in (model, graph, compiled, report, predicted, found):
        page = thing._repr_html_()
        assert page.startswith("<table>") and page.count("<tr>") > 3 and "<script" not in page
    compiled.save(tmp_path / "out")
    again = microformer.open(tmp_path / "out")
    assert isinstance(again, microformer.Compiled) and repr(again) == repr(compiled)
    assert again.project.buffers == compiled.project.buffers
    assert again.project.layers == compiled.project.layers
    x = np.zeros((2, *model.input_shape[1:]), np.float32)
    np.testing.assert_array_equal(again.predict(x), compiled.predict(x))
    with pytest.raises(OutputError):
        compiled.save(tmp_path / "out")
    with pytest.raises(OutputError):
        microformer.open(tmp_path)


def test_progress_is_lines_in_a_log_and_bars_in_a_notebook(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bars, "LINE_SECONDS", 0.0)
    with bars.Bars() as shown, shown("run") as advance:
        for done in range(1, 4):
            advance(done, 3)
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["run: 1 of 3", "run: 2 of 3"]
    assert re.fullmatch(r"run: 3 of 3, 0\.\d s", told[2]) and len(told) == 3
    with bars.in_notebook("run") as advance:
        advance(1, 3)
    assert capsys.readouterr().err == ""  # a script that calls the API
    display = types.ModuleType("IPython.display")
    pages: list[str] = []
    handle = types.SimpleNamespace(update=pages.append)
    display.HTML = str  # type: ignore[attr-defined]

    def show(what: str, display_id: bool) -> types.SimpleNamespace:
        assert display_id
        pages.append(what)
        return handle

    display.display = show  # type: ignore[attr-defined]
    for name in ("ipykernel", "IPython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, display)
    monkeypatch.setattr(bars, "NOTEBOOK_SECONDS", 0.0)
    with bars.in_notebook("run") as advance:
        advance(1, 3)
    assert pages == ["run &hellip;", 'run <progress value="1" max="3"></progress> 1 of 3', ""]
