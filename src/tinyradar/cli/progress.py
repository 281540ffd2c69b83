"""Progress bars on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def bars() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Bars that appear as they are asked for: ``advance = new("features")``, ``advance(3, 10)``."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    shown = Progress(*columns, *times, console=console)

    def new(what: str) -> Callable[[int, int], None]:
        shown.start()  # not before there is a bar: an error before it is printed alone
        task = shown.add_task(what, total=None)
        return lambda done, total: shown.update(task, completed=done, total=total)

    try:
        yield new
    finally:
        if shown.tasks:
            shown.stop()


def _lines(what: str) -> Callable[[int, int], None]:
    """Where output is a file: a line for each tenth that is done, and no oftener than a second."""
    said = [-1.0, 0.0]

    def advance(done: int, total: int) -> None:
        share, now = done / max(total, 1), time.monotonic()
        if share == 1.0 or (share - said[0] >= 0.1 and now - said[1] >= 1.0):
            said[:] = [share, now]
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)

    return advance


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """One bar."""
    with bars() as new:
        yield new(what)
