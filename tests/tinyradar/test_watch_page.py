"""The whole of ``tinyradar watch``: the command, and its page in a real browser."""

import itertools
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import SHOTS, listen

pytestmark = pytest.mark.slow

GESTURES = ("Push", "NoHand", "Circle")


CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


def _hear_interrupts() -> None:
    """A shell has what it starts in the background ignore SIGINT, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def command() -> Iterator[subprocess.Popen[str]]:
    """The command as a user starts it; ``SIGINT``, a user's Ctrl-C, must end it cleanly."""
    with subprocess.Popen(
        [sys.executable, "-m", "tinyradar", "watch", "--simulate", *GESTURES, "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509  no threads are running here
    ) as running:
        yield running
        running.send_signal(signal.SIGINT)
        try:
            _, told = running.communicate(timeout=60)
        finally:
            running.kill()  # else a failure would wait for ever
        assert running.returncode == 0 and "Traceback" not in told
        assert told.endswith("watch: ended\n")


@pytest.fixture(scope="module")
def address(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/", command.stdout.readline())
    assert found, command.stderr and command.stderr.read()
    return found[0]


def test_the_command_serves_its_page(address: str) -> None:
    """Also where there is no browser."""
    with urllib.request.urlopen(address) as answer:
        assert b"<title>tinyradar watch</title>" in answer.read()
    with urllib.request.urlopen(f"{address}session") as answer:
        session = json.load(answer)
    assert len(session["recordings"]) == len(GESTURES) and session["figures"]["bit_exact"]
    assert "fold 0 was not trained" in session["notes"][0]


@pytest.fixture(scope="module")
def errors() -> list[str]:
    """What the browser complains of, in all tests of this file."""
    return []


@pytest.fixture
def page(chromium: Browser, address: str, errors: list[str]) -> Page:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800},
        reduced_motion="reduce",  # it does not play by itself
    )
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    listen(opened, errors)
    opened.goto(address)
    return opened
    assert errors == []


