"""What happens to a command by accident or by a user: signals, full disks, odd places and names."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import microformer
from microformer import errors, scratch
from microformer.build.compiler import host_compiler
from microformer.demo import demo_paths
from microformer.errors import printable

COMMAND = [sys.executable, "-m", "microformer"]


def command(
    *words: str, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("microformer: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    return lines[0]


NO_SOCKETS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
static int refused(const char *what) {
  FILE *log = fopen(getenv("SOCKETS_LOG"), "a");
  if (log != NULL) {
    fprintf(log, "%s\n", what);
    fclose(log);
  }
  errno = EACCES;
  return -1;
}
int socket(int domain, int type, int protocol);
int socket(int domain, int type, int protocol) {
  (void)domain, (void)type, (void)protocol;
  return refused("socket");
}
int getaddrinfo(const char *host, const char *port, const void *hints, void **found);
int getaddrinfo(const char *host, const char *port, const void *hints, void **found) {
  (void)port, (void)hints, (void)found;
  return refused(host == NULL ? "getaddrinfo" : host);
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is Linux's")
def test_the_demo_opens_no_socket_and_writes_to_our_own_caches_only(tmp_path: Path) -> None:
    source, library, log = tmp_path / "no.c", tmp_path / "no.so", tmp_path / "log"
    source.write_text(NO_SOCKETS)
    subprocess.run(
        [*host_compiler(sanitize=False), "-shared", "-fPIC", str(source), "-o", str(library)],
        check=True,
    )
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {"LD_PRELOAD": str(library), "SOCKETS_LOG": str(log), "HOME": str(home)}
    environment |= {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / ".cache")}
    done = command("demo", "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text()
    ours = (".cache/microformer", ".cache/zig")
    made = [p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()]
    assert [name for name in made if not name.startswith(ours)] == []
    assert list(temporary.iterdir()) == []


def test_control_characters_of_a_models_names_are_escaped() -> None:
    evil = "a\x1b]0;owned\x07\x9b31m\u202e\nb"
    shown = printable(evil)
    assert shown.isprintable() and "owned" in shown and "\\x1b" in shown


def test_anything_unexpected_is_one_sentence_with_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(graph: object) -> bool:
        node = next(iter(graph))  # type: ignore[call-overload]
        raise IndexError(f"tuple index out of range at {node.op_type}")

    monkeypatch.setattr(sys.modules["microformer.load.canonical"], "RECOGNISE", (broken,))
    with demo_paths() as paths, pytest.raises(errors.ModelError) as caught:
        microformer.load(paths.model)
    text = str(caught.value)
    assert "out of range" not in text and "node '" in text and "--debug" in text
    assert text.count(". ") == 0 and text.endswith(".")
    assert isinstance(caught.value.__cause__, IndexError)


def test_debug_shows_the_traceback_and_nothing_else_does(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.onnx")
    words = ("compile", missing, "-o", str(tmp_path / "o"), "-t", "host", "--random-data")
    plain, debug = command(*words), command(*words, "--debug")
    assert "Traceback" not in plain.stderr and plain.returncode == 2
    assert "Traceback" in debug.stderr and debug.returncode == 2


def test_no_place_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none" / "there"))
    with (
        pytest.raises(errors.OutputError, match="folder for temporary files"),
        scratch.temporary_folder(),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_folder_goes_with_its_process(number: signal.Signals, tmp_path: Path) -> None:
    program = (
        "import signal, time\nfrom microformer.entry import run_command_line\n"
        "from microformer.scratch import temporary_folder, dies_with_us\nimport subprocess\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def app():\n"
        "    with temporary_folder('t') as folder:\n"
        "        child = subprocess.Popen(['sleep', '60'], preexec_fn=dies_with_us())\n"
        "        print(folder, child.pid, flush=True)\n"
        "        child.wait()\n"
        "run_command_line('t', app)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    folder, child = process.stdout.readline().split()
    assert Path(folder).is_dir()
    process.send_signal(number)
    process.wait(30)
    _eventually(lambda: not Path(folder).exists())
    process.stdout.close()
    _eventually(lambda: not _alive(int(child)))  # the kernel's work, however the parent ended


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def _eventually(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize("name", ["x" * 300, "out\udcff"])
def test_an_output_path_that_cannot_be(name: str, tmp_path: Path) -> None:
    with demo_paths() as paths:
        done = command(
            *("compile", str(paths.model), "-o", str(tmp_path / name), "-t", "host"),
            *("--random-data", "--effort", "low"),
            environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        )
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if len(name) > 255 else 0), done.stderr


def test_a_full_disk_under_json_and_dump(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with demo_paths() as paths:
        words = [*COMMAND, "compile", str(paths.model), "-o", str(tmp_path / "o"), "-t", "host"]
        words += ["--random-data", "--effort", "low", "--json"]
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                words, stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "No space left" in done.stderr


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_file_that_never_ends_is_no_model_and_no_sample(kind: str, tmp_path: Path) -> None:
    place = Path("/dev/zero")
    if kind == "fifo":
        place = tmp_path / "model.onnx"
        os.mkfifo(place)
    out = str(tmp_path / "o")
    one_sentence(command("compile", str(place), "-o", out, "-t", "host", "--random-data"))
    with demo_paths() as paths:
        words = ("compile", str(paths.model), "-o", out, "-t", "host")
        one_sentence(command(*words, "--data", str(place)))


def test_a_comma_in_the_folder_for_temporary_files(tmp_path: Path) -> None:
    """QEMU's options end a value at a comma."""
    place = tmp_path / "a,b=c"
    place.mkdir()
    with demo_paths() as paths, np.load(paths.calibration) as few:
        np.savez(tmp_path / "few.npz", x=few["x"][:4])
        words = ("compile", str(paths.model), "-o", str(tmp_path / "o"), "-t", "cortex-m55")
        made = command(*words, "--data", str(tmp_path / "few.npz"), "--effort", "low")
    assert made.returncode == 0, made.stderr
    environment = {"TMPDIR": str(place)}
    done = command(
        "run", str(tmp_path / "o"), "--data", str(tmp_path / "few.npz"), environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert not list(place.glob("microformer-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_a_confined_program_reaches_its_own_folder_alone(tmp_path: Path) -> None:
    """As QEMU is run: what semihosting would open for a program."""
    own, readable, other = (tmp_path / name for name in ("own", "readable", "other"))
    for folder in (own, readable, other):
        folder.mkdir()
        (folder / "file").write_text("here")
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:
        pytest.skip("this kernel has no Landlock")

    def can(what: str, *names: str) -> bool:
        command = {"read": ["/bin/cat", *names], "write": ["/bin/cp", *names]}[what]
        with scratch.confined(own, (readable,)) as enter:
            done = subprocess.run(command, preexec_fn=enter, capture_output=True, check=False)
        return done.returncode == 0

    assert can("read", str(own / "file")) and can("read", str(readable / "file"))
    assert can("write", str(readable / "file"), str(own / "copy"))
    assert not can("read", str(other / "file")) and not can("read", str(Path.home() / ".bashrc"))
    assert not can("write", str(own / "file"), str(other / "copy"))
    assert not can("write", str(own / "file"), str(readable / "copy"))
