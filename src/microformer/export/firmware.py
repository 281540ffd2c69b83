"""The firmware that measures itself: start-up, linker script, main loop, samples, a serial port.

Every line that it sends is ``MF1 kind fields *crc32``, read by ``microformer.validate``.
"""

import hashlib
import json
import zlib
from importlib import resources

import jinja2
import numpy as np

from microformer.emit.licence import LICENCE, c_line, licence_text, version
from microformer.emit.weights import C_TYPES
from microformer.errors import TargetError
from microformer.export.package import MARKER, Package, stamped
from microformer.export.vectors import SAMPLES, SEED, Vectors, given, made, rows_of, step_of
from microformer.graph.compiled import Compiled
from microformer.graph.tensor import Array
from microformer.targets import Target, linker_script

PROTOCOL = "MF1"
"""What every line begins with: the version of the protocol."""
ROW = 32
"""Output bytes a line."""
LINKER_SCRIPT = "board.ld"
STACK_MORE = 1024
"""Bytes of stack for the main loop, beside what the network has."""


def digest(compiled: Compiled) -> str:
    """Eight hexadecimal digits that tell one compiled program from another."""
    text = json.dumps(dict(sorted(compiled.project.files.items())), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def inputs_digest(vectors: Vectors) -> str:
    """The same of the samples: CRC-32 of all their bytes."""
    crc = 0
    for values in vectors.inputs.values():
        crc = zlib.crc32(np.ascontiguousarray(values).tobytes(), crc)
    return f"{crc:08x}"


def vectors_of(compiled: Compiled, x: Array | None) -> Vectors:
    """The user's first eight samples, or eight that are made here and there alike."""
    graph = compiled.int_graph
    return made(graph) if x is None else given(graph, x)


def firmware(
    compiled: Compiled, board: Target, x: Array | None = None, *, energyrunner: bool = False
) -> dict[str, str | bytes]:
    """The files of a whole firmware of ``compiled`` for ``board``.

    ``x`` are the user's samples, of which the first eight are stored in it; without them eight
    are made on the device. With ``energyrunner`` it waits for the commands of MLPerf Tiny's
    EnergyRunner instead. Raises TargetError where the board has another core.
    """
    if compiled.target.is_host or compiled.target.is_cluster or board.memory is None:
        raise TargetError(
            f"A firmware is for a microcontroller, and '{compiled.project.name}' was compiled for "
            f"{compiled.target.name}: compile it for the board that you have."
        )
    if board.isas != compiled.target.isas or board.triple != compiled.target.triple:
        raise TargetError(
            f"'{compiled.project.name}' was compiled for {compiled.target.name} "
            f"({compiled.target.core or compiled.target.cpu}), and {board.name} has another core "
            f"({board.core or board.cpu}): compile it for {board.name}."
        )
    package = Package(compiled, "1.0.0", "")
    vectors = vectors_of(compiled, x)
    graph = compiled.int_graph
    steps = {n: repr(step_of(graph.tensors[n])) for n in graph.inputs if graph.tensors[n].qparams}
    values = {
        "package": package,
        "project": package.project,
        "name": package.name,
        "upper": package.name.upper(),
        "board": board,
        "licence": LICENCE,
        "version": version(),
        "protocol": PROTOCOL,
        "row": ROW,
        "samples": len(vectors.outputs),
        "seed": SEED,
        "given": vectors.given,
        "steps": steps,
        "rows": {n: rows_of(graph, n) for n in graph.inputs},
        "digest": digest(compiled),
        "inputs_digest": inputs_digest(vectors),
        "sources": [s for s in package.sources if s.endswith(".c")],
        "flags": " ".join(board.gcc_flags),
        "startup": board.startup,
        "arrays": _arrays(compiled, vectors) if vectors.given else [],
        "expected": [zlib.crc32(row.tobytes()) for row in vectors.outputs],
        "energyrunner": energyrunner,
        "input_bytes": sum(graph.tensors[n].nbytes for n in graph.inputs),
        "output_bytes": vectors.outputs.shape[1],
    }
    root = resources.files("microformer.export").joinpath("templates")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    files: dict[str, str | bytes] = {
        f"network/{path}": text for path, text in {**package.headers, **package.sources}.items()
    }
    left_out = "main.c.j2" if energyrunner else "energyrunner.c.j2"
    for item in root.joinpath("firmware").iterdir():
        if item.name == left_out:
            continue
        text = environment.from_string(item.read_text("utf-8")).render(**values)
        name = item.name.removesuffix(".j2")
        files["main.c" if name == "energyrunner.c" else name] = stamped(text)
    stack = board.stack_bytes + STACK_MORE
    second = bool(package.project.l2_bytes)
    script = linker_script(board, stack_bytes=stack, second_arena=second)
    files[LINKER_SCRIPT] = stamped(f"{c_line()}\n{script}")
    support = resources.files("microformer.targets")
    start = support.joinpath(board.startup).read_text("utf-8")
    files[board.startup] = stamped(f"{c_line()}\n{start}")
    files["LICENSE"] = licence_text()
    record = {
        "written_by": f"microformer {version()}",
        "form": "energyrunner" if energyrunner else "firmware",
        "model": package.name,
        "target": board.name,
        "samples": len(vectors.outputs) if vectors.given else SAMPLES,
        "digest": values["digest"],
    }
    files[MARKER] = json.dumps(record, indent=2) + "\n"
    return files


def _arrays(compiled: Compiled, vectors: Vectors) -> list[str]:
    """The samples as C: one constant array an input."""
    lines = []
    for number, (name, values) in enumerate(vectors.inputs.items()):
        tensor = compiled.int_graph.tensors[name]
        kind = "float" if tensor.qparams else C_TYPES[tensor.dtype]
        rows = []
        for sample in values.reshape(len(values), -1):
            numbers = (f"{v!r}f" if tensor.qparams else str(int(v)) for v in _plain(sample))
            rows.append("    {" + ", ".join(numbers) + "},")
        head = f"static const {kind} given_{number}[{len(values)}][{tensor.size}] = {{"
        lines += [head, *rows, "};"]
    return lines


def _plain(sample: Array) -> list[float]:
    """float32 as Python has it: nine digits tell each from its neighbours."""
    return [float(f"{value:.9g}") for value in sample.tolist()]
