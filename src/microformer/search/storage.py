"""Where a study lives: a journal in a file that processes share, or any database that Optuna takes.

No worker is asked whether it lives: a trial notes the process that does it, and whoever comes by
takes over what a dead process of the same machine left.
"""

import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

from microformer.errors import DataError, ToolError
from microformer.search.settings import Settings

SETTINGS, WORKER = "microformer", "worker"
"""Names of the attributes: of a study its settings, of a trial the process that does it."""
NAME = "microformer"
NAMELESS_SECONDS = 60.0
"""A process says at once which trial it does; one that has not by then never will."""


def optuna() -> Any:
    """The library, quiet. Raises ToolError where it is not installed."""
    try:
        import optuna as library  # noqa: PLC0415  an extra
    except ImportError:
        raise ToolError("A search needs Optuna: pip install 'microformer[search]'.") from None
    library.logging.set_verbosity(library.logging.ERROR)
    return library


def _storage(where: str) -> Any:
    library = optuna()
    if "://" in where:
        return library.storages.RDBStorage(where)
    from optuna.storages.journal import JournalFileBackend, JournalStorage  # noqa: PLC0415

    try:
        Path(where).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(where))
    except OSError as error:
        raise DataError(f"'{where}' cannot be written: {error.strerror}.") from None


def create(where: str, settings: Settings) -> None:
    """A new study, or the one that is there if it was asked for the same. Raises DataError."""
    library = optuna()
    known = stored_settings(where)
    if known is not None:
        if known != settings:
            raise DataError(
                f"'{where}' holds a study of other settings; join it with --join, or name another "
                "file."
            )
        return
    directions = ["minimize"] if settings.prune != "none" else ["minimize", "minimize"]
    study = library.create_study(storage=_storage(where), study_name=NAME, directions=directions)
    study.set_user_attr(SETTINGS, settings.to_json())


def stored_settings(where: str) -> Settings | None:
    """The settings of the study in ``where``; None where there is no study."""
    library = optuna()
    if "://" not in where and not Path(where).exists():
        return None
    names = library.get_all_study_names(_storage(where))
    if NAME not in names:
        return None
    study = library.load_study(storage=_storage(where), study_name=NAME)
    return Settings.from_json(str(study.user_attrs.get(SETTINGS)))


def open_study(where: str, settings: Settings) -> Any:
    """The study, with the sampler of its next trial: seeded by how many there were before.

    So a study that was killed goes on as it would have gone.
    """
    library = optuna()
    study = library.load_study(storage=_storage(where), study_name=NAME)
    seed = (settings.seed * 1_000_003 + len(study.trials)) % 2**32
    study.sampler = library.samplers.TPESampler(seed=seed, constant_liar=True)
    study.pruner = {
        "none": library.pruners.NopPruner,
        "median": library.pruners.MedianPruner,
        "hyperband": library.pruners.HyperbandPruner,
    }[settings.prune]()
    return study


def this_worker() -> str:
    """The name of this process on this machine."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take_over(study: Any) -> None:
    """Trials of dead processes of this machine fail, and are put before all others again."""
    library = optuna()
    running = library.trial.TrialState.RUNNING
    for trial in study.get_trials(deepcopy=False, states=(running,)):
        if _abandoned(trial):
            try:
                study.tell(trial.number, state=library.trial.TrialState.FAIL)
            except (ValueError, RuntimeError):
                continue  # another worker was faster
            if trial.params:
                study.enqueue_trial(trial.params)


def _abandoned(trial: Any) -> bool:
    """Whether the process that does it is dead, or died before it could even say who it is."""
    worker = str(trial.user_attrs.get(WORKER, ""))
    if not worker:
        begun = trial.datetime_start
        return begun is not None and (datetime.now() - begun).total_seconds() > NAMELESS_SECONDS
    host, _, pid = worker.rpartition(":")
    return host == socket.gethostname() and pid.isdecimal() and not _alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
