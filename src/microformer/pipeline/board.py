"""A firmware that measures itself, and what a board said: export, build, validate, keep."""

import time
from collections.abc import Callable, Iterable, Iterator

from microformer.build.compiler import flags_of
from microformer.build.firmware import build_firmware
from microformer.errors import ToolError
from microformer.export.firmware import LINKER_SCRIPT, digest, firmware, inputs_digest, vectors_of
from microformer.graph.compiled import Compiled
from microformer.graph.ends import input_bytes, quantized, records
from microformer.graph.tensor import Array
from microformer.pipeline.measure import build_project
from microformer.pipeline.progress import Progress
from microformer.run import run
from microformer.scratch import temporary_folder
from microformer.targets import Target
from microformer.validate import Broken, Expected, Line, Validation, read, validate


def export_firmware(
    compiled: Compiled,
    board: Target,
    x: Array | None,
    *,
    energyrunner: bool = False,
    progress: Progress,
) -> dict[str, str | bytes]:
    """The firmware's files, with the ELF and the image that were built of them."""
    files = firmware(compiled, board, x, energyrunner=energyrunner)
    name = compiled.project.name
    with progress("build"), temporary_folder() as folder:
        elf, image = build_firmware(
            files, name, board, folder, script=LINKER_SCRIPT, flags=flags_of(compiled.project)
        )
    return {**files, f"{name}.elf": elf, f"{name}.bin": image}


def expected_of(compiled: Compiled, x: Array | None, *, progress: Progress) -> Expected:
    """What a board must say, with the estimate of the first sample where the core has one."""
    vectors, graph, project = vectors_of(compiled, x), compiled.int_graph, compiled.project
    cycles: dict[str, int | None] = {}
    total = None
    if compiled.target.timing is not None:
        one = quantized(graph, records({n: v[:1] for n, v in vectors.inputs.items()}))
        with temporary_folder() as folder, progress("estimate"):
            image = build_project(project, compiled.target, folder)
            result = run(project, image, input_bytes(graph, one), compiled.target)
        cycles = {layer.symbol: layer.cycles for layer in result.layers}
        total = result.cycles
    return Expected(
        model=project.name,
        target=compiled.target.name,
        digest=digest(compiled),
        inputs=inputs_digest(vectors),
        outputs=vectors.outputs,
        layers=[(y.name, y.op, cycles.get(y.symbol)) for y in project.layers],
        estimate=total,
    )


def validate_lines(expected: Expected, lines: Iterable[bytes]) -> Validation:
    """Check a log that is whole."""
    return validate(expected, list(read(lines)))


def listen(
    chunks: Callable[[], bytes], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """The lines that a port says until a round that began is over, or ``seconds`` are.

    ``chunks`` gives what has come, nothing if nothing has. The round that was under way at the
    beginning is left out. Raises ToolError when the time is over.
    """
    end, rest, begun = clock() + seconds, b"", False
    while True:
        if clock() > end:
            what = "began a round and did not end it" if begun else "said no whole 'hello' line"
            raise ToolError(
                f"The board {what} within {seconds:g} s; check the port and its speed, or give "
                "--timeout."
            )
        rest += chunks()
        *lines, rest = rest.split(b"\n")
        for line in lines:
            begun = begun or line.startswith(b"MF1 hello ")
            if begun:
                yield line
            if begun and line.startswith(b"MF1 end "):
                return


def from_port(expected: Expected, port: str, baud: int, seconds: float) -> Validation:
    """Check what a serial port says. Raises ToolError if it cannot be opened or is silent."""
    try:
        import serial  # noqa: PLC0415  an extra, for who has a board
    except ImportError:
        raise ToolError(
            "A serial port needs pyserial: pip install 'microformer[serial]', or keep what the "
            "port says in a file and give --log."
        ) from None
    try:
        with serial.Serial(port, baud, timeout=0.2) as opened:
            said = listen(lambda: bytes(opened.read(opened.in_waiting or 1)), seconds)
            lines: list[Line | Broken] = list(read(said))
    except (serial.SerialException, OSError, ValueError) as error:
        raise ToolError(f"The port '{port[:80]}' cannot be read: {error}.") from None
    return validate(expected, lines)
