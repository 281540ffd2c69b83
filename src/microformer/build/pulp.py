"""Build for a PULP cluster: code and constants for L2, buffers for L1, and the simulator."""

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from elftools.elf.elffile import ELFFile

from microformer.build.compiler import FLAGS, CompilerError, compile_and_link, refusal, ziglang
from microformer.build.rtl import simulator
from microformer.build.sources import KEPT, defines, write_harness
from microformer.errors import DoesNotFitError
from microformer.graph.project import SIMULATOR, CProject, Image
from microformer.targets import RtlRunner, Target

_FREESTANDING = (
    "-fhosted",
    "-fno-sanitize=all",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-mno-relax",
    "-Wl,--gc-sections",
    *KEPT,
)
_OVERFLOW = re.compile(r"will not fit in region '(L1|L2)': overflowed by (\d+) bytes")
_MEMORY = {False: "MF_L1", True: "MF_L2"}
_ELW = {"ri5cy": "0x03, 6", "cv32e40p": "0x0b, 3"}


def build_pulp(
    project: CProject,
    target: Target,
    runner: RtlRunner,
    folder: Path,
    place: Path,
    *,
    stack_bytes: int,
    progress: Callable[[str], None],
) -> Image:
    """``<name>.elf``, and beside it a link to the simulator of the core.

    ``flash_bytes`` of the image are those in L2, ``ram_bytes`` those in L1.
    """
    link = place / SIMULATOR
    link.unlink(missing_ok=True)
    link.symlink_to(simulator(runner.core, progress))
    files = _support_files(project, target, place, stack_bytes)
    path = place / f"{project.name}.elf"
    sources = [*(str(folder.resolve() / s) for s in project.sources), *map(str, files)]
    arguments = [
        *("-target", target.triple, f"-mcpu={target.cpu}"),
        *FLAGS,
        *_FREESTANDING,
        *defines(project),
        f"-DMF_STACK_BYTES={stack_bytes}",
        f"-DMF_HARNESS_CORES={target.cores}",
        f"-DMF_ELW={_quoted(_ELW[runner.core])}",
        '-DMF_STATE_MEMORY=__attribute__((section(".l1_bss")))',
        f"-DMF_INPUT_MEMORY={_MEMORY[project.input_in_l2]}",
        f"-DMF_OUTPUT_MEMORY={_MEMORY[project.output_in_l2]}",
        *(f"-I{folder.resolve() / d}" for d in project.include_dirs),
        *("-T", str(place / "pulp.ld")),
    ]
    progress(f"compiling {len(sources)} files for {target.name}")
    try:
        compile_and_link(ziglang(), [*arguments, *sources, "-o", str(path)])
    except CompilerError as error:
        raise _overflow(error.output, project, target) or refusal(
            error.output, f"'{project.name}' for {target.name}"
        ) from None
    return Image(path, target.name, *_sizes(path, target), stack_bytes)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _support_files(project: CProject, target: Target, place: Path, stack_bytes: int) -> list[Path]:
    """Write linker script, start-up and harness to ``place``; the sources among them."""
    script = resources.files("microformer.targets").joinpath("pulp.ld.in").read_text("utf-8")
    l2, l1 = target.code_memory()[1], target.data_memory()[1]
    for key, value in {
        "L2_ORIGIN": l2.origin,
        "L2_BYTES": l2.size_bytes,
        "L1_ORIGIN": l1.origin,
        "L1_BYTES": l1.size_bytes,
        "CORES": target.cores,
        "STACK_BYTES": stack_bytes,
    }.items():
        script = script.replace(f"@{key}@", f"{value:#x}")
    (place / "pulp.ld").write_text(script, "utf-8")
    return write_harness(project, place, ("targets", "startup_pulp.S"), ("build", "harness_pulp.c"))


def _overflow(output: str, project: CProject, target: Target) -> DoesNotFitError | None:
    over: dict[str, int] = {}
    for region, count in _OVERFLOW.findall(output):
        over[region] = max(over.get(region, 0), int(count))
    if not over:
        return None
    region = "L2" if "L2" in over else "L1"
    memory = target.code_memory() if region == "L2" else target.data_memory()
    return DoesNotFitError(
        f"'{project.name}' does not fit into {target.name}: it exceeds the "
        f"{memory[1].size_bytes:,} bytes of {region} by {over[region]:,} bytes; choose a smaller "
        "model.",
        region,
        over[region],
    )


def _sizes(path: Path, target: Target) -> tuple[int, int]:
    """Bytes in (L2, L1)."""
    sizes = [0, 0]
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            at = int(section["sh_addr"])
            if section["sh_flags"] & 2:
                in_l1 = target.data_memory()[1].has(at)
                sizes[in_l1] += int(section["sh_size"])
    return sizes[0], sizes[1]
