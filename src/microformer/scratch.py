"""Temporary folders and child processes that do not outlive us, however we end."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from microformer.errors import OutputError

_PR_SET_PDEATHSIG, _SIGKILL = 1, 9
_REMOVER = 'cat >/dev/null; rm -rf -- "$1"'
"""Waits until the other end of its standard input is closed, as it is when we are killed."""


@contextlib.contextmanager
def temporary_folder(kind: str = "") -> Iterator[Path]:
    """A new folder, gone afterwards: also where this process is killed by a signal.

    Raises OutputError where there is no place for temporary files.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"microformer-{kind}{'-' * bool(kind)}")).resolve()
    except OSError as error:
        raise OutputError(
            f"There is no folder for temporary files ({error.strerror}); make room in it, or set "
            "TMPDIR to one that can be written."
        ) from None
    remover = _remover(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if remover is not None and remover.stdin is not None:
            remover.stdin.close()
            remover.wait()


def _remover(folder: Path) -> "subprocess.Popen[bytes] | None":
    """A shell that removes ``folder`` once we are gone; None where there is no such shell."""
    if sys.platform == "win32":
        return None
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _REMOVER, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
    except OSError:
        return None


def dies_with_us() -> Callable[[], None] | None:
    """For ``preexec_fn``: the kernel kills the child when its parent ends; None elsewhere."""
    if sys.platform != "linux":
        return None
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return ask
