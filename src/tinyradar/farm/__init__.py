"""Tasks on as many processes or machines as there are; what is done is never lost.

A task is a pure function of its description and the set. Its arrays are written to ``place`` as it
is done, under its own name and with its description; a run that finds them there takes them. So a
worker that is killed loses one task, which another does again, and a killed run goes on.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tinyradar.errors import RadarError
from tinyradar.train.checkpoint import Arrays, read_arrays, write_arrays

RETRIES = 5
"""How often a task is given to another worker after its own died."""


class Task(Protocol):
    """A name for its file, and what it is: arrays of another description are never its own."""

    @property
    def name(self) -> str: ...

    def description(self, data: Any) -> dict[str, Any]: ...


T = TypeVar("T", bound=Task)


def run_tasks(
    function: Callable[[T, Any], Arrays],
    tasks: Sequence[T],
    data: Any,
    place: Path,
    *,
    processes: int,
    dask: str | None,
    progress: Callable[[int, int], None],
    say: Callable[[str], None],
) -> list[Arrays]:
    """What ``function(task, data)`` gives for each of ``tasks``, in their order."""
    descriptions = {task.name: task.description(data) for task in tasks}
    arrays = {task.name: _kept(place, task, descriptions[task.name]) for task in tasks}
    due = [task for task in tasks if arrays[task.name] is None]
    progress(len(tasks) - len(due), len(tasks))
    if due and len(due) < len(tasks):
        say(f"{len(tasks) - len(due)} of {len(tasks)} tasks are done already; the rest follow.")
    source = (
        _here(function, due, data, processes) if dask is None else _far(function, due, data, dask)
    )
    for task, made in source:
        write_arrays(place / f"{task.name}.npz", made, descriptions[task.name])
        arrays[task.name] = made
        progress(sum(found is not None for found in arrays.values()), len(tasks))
    return [found for task in tasks if (found := arrays[task.name]) is not None]


def _kept(place: Path, task: Task, description: dict[str, Any]) -> Arrays | None:
    path = place / f"{task.name}.npz"
    if not path.is_file():
        return None
    arrays, meta = read_arrays(path)
    return arrays if meta == description else None


def _here(
    function: Callable[[T, Any], Arrays], due: Sequence[T], data: Any, processes: int
) -> Iterator[tuple[T, Arrays]]:
    """On this machine's processes; with one, in this process."""
    if processes == 1 or len(due) < 2:
        for task in due:
            yield task, function(task, data)
        return
    # spawn: a forked copy of torch's threads hangs
    context = multiprocessing.get_context("spawn")
    left = list(due)
    for _ in range(RETRIES):
        try:
            with ProcessPoolExecutor(min(processes, len(left)), context) as pool:
                futures = {pool.submit(function, task, data): task for task in left}
                for future in as_completed(futures):
                    task = futures[future]
                    made = future.result()
                    left.remove(task)
                    yield task, made
            return
        except BrokenProcessPool:  # a worker was killed: what it did not finish is done again
            continue
    raise RadarError(f"A worker died {RETRIES} times; {len(left)} tasks are left.")


def _far(
    function: Callable[[T, Any], Arrays], due: Sequence[T], data: Any, address: str
) -> Iterator[tuple[T, Arrays]]:
    """On the workers of a Dask scheduler, which gives a dead worker's task to another."""
    try:
        from distributed import Client  # noqa: PLC0415  an extra
        from distributed import as_completed as completed  # noqa: PLC0415
    except ImportError:
        raise RadarError(
            "--dask needs Dask distributed: pip install 'microformer[search]'."
        ) from None
    try:
        client = Client(address, timeout=20)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise RadarError(f"There is no Dask scheduler at '{address}' ({error}).") from None
    with client:
        everywhere = client.scatter(data, broadcast=True, hash=False)  # type: ignore[no-untyped-call]
        futures = {
            client.submit(function, task, everywhere, pure=False, retries=RETRIES): task
            for task in due
        }
        for future in completed(futures):  # type: ignore[no-untyped-call]
            yield futures[future], future.result()
