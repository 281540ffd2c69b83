"""Build for a microcontroller: our own start-up, linker script and harness around the project."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from microformer.build.compiler import (
    CompilerError,
    compile_and_link,
    flags_of,
    refusal,
    ziglang,
)
from microformer.build.qemu import build_plugin
from microformer.build.sources import KEPT, defines, write_harness
from microformer.errors import DoesNotFitError, TargetError
from microformer.graph.project import CProject, Image, MemoryUse
from microformer.targets import FlatMemory, Memory, QemuRunner, Target, linker_script

_FREESTANDING = (
    "-fhosted",  # else __builtin_memcpy of 4 bytes stays a call and is not a load
    "-fno-sanitize=all",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Wl,--gc-sections",
    "-Wl,-e,Reset_Handler",
)
"""For every core without an operating system."""
_OVERFLOW = re.compile(r"will not fit in region '(FLASH|RAM|MEM_\w+)': overflowed by (\d+) bytes")


def build_bare_metal(
    project: CProject,
    target: Target,
    folder: Path,
    place: Path,
    *,
    stack_bytes: int,
    progress: Callable[[str], None],
) -> Image:
    """``<name>.elf`` with its symbols, and the linker's own figures of it."""
    most = target.data_memory()[1].size_bytes
    if not 0 < stack_bytes <= most or stack_bytes % 8:
        raise TargetError(
            f"A stack of {stack_bytes} bytes is not possible on {target.name}; give a multiple "
            f"of 8 up to {most:,}."
        )
    harness = _support_files(project, target, place, stack_bytes)
    if isinstance(target.runner, QemuRunner):
        build_plugin(place)
    path = place / f"{project.name}.elf"
    sources = [*(str(folder.resolve() / s) for s in project.sources), *map(str, harness)]
    arguments = [
        *bare_options(target, flags_of(project), place / "bare_metal.ld"),
        *KEPT,
        *defines(project),
        *(f"-I{folder.resolve() / d}" for d in project.include_dirs),
    ]
    progress(
        f"compiling {len(sources)} files for {target.name} (the very first time for a core takes "
        "some 6 s more: its runtime library is built, and kept)"
    )
    try:
        compile_and_link(ziglang(), [*arguments, *sources, "-o", str(path)])
    except CompilerError as error:
        raise _overflow(error.output, project, target) or refusal(
            error.output, f"'{project.name}' for {target.name}"
        ) from None
    uses = _uses(path, target)
    code = target.code_memory()[1]
    constant = {code.origin, *(m.origin for m in _flashes(target))}
    flash = sum(use.used_bytes for use in uses if use.origin in constant)
    ram = sum(use.used_bytes for use in uses if use.origin not in constant)
    return Image(path, target.name, flash, ram, stack_bytes, uses)


def _flashes(target: Target) -> list[Memory]:
    """Memories beside the first flash that keep what they hold."""
    assert isinstance(target.memory, FlatMemory)
    return [memory for memory in target.memory.others if not memory.volatile]


def bare_options(target: Target, flags: Iterable[str], script: Path) -> list[str]:
    """The compiler's options of a program for ``target``, linked by the linker ``script``."""
    return [
        *("-target", target.triple, f"-mcpu={target.cpu}"),
        *flags,
        *_FREESTANDING,
        *("-mno-relax",) * target.is_riscv,
        *_placed_weights(target),
        *("-T", str(script)),
    ]


def _placed_weights(target: Target) -> list[str]:
    """The option that puts constants into the section that the linker script has for them."""
    if target.weights_memory() is None:
        return []
    return ['-DMF_CONSTANTS=__attribute__((section(".mf_weights")))']


def _support_files(project: CProject, target: Target, place: Path, stack_bytes: int) -> list[Path]:
    """Write linker script, start-up and harness to ``place``; the C files among them."""
    script = linker_script(target, stack_bytes=stack_bytes, second_arena=bool(project.l2_bytes))
    (place / "bare_metal.ld").write_text(script, "utf-8")
    harness = "harness_qemu.c" if isinstance(target.runner, QemuRunner) else "harness.c"
    return write_harness(project, place, ("targets", target.startup), ("build", harness))


def _overflow(output: str, project: CProject, target: Target) -> DoesNotFitError | None:
    """The error if the linker said that a memory is too small, None if it said something else.

    It reports each section that does not fit, each time by how much the memory is exceeded up to
    there: the largest figure is the program's.
    """
    over: dict[str, int] = {}
    for region, count in _OVERFLOW.findall(output):
        over[region] = max(over.get(region, 0), int(count))
    if not over:
        return None
    others = [name for name in over if name.startswith("MEM_")]
    if others and len(others) == len(over):
        name = others[0].removeprefix("MEM_")
        return DoesNotFitError(
            f"'{project.name}' does not fit into {target.name} ({target.board}): it exceeds "
            f"{name} by {over[others[0]]:,} bytes; put its weights elsewhere, or choose a smaller "
            "model.",
            name,
            over[others[0]],
        )
    region = "FLASH" if "FLASH" in over else "RAM"
    ram = target.data_memory()[1].size_bytes
    memory, part = target.code_memory() if region == "FLASH" else target.data_memory()
    size = part.size_bytes
    also = (
        f", and the {ram:,} bytes of RAM by {over['RAM']:,} bytes"
        if region == "FLASH" and "RAM" in over
        else ""
    )
    return DoesNotFitError(
        f"'{project.name}' does not fit into {target.name} ({target.board}): it exceeds the "
        f"{size:,} bytes of {memory} by {over[region]:,} bytes{also}; choose a larger target or "
        "a smaller model.",
        memory,
        over[region],
    )


def _uses(path: Path, target: Target) -> tuple[MemoryUse, ...]:
    """What the linker put into each memory: sums of its sections.

    What is copied at start counts twice: where it is stored, and where it lies then.
    """
    assert isinstance(target.memory, FlatMemory)
    known = (target.memory.flash, target.memory.ram, *target.memory.others)
    used = dict.fromkeys(known, 0)
    with path.open("rb") as file:
        elf = ELFFile(file)
        for section in elf.iter_sections():
            if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                continue
            places = {int(section["sh_addr"])}
            if section["sh_type"] != "SHT_NOBITS":
                places.add(_stored(elf, section))
            for memory in known:
                used[memory] += int(section["sh_size"]) * any(map(memory.has, places))
    return tuple(
        MemoryUse(memory.name or name, memory.origin, memory.size_bytes, used[memory])
        for memory, name in zip(known, ("flash", "RAM", *[""] * len(known)), strict=False)
        if used[memory]
    )


def _stored(elf: ELFFile, section: Section) -> int:
    """The address at which the section's bytes are stored before start-up."""
    address = int(section["sh_addr"])
    for segment in elf.iter_segments("PT_LOAD"):
        offset = address - int(segment["p_vaddr"])
        if 0 <= offset < max(int(segment["p_filesz"]), 1):
            return int(segment["p_paddr"]) + offset
    return address
