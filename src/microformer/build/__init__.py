"""Stage ``build``: CProject + Target -> Image: an ELF for a core, a library for the host."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from microformer.build.bare_metal import build_bare_metal
from microformer.build.host import build_host
from microformer.build.pulp import build_pulp
from microformer.build.sources import check_project, write_sources
from microformer.errors import DoesNotFitError, ToolError
from microformer.graph.project import CProject, Image
from microformer.targets import FlatMemory, HostRunner, QemuRunner, RtlRunner, Target

__all__ = ["build"]


def build(
    project: CProject,
    target: Target,
    folder: Path,
    *,
    sanitize: bool = False,
    stack_bytes: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Image:
    """Compile and link ``project`` for ``target``; the result lies in ``folder/build/<target>``.

    The project's files are written to ``folder`` where they are not there yet. ``sanitize``
    (host only) makes an executable with AddressSanitizer and UBSan, that stops at the first fault.
    ``stack_bytes`` is what the linker reserves on a core, a multiple of 8 (by default the
    target's); ``run`` measures what is used of it. ``progress`` is told what is being done.

    Raises DoesNotFitError if the program exceeds a memory of the target, ToolError if the
    compiler is missing or refuses the program, OutputError if ``folder`` cannot be written.
    """
    check_project(project)
    if sanitize and not target.is_host:
        raise ToolError(f"Sanitizers need an operating system; {target.name} has none, use host.")
    place = write_sources(project, folder, target.name)
    stack_bytes = target.stack_bytes if stack_bytes is None else stack_bytes
    tell = progress or (lambda _message: None)
    if isinstance(target.runner, HostRunner):
        return build_host(project, folder, place, sanitize=sanitize, progress=tell)
    if isinstance(target.runner, RtlRunner):
        return build_pulp(
            project, target, target.runner, folder, place, stack_bytes=stack_bytes, progress=tell
        )
    machine = target.runner.memory if isinstance(target.runner, QemuRunner) else None
    if machine is None:
        return build_bare_metal(
            project, target, folder, place, stack_bytes=stack_bytes, progress=tell
        )
    return _for_both(project, target, machine, folder, place, stack_bytes, tell)


def _for_both(
    project: CProject,
    target: Target,
    machine: FlatMemory,
    folder: Path,
    place: Path,
    stack_bytes: int,
    tell: Callable[[str], None],
) -> Image:
    """Linked for the board's memories, whose figures it has, and for the machine that runs it."""
    own = place / "board"
    own.mkdir(exist_ok=True)
    board = build_bare_metal(project, target, folder, own, stack_bytes=stack_bytes, progress=tell)
    other = replace(target, memory=machine, weights="l2")
    try:
        made = build_bare_metal(
            project, other, folder, place, stack_bytes=stack_bytes, progress=tell
        )
    except DoesNotFitError as error:
        return replace(board, cannot_run=f"QEMU's machine for it is smaller: {error}")
    return replace(
        made,
        flash_bytes=board.flash_bytes,
        ram_bytes=board.ram_bytes,
        memories=board.memories,
    )
