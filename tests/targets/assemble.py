"""Machine code of a few lines of assembly, for the tests of timing models."""

import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from elftools.elf.elffile import ELFFile


@lru_cache
def assemble(text: str, cpu: str) -> bytes:
    """Thumb code of ``text`` for ziglang's ``cpu``; branches may go to the label ``away``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [".syntax unified", ".thumb", *text.splitlines(), "end:", "away:"]
        (folder / "a.s").write_text("\n".join(lines) + "\n", "utf-8")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf"]
        command += [f"-mcpu={cpu}", "-c", "a.s", "-o", "a.o"]
        subprocess.run(command, cwd=folder, check=True)
        with (folder / "a.o").open("rb") as file:
            section = ELFFile(file).get_section_by_name(".text")
            assert section is not None
            return bytes(section.data())
