"""Workers of a study: this process, processes of this machine by joblib, machines by Dask."""

from collections.abc import Callable
from typing import Any

from microformer.errors import ToolError
from microformer.search.settings import Settings
from microformer.search.spec import read_spec
from microformer.search.storage import open_study, optuna, take_over
from microformer.search.trial import next_trial

RETRIES = 10
"""How often killed workers are replaced."""


def search(
    where: str,
    settings: Settings,
    *,
    workers: int = 1,
    dask: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Do the trials of the study in ``where`` that are not done yet.

    Raises ToolError where workers die again and again, or a scheduler is not there.
    """
    if dask is not None:
        _far(where, settings, dask)
    elif workers > 1:
        _here(where, settings, workers)
    else:
        work(where, settings, progress)
    progress(settings.trials, settings.trials)


def work(
    where: str,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Trials one after the other until there are none left."""
    spec = read_spec(settings.spec, settings.given)
    while next_trial(spec, where, settings):
        progress(finished(where, settings), settings.trials)


def finished(where: str, settings: Settings) -> int:
    """Trials that are complete or pruned."""
    state = optuna().trial.TrialState
    study = open_study(where, settings)
    return len(study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED)))


def _here(where: str, settings: Settings, workers: int) -> None:
    from joblib import Parallel, delayed  # type: ignore[import-untyped]  # noqa: PLC0415  an extra
    from joblib.externals.loky.process_executor import (  # type: ignore[import-untyped]  # noqa: PLC0415
        BrokenProcessPool,
    )

    for _ in range(RETRIES):
        try:
            Parallel(n_jobs=workers, backend="loky")(
                delayed(work)(where, settings) for _ in range(workers)
            )
        except BrokenProcessPool:  # a worker was killed: its trial is taken over
            continue
        take_over(open_study(where, settings))
        if finished(where, settings) >= settings.trials:
            return
    raise ToolError(f"Workers died {RETRIES} times; the study goes on where it is when run again.")


def _far(where: str, settings: Settings, address: str) -> None:
    try:
        from distributed import Client  # noqa: PLC0415  an extra
    except ImportError:
        raise ToolError(
            "--dask needs Dask distributed: pip install 'microformer[search]'."
        ) from None
    try:
        client: Any = Client(address, timeout=20)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise ToolError(f"There is no Dask scheduler at '{address}' ({error}).") from None
    with client:
        for _ in range(RETRIES):
            count = max(1, len(client.scheduler_info()["workers"]))
            jobs = [
                client.submit(work, where, settings, pure=False, retries=RETRIES)
                for _ in range(count)
            ]
            client.gather(jobs)
            take_over(open_study(where, settings))
            if finished(where, settings) >= settings.trials:
                return
    raise ToolError("Workers died again and again; the study goes on when run again.")
