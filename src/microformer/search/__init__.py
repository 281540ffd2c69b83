"""A search for better networks, on Optuna: what trains is the user's, what it costs is predicted.

``search`` runs the trials of a study: the user's ``build`` makes a candidate, the estimate of the
named target rejects what breaks a limit before anything is trained, and the held-out loss that the
user's ``evaluate`` gives goes to Optuna's sampler. A study lives in a file that many processes and
machines may share (``storage.py``); a worker that is killed loses one trial, which is done again,
and a study that is killed goes on. With one worker the same seed gives the same study.
"""

from microformer.search.finalists import Finalist, measure_finalists
from microformer.search.page import write_page
from microformer.search.record import Found, Tried, found
from microformer.search.settings import Limits, Settings
from microformer.search.spec import Spec, read_spec
from microformer.search.storage import create, stored_settings
from microformer.search.workers import search

__all__ = [
    "Finalist",
    "Found",
    "Limits",
    "Settings",
    "Spec",
    "Tried",
    "create",
    "found",
    "measure_finalists",
    "read_spec",
    "search",
    "stored_settings",
    "write_page",
]
