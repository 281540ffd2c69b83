"""Run on a PULP cluster: the cores' own RTL, cycle by cycle (build/machine/)."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from microformer.errors import ToolError
from microformer.graph.project import SIMULATOR, CoreCount, CProject, Image, LayerCount, RunResult
from microformer.graph.tensor import Array
from microformer.run.firmware import Firmware
from microformer.targets import Target

_POLL_S = 0.2
_CYCLES_PER_MAC = 60  # the slowest reference kernel with constants in L2, on one core
_LEAST_CYCLES = 5_000_000
_OUTSIDE, _MODEL, _FIRST_LAYER = 0, 1, 2


@dataclass
class _Counted:
    """What the simulator wrote of one owner."""

    cores: list[list[int]] = field(default_factory=list)
    dma_busy: int = 0
    dma_bytes: int = 0
    code: list[int] = field(default_factory=list)


def run_pulp(
    project: CProject,
    image: Image,
    samples: Array,
    target: Target,
    *,
    limit_cycles: int | None,
    progress: Callable[[int, int], None],
) -> RunResult:
    """Outputs int8 [N, output_size]; cycles, exact, and counters of the first sample."""
    if image.target != target.name:
        raise ToolError(f"'{image.path}' was built for {image.target}, not for {target.name}.")
    begin = time.perf_counter()
    firmware = Firmware(image.path)
    macs = sum(layer.macs for layer in project.layers)
    limit = limit_cycles or _LEAST_CYCLES + _CYCLES_PER_MAC * macs
    with tempfile.TemporaryDirectory(prefix="microformer-pulp-") as name:
        folder = Path(name)
        _write_inputs(folder, project, image, firmware, samples, target, limit)
        command = [str((image.path.parent / SIMULATOR).resolve()), "options.txt"]
        _execute(command, folder, project, firmware, len(samples), limit, progress)
        data = (folder / "out.bin").read_bytes()
        outputs = np.frombuffer(data, np.int8).reshape(len(samples), project.output_size)
        total, owners, stack = _read_counts(folder / "counts.txt")
    layers = [_layer(n, firmware, owners) for n in range(len(project.layers))]
    return RunResult(
        outputs=outputs.copy(),
        cycles=total,
        cycles_kind="cycle-exact",
        instructions=sum(core[1] for owner in owners[_MODEL:] for core in owner.cores),
        layers=tuple(
            LayerCount(layer.symbol, *counts)
            for layer, counts in zip(project.layers, layers, strict=True)
        ),
        stack_bytes=max(stack),
        wall_seconds=time.perf_counter() - begin,
        cores=_cores(owners),
    )


def _write_inputs(
    folder: Path,
    project: CProject,
    image: Image,
    firmware: Firmware,
    samples: Array,
    target: Target,
    limit: int,
) -> None:
    """The files that the simulator reads (build/machine/main.cpp)."""
    (folder / "in.bin").write_bytes(samples.tobytes())
    segments, data = [], b""
    for address, content in firmware.segments:
        segments.append(f"{address:x} {len(data):x} {len(content):x}")
        data += content
    (folder / "image.bin").write_bytes(data)
    (folder / "owners.txt").write_text(_owners(project, firmware), "utf-8")
    options = {
        "cores": target.cores,
        "image": "image.bin",
        "program": " ".join(segments),
        "owners": "owners.txt",
        "in": "in.bin",
        "out": "out.bin",
        "counts": "counts.txt",
        "in_bytes": samples[0].nbytes,
        "out_bytes": project.output_size,
        "in_at": firmware.address("mf_harness_in"),
        "out_at": firmware.address("mf_harness_out"),
        "arena": firmware.address("mf_harness_arena"),
        "arena_bytes": max(project.arena_bytes, 1),
        "far": firmware.address("mf_harness_far") if project.far_bytes else 0,
        "far_bytes": project.far_bytes,
        "stack": firmware.address("mf_stack_bottom"),
        "stack_bytes": image.stack_reserved_bytes or 0,
        "limit": limit,
    }
    lines = [f"{key} {value}" for key, value in options.items()]
    (folder / "options.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _owners(project: CProject, firmware: Firmware) -> str:
    """Lines "address owner": to whom control passes there (as run/profile.py's Recorder)."""
    owner: dict[int, int] = {}
    harness = [firmware.functions[n] for n in ("mf_harness_infer", "mf_main")]
    model = firmware.functions[f"{project.name}_run"]
    for number, functions in ((_OUTSIDE, harness), (_MODEL, [model])):
        for function in functions:
            owner |= dict.fromkeys(range(function.begin, function.end, 2), number)
    for number, layer in enumerate(project.layers, _FIRST_LAYER):
        begin = firmware.functions.get(layer.symbol)
        if begin is not None:
            owner.setdefault(begin.begin, number)
    return "".join(f"{at:x} {number:x}\n" for at, number in owner.items())


def _execute(
    command: list[str],
    folder: Path,
    project: CProject,
    firmware: Firmware,
    count: int,
    limit: int,
    progress: Callable[[int, int], None],
) -> None:
    out = folder / "out.bin"
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_S)
                written = out.stat().st_size if out.exists() else 0
                progress(min(written // project.output_size, count), count)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said.seek(0)
        lines = said.read().strip().splitlines()
    if process.returncode == 0:
        return
    places = ", ".join(_where(line, n, firmware) for n, line in enumerate(_pcs(lines)))
    if process.returncode == 3:
        raise ToolError(
            f"'{project.name}' did not end a sample within {limit:,} cycles; its C sources were "
            f"changed, or microformer has a defect: compile again, else report it ({places})."
        )
    first = lines[0] if lines else f"it ended with code {process.returncode}"
    raise ToolError(f"'{project.name}' stopped on the cluster: {first} ({places}).")


def _pcs(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("pc ")]


def _where(line: str, core: int, firmware: Firmware) -> str:
    """ "core 2 at 0x1c000123 in main, asleep"."""
    _, pc, state = line.split()
    address = int(pc, 16)
    names = [f.name for f in firmware.functions.values() if f.begin <= address < f.end]
    place = f" in {names[0]}" if names else ""
    return f"core {core} at {address:#010x}{place}, {state}"


def _read_counts(path: Path) -> tuple[int, list[_Counted], list[int]]:
    """(cycles of the inference, counts by owner, bytes of stack used by core)."""
    total, owners, stack = 0, [], [0]
    for line in path.read_text("utf-8").splitlines():
        key, *values = line.split()
        match key:
            case "total":
                total = int(values[0])
            case "layer":
                owners.append(_Counted(dma_busy=int(values[1]), dma_bytes=int(values[2])))
            case "core":
                owners[-1].cores.append([int(v) for v in values])
            case "code":
                owners[-1].code = [int(v, 16) for v in values]
            case "stack":
                stack = [int(v) for v in values]
    return total, owners, stack


def _layer(
    index: int, firmware: Firmware, owners: list[_Counted]
) -> tuple[int | None, int | None, int | None, int | None]:
    """(cycles, instructions, bytes of all its functions, of the largest)."""
    if index + _FIRST_LAYER >= len(owners):
        return None, None, None, None
    counted = owners[index + _FIRST_LAYER]
    sizes = {
        f.begin: f.end - f.begin
        for f in firmware.functions.values()
        if any(f.begin <= at < f.end for at in counted.code)
    }
    instructions = sum(core[1] for core in counted.cores)
    return counted.cores[0][0], instructions, sum(sizes.values()), max(sizes.values(), default=None)


def _cores(owners: list[_Counted]) -> tuple[CoreCount, ...]:
    """Sums over the model and its layers."""
    inside = owners[_MODEL:]
    count = len(inside[0].cores)
    each = [[owner.cores[core] for owner in inside] for core in range(count)]
    return tuple(CoreCount(*map(sum, zip(*rows, strict=True))) for rows in each)
