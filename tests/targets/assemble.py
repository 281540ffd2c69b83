"""Machine code of a few lines of assembly, for the tests of timing models."""

import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from elftools.elf.elffile import ELFFile

RISCV = "generic_rv32+m+a+c+zba+zbb+zbs"


@lru_cache
def assemble(text: str, cpu: str) -> bytes:
    """Code of ``text`` for ziglang's ``cpu``, Thumb or RISC-V; branches may go to ``away``."""
    riscv = "rv32" in cpu
    head = [".option norelax"] if riscv else [".syntax unified", ".thumb"]
    triple = "riscv32-freestanding-none" if riscv else "thumb-freestanding-eabihf"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [*head, *text.splitlines(), "end:", "away:"]
        (folder / "a.s").write_text("\n".join(lines) + "\n", "utf-8")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", triple]
        command += [f"-mcpu={cpu}", "-c", "a.s", "-o", "a.o"]
        subprocess.run(command, cwd=folder, check=True)
        with (folder / "a.o").open("rb") as file:
            section = ELFFile(file).get_section_by_name(".text")
            assert section is not None
            return bytes(section.data())
