"""docs/board-list.md is what the boards' own files say."""

import tomllib
from pathlib import Path

import pytest

from microformer.targets import BOARDS, ClusterMemory, FlatMemory, Target
from microformer.targets.boards import text_of
from microformer.targets.target import KIB

PAGE = Path(__file__).parents[2] / "docs" / "board-list.md"
_HEAD = (
    "# Boards that ship\n\n"
    "Written by `pytest --update-golden tests/golden/test_board_list.py` from "
    "`src/microformer/targets/boards/`,\nwhere each has a file. How to add one's own: "
    "[boards](boards.md). Figures are those of the documents named, as read;\nnothing here was "
    "measured on a board. A cell for memories has name, KiB and first address, code first. "
    "Cycles:\nwhether the core has a timing model; others have instruction counts.\n\n"
    "| name (aliases) | board | core | memories | clock | cycles | sources |\n"
    "|---|---|---|---|---|---|---|\n"
)


def _memories(board: Target) -> str:
    match board.memory:
        case FlatMemory(flash=flash, ram=ram, others=others):
            parts = (flash, ram, *others)
        case ClusterMemory(l1=l1, l2=l2):
            parts = (l2, l1)
        case None:
            return ""
    return ", ".join(f"{m.name} {m.size_bytes // KIB} at {m.origin:#010x}" for m in parts)


def _row(board: Target) -> str:
    known = tomllib.loads(text_of(board.name))
    names = board.name + (f" ({', '.join(known['aliases'])})" if "aliases" in known else "")
    sources = "; ".join(known["sources"].values())
    note = f" {known['note']}" if "note" in known else ""
    cells = (
        *(names, board.board + ("." if note else "") + note, board.core, _memories(board)),
        *(f"{board.clock_hz / 1e6:g} MHz", "estimate" if board.timing else "", sources),
    )
    if board.is_cluster:
        cells = (*cells[:5], "exact (RTL)", cells[6])
    return "| " + " | ".join(cells) + " |"


def test_the_list_of_boards(pytestconfig: pytest.Config) -> None:
    rows = [_row(board) for name, board in BOARDS.items() if name != "host"]
    made = _HEAD + "\n".join(rows) + "\n"
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "run pytest --update-golden and read the difference"
