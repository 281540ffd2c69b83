"""Wait states and cache of a target's flash: none by default, the board's on request."""

from dataclasses import replace

import pytest

from microformer import targets
from microformer.bench import bench
from microformer.errors import TargetError
from microformer.targets import TARGETS
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
