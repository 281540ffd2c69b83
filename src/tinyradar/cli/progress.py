"""Progress bars on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def bars() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Bars that appear as they are asked for: ``advance = new("features")``, ``advance(3, 10)``."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    shown = Progress(*columns, *times, console=Console(stderr=True))

    def new(what: str) -> Callable[[int, int], None]:
        shown.start()  # not before there is a bar: an error before it is printed alone
        task = shown.add_task(what, total=None)
        return lambda done, total: shown.update(task, completed=done, total=total)

    try:
        yield new
    finally:
        if shown.tasks:
            shown.stop()


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """One bar."""
    with bars() as new:
        yield new(what)
