"""docs/your-board.md, step by step, as a new user would; QEMU in the board's place."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microformer.demo import demo_paths

PAGE = Path(__file__).parents[2] / "docs" / "your-board.md"
MACHINES = {
    "stm32": ["qemu-system-arm", "-M", "netduinoplus2"],
    "riscv": ["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
}


def _printed(mark: str) -> list[str]:
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1).strip().splitlines()


def _command(place: Path, line: str) -> str:
    words = line.partition("#")[0].split()
    assert words[0] == "microformer"
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False, cwd=place
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["stm32", "rp2040", "riscv"])
def test_the_page(mark: str, tmp_path: Path) -> None:
    with demo_paths() as paths, np.load(paths.held_out) as file:
        shutil.copy(paths.model, tmp_path / "model.onnx")
        np.savez(tmp_path / "samples.npz", x=file["x"][:24], y=file["y"][:24])
    for line in _printed(mark):
        _command(tmp_path, line)
    (image,) = (tmp_path / "firmware").glob("*.bin")
    assert image.stat().st_size > 10_000
    if mark not in MACHINES:
        assert (tmp_path / "package" / "example" / "main.c").is_file()
        return
    machine = MACHINES[mark]
    if shutil.which(machine[0]) is None:
        pytest.skip(f"{machine[0]} is not installed")
    (elf,) = (tmp_path / "firmware").glob("*.elf")
    quiet = ["-display", "none", "-monitor", "none", "-serial", "pty", "-kernel", str(elf)]
    with subprocess.Popen([*machine, *quiet], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = None
        for said in process.stdout:
            port = re.search(r"/dev/pts/\d+", said)
            if port is not None:
                break
        assert port is not None
        try:
            said = _command(
                tmp_path,
                f"microformer validate out --serial {port.group()} --timeout 120 --no-store",
            )
        finally:
            process.kill()
    assert "Every output byte of 8 samples is right." in said