def picture(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def pixels(page: Page, sensor: int = 0) -> str:
    script = "n => document.querySelectorAll('canvas[role=img]')[n].toDataURL()"
    return str(page.evaluate(script, sensor))


def ready(page: Page) -> None:
    """Stopped at the first frame."""
    expect(page.locator("#clock")).to_contain_text("frame 1 of")
    expect(page.locator("#play")).to_have_text("Play")


def test_it_plays_by_itself(page: Page, address: str) -> None:
    ready(page)
    first = pixels(page), pixels(page, 1)
    assert first[0] != first[1]
    page.emulate_media(reduced_motion="no-preference")
    page.goto(address)
    expect(page.locator("#play")).to_have_text("Pause")
    changed = "first => document.querySelector('canvas[role=img]').toDataURL() !== first"
    page.wait_for_function(changed, arg=first[0])
    expect(page.locator("#decision")).to_contain_text("Second 1: ")
    expect(page.locator("#bars .best")).to_have_count(1)
    page.select_option("#speed", "4")
    expect(page.locator("#recording")).to_have_value("2")  # through all three, and then it rests
    expect(page.locator("#play")).to_have_text("Play")
    expect(page.locator("#hits")).to_contain_text("right (simulated)")
    total = len(GESTURES) * 2  # 2.2 to 3.2 s each: two whole seconds or three
    said = re.match(r"(\d+) of (\d+)", page.locator("#hits").inner_text())
    assert said and total <= int(said[2]) <= 9 and int(said[1]) >= 3


def test_keys_and_buttons(page: Page) -> None:
    ready(page)
    clock = page.locator("#clock")
    expect(page.locator("#running")).to_contain_text("listening: frame 1 of the first 5")
    for frame in range(2, 6):
        page.keyboard.press("ArrowRight")
        expect(clock).to_contain_text(f"frame {frame} of")
    expect(page.locator("#decision")).to_have_text(re.compile("Second 1: .*, (right|wrong)"))
    expect(page.locator("#running")).to_contain_text("running: the last 5 frames")
    picture(page, "keys")
    here = pixels(page)
    page.keyboard.press("ArrowLeft")
    expect(clock).to_contain_text("frame 4 of")
    assert pixels(page) != here
    page.click("#forward")
    expect(clock).to_contain_text("frame 5 of")
    assert pixels(page) == here
    page.keyboard.press("n")
    expect(page.locator("#made")).to_have_text("made: NoHand, simulated")
    expect(clock).to_contain_text("frame 1 of")
    page.keyboard.press("p")
    page.keyboard.press("p")
    expect(page.locator("#made")).to_have_text("made: Circle, simulated")
    page.select_option("#recording", "0")
    expect(page.locator("#made")).to_have_text("made: Push, simulated")
    page.locator("#recording").focus()
    page.keyboard.press("]")  # the list of recordings has the focus: a key is its own
    expect(page.locator("#speed")).to_have_value("1")
    page.locator("#play").focus()
    page.keyboard.press("]")
    expect(page.locator("#speed")).to_have_value("2")
    page.keyboard.press("r")
    expect(page.locator("#repeat")).to_be_checked()
    page.keyboard.press("Space")  # on the button: once, not twice
    expect(page.locator("#play")).to_have_text("Pause")
    page.locator("#seek").focus()
    page.keyboard.press("End")
    expect(page.locator("#play")).to_have_text("Play")
    last = page.locator("#seek").get_attribute("max")
    assert last and page.locator("#seek").input_value() == last


def test_a_second_counts_once(page: Page) -> None:
    ready(page)
    page.keyboard.press("End")
    before = page.locator("#hits").inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    expect(page.locator("#hits")).to_have_text(before)
    cells = page.locator("#confusion td").all_inner_texts()
    assert sum(int(text or 0) for text in cells) == int(before.split()[2])


def test_what_it_costs_is_labelled(page: Page) -> None:
    ready(page)
    session = page.evaluate("fetch('/session').then(a => a.json())")
    figures, card = session["figures"], page.locator("#cost")
    assert figures["bit_exact"] and figures["cycles"]
    expect(page.locator("#kind")).to_have_text(figures["kind"])
    rows = page.locator("#figures tr").all_inner_texts()
    costs = figures["costs"]
    shown = [*((costs[n], 1.0) for n in ("network", "maps", "together")), (costs["together"], 0.2)]
    for row, (cost, share) in zip(rows, shown, strict=True):
        numbers = [float(n) for n in re.findall(r"([\d.]+)\s(?:ms|mJ)", row)]
        assert numbers == pytest.approx([share * c for c in cost], rel=6e-3)
    assert "maps (FFT)" in rows[1] and "a frame's share, 1/5" in rows[3]
    expect(page.locator("#classification")).to_have_text(
        "one classification: 5 frames, 1 s of radar"
    )
    for text in (figures["target"], f"{figures['cycles']:,} cycles", "Bit-exact"):
        expect(card).to_contain_text(text)
    expect(page.locator("#origin")).to_have_text("simulated")
    expect(page.locator("#network")).to_contain_text("trained on simulated hands")


def test_colours_get_lighter_evenly(page: Page) -> None:
    script = """async () => {
      const { OF_BYTE } = await import('/page/colours.js');
      return Array.from(OF_BYTE, c => [c & 255, c >> 8 & 255, c >> 16 & 255]);
    }"""

    def lightness(rgb: list[int]) -> float:
        """CIE L*, 0 to 100."""
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                 for c in (v / 255 for v in rgb)]  # fmt: skip
        y = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        return float(116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y)

    found = page.evaluate(script)
    levels = [lightness(found[round(255 * (i / 32) ** 2)]) for i in range(4, 33)]
    steps = [b - a for a, b in itertools.pairwise(levels)]
    assert min(steps) > 1.0 and max(steps) < 6.0, steps


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_room_and_contrast(page: Page, width: int, height: int, scheme: str) -> None:
    """Nothing is cut off at the side, and all text stands out from what lies behind it."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": height})
    ready(page)
    page.keyboard.press("End")
    picture(page, f"{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = """() => [...document.querySelectorAll('.card, .card table, header')].filter(
      e => e.scrollWidth > e.clientWidth + 1).map(e => e.id || e.tagName)"""
    assert page.evaluate(cut) == []
    if width == 1280:
        assert page.evaluate("document.documentElement.scrollHeight") <= height
    assert page.evaluate(CONTRAST) == []
    names = """() => [...document.querySelectorAll('button, select, input')].filter(e =>
      !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.id)"""
    assert page.evaluate(names) == []


def test_trouble_is_told_and_is_text(page: Page, errors: list[str]) -> None:
    """A broken recording whose name is markup, and a server that has ended."""
    ready(page)
    sentence = "'<img src=x>' is broken."
    page.route(re.compile("/recordings/0$"), lambda route: route.fulfill(
        status=422, json={"error": sentence}))  # fmt: skip
    page.goto(page.url)
    expect(page.locator("#trouble")).to_have_text(sentence)
    expect(page.locator("#trouble img")).to_have_count(0)
    page.unroute(re.compile("/recordings/0$"))
    page.route("**/recordings/1*", lambda route: route.abort())
    page.goto(page.url)
    ready(page)
    page.keyboard.press("n")
    expect(page.locator("#trouble")).to_contain_text("The server has ended")
    expect(page.locator("#running")).to_be_hidden()  # it was of the recording before
    page.unroute("**/recordings/1*")
    page.keyboard.press("n")
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#running")).to_be_visible()
    assert errors  # the browser told them too
    errors.clear()
