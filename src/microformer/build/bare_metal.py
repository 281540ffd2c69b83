"""Build for a microcontroller: our own start-up, linker script and harness around the project."""

import re
from collections.abc import Callable
from importlib import resources
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
from microformer.graph.project import CProject, Image
from microformer.targets import QemuRunner, Target

FREESTANDING = (
    "-fhosted",  # else __builtin_memcpy of 4 bytes stays a call and is not a load
    "-fno-sanitize=all",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Wl,--gc-sections",
    "-Wl,-e,Reset_Handler",
)
"""For every core without an operating system."""
_OVERFLOW = re.compile(r"will not fit in region '(FLASH|RAM)2?': overflowed by (\d+) bytes")


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
        *("-target", target.triple, f"-mcpu={target.cpu}"),
        *flags_of(project),
        *FREESTANDING,
        *KEPT,
        *("-mno-relax",) * target.is_riscv,
        *defines(project),
        *(f"-I{folder.resolve() / d}" for d in project.include_dirs),
        *("-T", str(place / "bare_metal.ld")),
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
    flash, ram = _sizes(path, target)
    return Image(path, target.name, flash, ram, stack_bytes)


def _support_files(project: CProject, target: Target, place: Path, stack_bytes: int) -> list[Path]:
    """Write linker script, start-up and harness to ``place``; the C files among them."""
    script = resources.files("microformer.targets").joinpath("bare_metal.ld.in").read_text("utf-8")
    flash, ram = target.code_memory()[1], target.data_memory()[1]
    for key, value in {
        "FLASH_ORIGIN": flash.origin,
        "FLASH_BYTES": flash.size_bytes,
        "RAM_ORIGIN": ram.origin,
        "RAM_BYTES": ram.size_bytes,
        "STACK_BYTES": stack_bytes,
    }.items():
        script = script.replace(f"@{key}@", f"{value:#x}")
    second = target.second_ram() if project.l2_bytes else None
    if second is not None:
        others = f"  RAM2  (rw)  : ORIGIN = {second.origin:#x}, LENGTH = {second.size_bytes:#x}\n"
        section = "  .ram2 (NOLOAD) : { *(.ram2) } > RAM2\n\n"
    script = script.replace("@OTHERS@", others if second else "")
    script = script.replace("@SECOND@", section if second else "")
    (place / "bare_metal.ld").write_text(script, "utf-8")
    startup = "startup_riscv.c" if target.is_riscv else "startup_cortex_m.c"
    harness = "harness_qemu.c" if isinstance(target.runner, QemuRunner) else "harness.c"
    return write_harness(project, place, ("targets", startup), ("build", harness))


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


def _sizes(path: Path, target: Target) -> tuple[int, int]:
    """(flash, RAM) bytes: sums of the sections that the linker put into each.

    Initialised data count in both: the image in flash, the copy in RAM.
    """
    flash = ram = 0
    second = target.second_ram()
    rams = (target.data_memory()[1], *([] if second is None else [second]))
    with path.open("rb") as file:
        elf = ELFFile(file)
        for section in elf.iter_sections():
            if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                continue
            size = int(section["sh_size"])
            if any(m.has(section["sh_addr"]) for m in rams):
                ram += size
            if section["sh_type"] != "SHT_NOBITS" and _in_flash(elf, section, target):
                flash += size
    return flash, ram


def _in_flash(elf: ELFFile, section: Section, target: Target) -> bool:
    """True if the section's bytes are stored in the flash: its load address lies there."""
    address = int(section["sh_addr"])
    for segment in elf.iter_segments("PT_LOAD"):
        offset = address - int(segment["p_vaddr"])
        if 0 <= offset < max(int(segment["p_filesz"]), 1):
            address = int(segment["p_paddr"]) + offset
            break
    return target.code_memory()[1].has(address)
