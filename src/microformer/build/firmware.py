"""Build the firmware that measures itself: an ELF, and the bytes of its flash."""

from collections.abc import Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile

from microformer.build.bare_metal import bare_options
from microformer.build.compiler import CompilerError, compile_and_link, refusal, ziglang
from microformer.errors import DoesNotFitError
from microformer.targets import Target


def build_firmware(
    files: Mapping[str, str | bytes],
    name: str,
    board: Target,
    place: Path,
    *,
    script: str,
    flags: tuple[str, ...],
) -> tuple[bytes, bytes]:
    """(ELF, binary image) of a firmware's ``files``, compiled in the empty folder ``place``.

    ``script`` is the linker script among them, ``flags`` the compiler's. Raises DoesNotFitError
    if a memory of the board is too small, ToolError if the compiler refuses.
    """
    for path, content in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    sources = [str(place / path) for path in files if path.endswith(".c")]
    made = place / f"{name}.elf"
    arguments = [
        *bare_options(board, (f for f in flags if f != "-Werror"), place / script),
        *("-DMF_PROFILE=1", f"-I{place}", f"-I{place / 'network'}"),
    ]
    try:
        compile_and_link(ziglang(), [*arguments, *sources, "-o", str(made)])
    except CompilerError as error:
        if "will not fit in region" in error.output:
            raise DoesNotFitError(
                f"The firmware of '{name}' does not fit into {board.name} ({board.board}): its "
                "samples lie in flash and its buffers in RAM beside the network; leave --data "
                "out, or take a larger board.",
                "flash",
                0,
            ) from None
        raise refusal(error.output, f"the firmware of '{name}' for {board.name}") from None
    return made.read_bytes(), _image(made, board)


def _image(path: Path, board: Target) -> bytes:
    """What is stored in flash from its first address on, gaps filled with 0xFF."""
    flash = board.code_memory()[1]
    parts: list[tuple[int, bytes]] = []
    with path.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            if segment["p_filesz"] and flash.has(int(segment["p_paddr"])):
                parts.append((int(segment["p_paddr"]) - flash.origin, bytes(segment.data())))
    image = bytearray(b"\xff" * max((at + len(data) for at, data in parts), default=0))
    for at, data in parts:
        image[at : at + len(data)] = data
    return bytes(image)
