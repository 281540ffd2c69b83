"""What the command shows: progress on standard error, tables on standard output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

PIPE_WIDTH = 120
"""Columns of a table where it goes to a file: no terminal says how wide."""


def print_view(what: RenderableType) -> None:
    """A table on standard output."""
    console = Console()
    Console(width=console.width if console.is_terminal else PIPE_WIDTH).print(what)


class Bars:
    """Progress on standard error: a line a stage, a bar where a stage counts its work."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Callable[[int, int], None]]:
        task = self._progress.add_task(stage, total=1)

        def advance(done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=total)

        yield advance
        total = self._progress.tasks[task].total or 1
        self._progress.update(task, completed=total)
