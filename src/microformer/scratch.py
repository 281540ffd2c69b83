"""Temporary folders and child processes that do not outlive us, however we end."""

import contextlib
import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
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


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock, the same on every machine
_ALL_ACCESS, _READ_ACCESS = (1 << 13) - 1, 0b1101  # of its first version; execute, read, list
_PR_SET_NO_NEW_PRIVS, _PATH_BENEATH = 38, 1
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/opt", "/proc", "/sys", "/nix", "/etc/ld.so.cache"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)
"""What a program needs to start; no one's own files."""


@contextlib.contextmanager
def confined(writable: Path, readable: Sequence[Path]) -> Iterator[Callable[[], None] | None]:
    """For ``preexec_fn``: a child started inside dies with us, and reaches these files alone.

    It reads the system's programs and ``readable`` and writes beneath ``writable``, nothing else of
    this computer (Linux' Landlock). Without Landlock it is as ``dies_with_us``.
    """
    dies, ruleset = dies_with_us(), _ruleset(writable, readable)
    if ruleset is None:
        yield dies
        return
    libc = ctypes.CDLL(None)

    def enter() -> None:
        if dies is not None:
            dies()
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0):
            os._exit(1)

    try:
        yield enter
    finally:
        os.close(ruleset)


def _ruleset(writable: Path, readable: Sequence[Path]) -> int | None:
    """A Landlock ruleset's descriptor; None where the kernel has none."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = (ctypes.c_uint64 * 1)(_ALL_ACCESS)
    ruleset = int(libc.syscall(_CREATE_RULESET, attributes, 8, 0))
    if ruleset < 0:
        return None
    rules = [(path, _READ_ACCESS) for path in (*map(Path, _SYSTEM), *readable)]
    for path, access in (*rules, (writable, _ALL_ACCESS)):
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not every system has all of them
        allowed = access if path.is_dir() else access & 0b111  # a file is not listed
        packed = struct.pack("=Qi", allowed, place)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, packed, 0)
        os.close(place)
    return ruleset


def refuse_existing(path: Path, *, force: bool) -> None:
    """OutputError where ``path`` is there already: nothing of the user's is lost unasked."""
    if path.exists() and not force:
        raise OutputError(f"The page '{path}' exists already; choose another or pass --force.")


def write_whole(path: Path, text: str, *, force: bool = True) -> None:
    """Write ``text`` at one stroke: whole or not at all. Raises OutputError."""
    refuse_existing(path, force=force)
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, "utf-8")
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from None
