"""The plugin by which QEMU counts blocks, built for this machine."""

from importlib import resources
from pathlib import Path

from microformer.build.compiler import CompilerError, compile_and_link, host_compiler
from microformer.errors import ToolError
from microformer.graph.project import QEMU_PLUGIN


def build_plugin(place: Path) -> None:
    """``QEMU_PLUGIN`` in ``place``; without a compiler for this machine there is none.

    Programs run without it too, but their instructions are not counted then.
    """
    text = resources.files("microformer.build").joinpath("qemu_plugin.c").read_text("utf-8")
    source = place / "qemu_plugin.c"
    source.write_text(text, "utf-8")
    options = ["-shared", "-fPIC", "-O2", str(source), "-o", str(place / QEMU_PLUGIN)]
    try:
        compile_and_link(host_compiler(sanitize=False), options)
    except (CompilerError, ToolError):
        (place / QEMU_PLUGIN).unlink(missing_ok=True)
