"""Run on a PULP cluster: the cores' own RTL, cycle by cycle (build/machine/)."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from microformer.errors import ToolError
from microformer.graph.project import SIMULATOR, CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run.convert import Converted, part_count, part_symbol
from microformer.run.firmware import Firmware
from microformer.run.pulp_counts import FIRST_LAYER, MODEL, OUTSIDE, read_counts
from microformer.scratch import dies_with_us, temporary_folder
from microformer.targets import Target

_POLL_S = 0.2
_CYCLES_PER_MAC = 60  # the slowest reference kernel with constants in L2, on one core
_LEAST_CYCLES = 5_000_000


def run_pulp(
    project: CProject,
    image: Image,
    samples: Array,
    target: Target,
    *,
    converted: Converted,
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
    with temporary_folder("pulp") as folder:
        _write_inputs(folder, project, image, firmware, samples, target, limit, converted)
        command = [str((image.path.parent / SIMULATOR).resolve()), "options.txt"]
        seconds = _execute(command, folder, project, firmware, len(samples), limit, progress)
        data = (folder / "out.bin").read_bytes()
        outputs = np.frombuffer(data, np.int8).reshape(len(samples), project.output_size)
        converted.fill(folder / "quantized.bin", folder / "dequantized.bin")
        counts = read_counts(folder / "counts.txt")
    deepest = max(counts.stack)
    if image.stack_reserved_bytes and deepest >= image.stack_reserved_bytes:
        raise ToolError(
            f"'{project.name}' used all {deepest} bytes of core {counts.stack.index(deepest)}'s "
            "stack, so its results cannot be trusted: microformer has a defect, please report it."
        )
    return RunResult(
        outputs=outputs.copy(),
        cycles=counts.cycles,
        cycles_kind="cycle-exact",
        instructions=counts.instructions(),
        layers=tuple(
            counts.layer(number, layer.symbol, firmware)
            for number, layer in enumerate(project.layers)
        ),
        stack_bytes=deepest,
        wall_seconds=time.perf_counter() - begin,
        cores=counts.cores(),
        cluster=counts.cluster(seconds),
        inputs=converted.quantized,
        real=converted.real,
    )


def _write_inputs(
    folder: Path,
    project: CProject,
    image: Image,
    firmware: Firmware,
    samples: Array,
    target: Target,
    limit: int,
    converted: Converted,
) -> None:
    """The files that the simulator reads (build/machine/main.cpp)."""
    (folder / "in.bin").write_bytes(samples.tobytes())
    (folder / "real.bin").write_bytes(converted.given.tobytes())
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
        "l2": firmware.address("mf_harness_l2") if project.l2_bytes else 0,
        "l2_bytes": project.l2_bytes,
        "order": firmware.address("mf_harness_order"),
        "real": firmware.symbols.get(part_symbol(project), 0),
        "part": part_count(project),
        "quantize": len(converted.given),
        "dequantize": int(converted.real is not None),
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
    model = firmware.functions[project.entry]
    for number, functions in ((OUTSIDE, harness), (MODEL, [model])):
        for function in functions:
            owner |= dict.fromkeys(range(function.begin, function.end, 2), number)
    for number, layer in enumerate(project.layers, FIRST_LAYER):
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
) -> float:
    """Run the simulator: seconds of processor time that it took."""
    out = folder / "out.bin"
    before = os.times()
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=dies_with_us(),  # noqa: PLW1509  it makes one system call
        )
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
        after = os.times()
        return (after.children_user + after.children_system) - (
            before.children_user + before.children_system
        )
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
