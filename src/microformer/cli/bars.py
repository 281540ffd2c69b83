"""What the command shows: progress on standard error, tables on standard output."""

import os
from collections.abc import Callable

from rich.console import Console, RenderableType

from microformer.page.bars import Bars

__all__ = ["PIPE_WIDTH", "Bars", "print_fitted", "print_view"]

PIPE_WIDTH = 120
"""Columns of a table where it goes to a file: no terminal says how wide."""


def print_view(what: RenderableType) -> None:
    """A table on standard output."""
    print_fitted(lambda _width: what)


def print_fitted(view: Callable[[int], RenderableType]) -> None:
    """What ``view`` makes of a width, on standard output."""
    console = Console()
    width = console.width if console.is_terminal or "COLUMNS" in os.environ else PIPE_WIDTH
    Console(width=width).print(view(width), highlight=False)
