"""The program in docs/kernels.md is compiled as strictly as any and prints what the page says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "src" / "microformer" / "kernels"


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc on PATH")
def test_the_example_of_the_docs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "kernels.md").read_text("utf-8")
    program = re.search(r"```c\n(.*?)```", text, re.DOTALL)
    promised = re.search(r"It prints `([^`]+)`", text)
    assert program is not None and promised is not None
    (tmp_path / "example.c").write_text(program[1])
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    folders = [f"-I{KERNELS / folder}" for folder in ("include", "ref")]
    made = tmp_path / "example"
    command = ["gcc", *flags, *folders, str(tmp_path / "example.c"), "-o", str(made)]
    subprocess.run(command, check=True)
    done = subprocess.run([str(made)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == promised[1]
