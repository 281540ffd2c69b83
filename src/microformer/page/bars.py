"""Progress of stages: bars where a person looks, lines where a log is written."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int, int], None]

LINE_SECONDS = 2.0
"""A stage that takes long says where it is in a log, no oftener than so."""


class Bars:
    """Progress on standard error: a bar a stage on a terminal, else lines."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._lines = not console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=console,
            disable=self._lines,
        )

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Advance]:
        if self._lines:
            with lines(stage) as line:
                yield line
            return
        task = self._progress.add_task(stage, total=1)

        def advance(done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=total)

        yield advance
        total = self._progress.tasks[task].total or 1
        self._progress.update(task, completed=total)


@contextmanager
def lines(stage: str) -> Iterator[Advance]:
    """A line now and then, and one at the end with the seconds that the stage took."""
    begun = time.monotonic()
    said = [begun]
    counted = [0, 0]

    def advance(done: int, total: int) -> None:
        counted[:] = [done, total]
        now = time.monotonic()
        if now - said[0] >= LINE_SECONDS and done < total:
            said[0] = now
            print(f"{stage}: {done} of {total}", file=sys.stderr, flush=True)

    yield advance
    count = f" {counted[1]} of {counted[1]}," if counted[1] > 1 else ""
    seconds = time.monotonic() - begun
    print(f"{stage}:{count} {seconds:.1f} s", file=sys.stderr, flush=True)


NOTEBOOK_SECONDS = 0.2


@contextmanager
def in_notebook(stage: str) -> Iterator[Advance]:
    """A stage's bar where the caller is a notebook, gone when it ends; nothing elsewhere."""
    if "ipykernel" not in sys.modules:
        yield lambda _done, _total: None
        return
    from IPython.display import HTML, display  # noqa: PLC0415  there with ipykernel

    shown = display(HTML(f"{stage} &hellip;"), display_id=True)
    said = [time.monotonic()]

    def advance(done: int, total: int) -> None:
        now = time.monotonic()
        if now - said[0] >= NOTEBOOK_SECONDS:
            said[0] = now
            bar = f'<progress value="{done}" max="{total}"></progress>'
            shown.update(HTML(f"{stage} {bar} {done} of {total}"))

    try:
        yield advance
    finally:
        shown.update(HTML(""))
