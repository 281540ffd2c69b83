"""Wait states and cache of a target's flash: none by default, the board's on request."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import microformer
from microformer import pipeline, targets
from microformer.bench import bench
from microformer.demo import demo_paths
from microformer.errors import TargetError
from microformer.page.bars import in_notebook as silent
from microformer.report.terminal import view
from microformer.samples import Samples
from microformer.targets import TARGETS, Memory, with_board_flash
from microformer.targets.flash import Flash

M4 = TARGETS["cortex-m4"]


def test_code_in_the_cache_is_fetched_once_other_code_always() -> None:
    """Two blocks, three lines of 32 bytes: 40 bytes from 0 on, 8 bytes from 96 on."""
    blocks = [(0, 40, 10), (96, 8, 7)]
    assert Flash().cycles(blocks) == 0
    assert Flash(4, 32, 96).cycles(blocks) == 4 * 3
    assert Flash(4, 32, 95).cycles(blocks) == 4 * (10 * 2 + 7 * 1)


def test_the_default_is_zero_and_the_board_costs_more() -> None:
    row = "linear_R8_K32_N8"
    (free,) = bench([row], M4).rows
    board = targets.with_board_flash(M4)
    made = bench([row], board)
    assert made.wait_states == 4
    assert made.rows[0].cycles is not None and free.cycles is not None
    assert made.rows[0].cycles > free.cycles
    assert made.rows[0].instructions == free.instructions
    (once,) = bench([row], replace(board, flash=Flash(4, 32, 1 << 20))).rows
    assert once.cycles is not None and free.cycles < once.cycles < made.rows[0].cycles


def test_a_board_without_a_known_setting_is_refused() -> None:
    with pytest.raises(TargetError, match="No flash setting"):
        targets.with_board_flash(TARGETS["cortex-m33"])


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "host"])
def test_every_board_says_where_its_memories_are_from(name: str) -> None:
    assert len(TARGETS[name].memory_source) > 20


def test_the_stm32l476_has_96_kib_in_one_piece() -> None:
    """RM0351, 2.1: SRAM1 is 96 KB; the other 32 KB are SRAM2, at another address."""
    board = TARGETS["cortex-m4"]
    assert board.data_memory()[1] == Memory(0x2000_0000, 96 * 1024, "SRAM1", ("data",))


def test_a_report_has_both_figures_and_their_conditions() -> None:
    with demo_paths() as paths, np.load(paths.calibration) as few:
        model = microformer.load(paths.model)
        compiled = microformer.compile(model, few["x"], "cortex-m4")
        report = microformer.run(compiled, few["x"][:2])
        samples = Samples(few["x"][:2], None)
        board = with_board_flash(TARGETS["cortex-m4"])
        slow = pipeline.run_model(compiled, samples, board, progress=silent)
    assert report.cycles is not None and report.board_cycles is not None
    assert report.board_cycles > 1.2 * report.cycles
    assert (report.wait_states, report.board_wait_states) == (0, 4)
    assert (slow.cycles, slow.wait_states) == (report.board_cycles, 4)
    assert report.board == "STM32L476 (STM32L4)" and report.clock_hz == 80_000_000
    record = json.loads(report.to_json())
    assert record["tool_version"] == microformer.__version__ and record["schema_version"] >= 2
    assert record["board_over_estimate"] == [1.38, 1.40]
    shown = Console(width=400, file=io.StringIO())
    shown.print(view(report))
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    assert "zero wait states" in text and f"{report.board_cycles:,}" in text
    assert "1.38 and 1.40" in text and "firmware" in text
