"""The compilers: how they are found and called, and what becomes of their complaints."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from microformer.errors import ToolError
from microformer.graph.project import CProject
from microformer.scratch import dies_with_us, temporary_folder

FLAGS = (
    "-std=c11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    "-ffunction-sections",
    "-fdata-sections",
    "-fomit-frame-pointer",  # ziglang keeps one by default, which costs a register
)
"""For every target. The emitted C is clean under these warnings."""

_TIMEOUT_S = 900


def flags_of(project: CProject) -> tuple[str, ...]:
    """``FLAGS``, for size where the project wants that."""
    if project.optimize != "size":
        return FLAGS
    # -g: without it ziglang strips what it makes for size, and a program without symbols cannot be
    # run here; the linker script leaves the debug data out
    return (*("-Os" if flag == "-O2" else flag for flag in FLAGS), "-g")


class CompilerError(Exception):
    """The compiler or linker refused; ``output`` is all that it said."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def ziglang() -> list[str]:
    """The command of pip's ``ziglang``; ToolError if it is not installed."""
    if importlib.util.find_spec("ziglang") is None:
        raise ToolError(
            "There is no compiler for this target: install it with 'pip install ziglang'."
        )
    return [sys.executable, "-m", "ziglang", "cc"]


def host_compiler(*, sanitize: bool) -> list[str]:
    """The host's C compiler: cc, gcc or clang on PATH, else ziglang (which has no sanitizers)."""
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found is not None:
            return [found]
    if sanitize:
        raise ToolError(
            "A build with sanitizers needs gcc or clang on PATH, and neither is there; install one."
        )
    return ziglang()


def compile_and_link(command: Sequence[str], arguments: Sequence[str]) -> None:
    """Run the compiler; CompilerError with its words if it refuses, ToolError if it will not run.

    Safe to call from several processes at once: each has its own folder for object files, and
    ziglang locks the folder in which it keeps its runtime library.
    """
    environment = dict(os.environ)
    with ExitStack() as stack:
        if "ziglang" in command:
            environment.setdefault("ZIG_GLOBAL_CACHE_DIR", str(_global_cache(stack)))
            if "ZIG_LOCAL_CACHE_DIR" not in environment:
                local = stack.enter_context(temporary_folder("zig"))
                environment["ZIG_LOCAL_CACHE_DIR"] = str(local)
        try:
            done = subprocess.run(
                [*command, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                preexec_fn=dies_with_us(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"The compiler did not end within {_TIMEOUT_S} s; try again with a smaller model."
            ) from None
        except OSError as error:
            raise ToolError(
                f"The compiler '{command[0]}' cannot be started ({error.strerror}); install "
                "another, or 'pip install ziglang'."
            ) from None
    if done.returncode != 0:
        raise CompilerError(f"{done.stdout}{done.stderr}")


def _global_cache(stack: ExitStack) -> Path:
    """A folder in which ziglang keeps what it built once a core: its own, if that is writable.

    Else one of this user in the folder for temporary files, else one for this call only.
    """
    usual = _usual_cache()
    if usual is not None and _writable(usual):
        return usual
    user = os.getuid() if hasattr(os, "getuid") else 0
    ours = Path(tempfile.gettempdir()) / f"microformer-zig-{user}"
    if _writable(ours) and _private(ours):
        return ours
    return stack.enter_context(temporary_folder("zig"))


def _usual_cache() -> Path | None:
    """Where ziglang would put it; None where we leave the choice to a temporary folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "zig"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if platform.system() == "Windows":
        return home / "AppData" / "Local" / "zig"
    return home / ".cache" / "zig"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _private(folder: Path) -> bool:
    """Not somebody else's folder, and not one into which others may write."""
    status = folder.lstat()
    own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return own and not folder.is_symlink() and not status.st_mode & 0o022


def refusal(output: str, what: str) -> ToolError:
    """The error for a refused program: the first complaint, and a file with all of them."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    first = next((line for line in lines if "error:" in line), "it gave no reason")
    handle, log = tempfile.mkstemp(prefix="microformer-compiler-", suffix=".log", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(output)
    return ToolError(f"The compiler refused {what}: {first[:300]} (all it said is in '{log}').")
