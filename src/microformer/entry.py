"""How a command begins and ends: signals, errors, what a terminal can show."""

import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from microformer.errors import MicroformerError, printable, unexpected

DEBUG = "--debug"


def run_command_line(
    name: str, app: Callable[[], Any], errors: tuple[type[Exception], ...] = (MicroformerError,)
) -> None:
    """Run ``app``: exit code 2 and one sentence for an error of any kind, 130 after Ctrl-C.

    SIGTERM ends it like Ctrl-C does, so that nothing is left behind. ``--debug`` anywhere on the
    command line prints the traceback as well.
    """
    debug = DEBUG in sys.argv
    sys.argv[:] = [word for word in sys.argv if word != DEBUG]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # an ASCII locale: what it lacks is escaped
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except errors as error:
        _end(name, error, str(error), debug)
    except (BrokenPipeError, ModuleNotFoundError):
        raise  # of a missing extra the caller knows the name
    except OSError as error:  # a disk that is full, a stream that was closed
        where = f"'{error.filename}'" if error.filename else "The output"
        _end(name, error, f"{where} cannot be written or read: {error.strerror}.", debug)
    except Exception as error:
        _end(name, error, str(unexpected(error, "running the command")), debug)


def _end(name: str, error: Exception, sentence: str, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    print(f"{name}: {printable(sentence)}", file=sys.stderr)
    sys.exit(2)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
