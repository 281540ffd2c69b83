"""Build for this machine: a shared library, or an executable with sanitizers."""

import platform
from collections.abc import Callable
from pathlib import Path

from microformer.build.compiler import (
    FLAGS,
    CompilerError,
    compile_and_link,
    host_compiler,
    refusal,
)
from microformer.build.sources import defines, write_harness
from microformer.graph.project import CProject, Image

_SCALAR = "-fno-tree-vectorize"
"""gcc 12.2 vectorises a copy with strides wrongly at -O2 (mf_permute_s8_ref in one buffer, 8 x 49).

The host's speed is no claim of ours, so nothing is lost.
"""

_SANITIZERS = ("-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
"""GCC takes 60 s at -O2 -g for the whole table of cases, and 24 s so; kernels alone are tested
under sanitizers at -O2 (tests/kernels)."""


def build_host(
    project: CProject,
    folder: Path,
    place: Path,
    *,
    sanitize: bool,
    progress: Callable[[str], None],
) -> Image:
    """``<name>.so``, or with ``sanitize`` the program ``<name>.exe`` around harness_host.c.

    The suffix tells ``run`` which of the two it is.
    """
    command = host_compiler(sanitize=sanitize)
    path = place / f"{project.name}{'.exe' if sanitize else '.so'}"
    sources = [str(folder.resolve() / source) for source in project.sources]
    arguments = [*FLAGS, _SCALAR, *(f"-I{folder.resolve() / d}" for d in project.include_dirs)]
    if sanitize:
        arguments += [*_SANITIZERS, *defines(project)]
        sources += map(str, write_harness(project, place, ("build", "harness_host.c")))
    else:
        arguments += ["-shared", "-fPIC", *defines(project)]
        sources += map(str, write_harness(project, place, ("build", "harness_library.c")))
    if "ziglang" in command:
        arguments.append("-fno-sanitize=all")  # it traps by default, and calls it a debug build
    if platform.system() == "Linux":
        arguments.append("-Wl,--gc-sections")
    progress(f"compiling {len(sources)} files for this machine")
    try:
        compile_and_link(command, [*arguments, *sources, "-o", str(path)])
    except CompilerError as error:
        raise refusal(error.output, f"'{project.name}' for this machine") from None
    return Image(path, "host", None, None, None)
