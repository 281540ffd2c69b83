"""Run on a board in QEMU: for cores that unicorn does not know; blocks counted by a plugin."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from microformer.errors import ToolError
from microformer.graph.project import QEMU_PLUGIN, CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run.convert import Converted
from microformer.run.firmware import Firmware
from microformer.run.profile import SIZE_BITS, Edges, Recorder, emulated, finish
from microformer.run.timing import Block
from microformer.scratch import confined, temporary_folder
from microformer.targets import QemuRunner, Target

_STARTUP_S = 30.0
_POLL_S = 0.2
_PACKAGES = {"arm": "qemu-system-arm", "riscv32": "qemu-system-misc"}


def run_qemu(
    project: CProject,
    image: Image,
    samples: Array,
    target: Target,
    runner: QemuRunner,
    *,
    profile: bool,
    converted: Converted,
    limit_seconds: float,
    progress: Callable[[int, int], None],
) -> RunResult:
    """Outputs int8 [N, output_size], counts of the first sample, deepest stack of all."""
    if image.cannot_run:
        raise ToolError(
            f"'{project.name}' fits {target.name} and was built for it, but cannot run here: "
            f"{image.cannot_run}"
        )
    begin = time.perf_counter()
    firmware = Firmware(image.path)
    plugin = image.path.parent / QEMU_PLUGIN
    counting = profile and plugin.exists()
    with temporary_folder("qemu") as folder:
        (folder / "in.bin").write_bytes(samples[len(converted.given) :].tobytes())
        (folder / "real.bin").write_bytes(converted.given.tobytes())
        recorder = Recorder(project, firmware)
        options = _plugin_options(folder, plugin, firmware, recorder) if counting else []
        limit = _STARTUP_S + limit_seconds * len(samples)
        _execute(
            _command(target, runner, image, options),
            folder,
            project,
            image.path.parent.resolve(),
            limit,
            len(samples),
            progress,
        )
        outputs, stack = _results(folder, project, len(samples))
        converted.fill(folder / "quantized.bin", folder / "dequantized.bin")
        counted = None
        if counting:
            _read_edges(folder / "edges.txt", recorder, firmware)
            counted = finish(project, firmware, recorder, target)
    progress(len(samples), len(samples))
    return emulated(outputs, counted, stack, time.perf_counter() - begin, converted)


def _command(target: Target, runner: QemuRunner, image: Image, options: list[str]) -> list[str]:
    tool = shutil.which(runner.program)
    if tool is None:
        raise ToolError(
            f"'{target.name}' runs on {runner.program}, which is not installed: install the "
            f"package {_PACKAGES[runner.system]} (Debian, Ubuntu), or choose another target; "
            "compiling needs it not."
        )
    quiet = ["-display", "none", "-monitor", "none", "-serial", "none"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    bare = ["-bios", "none"] if runner.system == "riscv32" else []
    core = ["-cpu", runner.cpu] if runner.cpu else []
    return [
        *(tool, "-M", runner.machine, *core, *bare, *quiet, *semihosting),
        *("-kernel", str(image.path.resolve()), *options),
    ]


def _plugin_options(
    folder: Path, plugin: Path, firmware: Firmware, recorder: Recorder
) -> list[str]:
    """Owners by number: 0 the harness, 1 the model, from 2 on the layers."""
    numbers = {id(edges): number for number, edges in enumerate(_owners(recorder))}
    lines = [f"{at:x} {numbers[id(edges)]:x}" for at, edges in recorder.owner.items()]
    (folder / "owners.txt").write_text("\n".join(lines) + "\n", "utf-8")
    begin, end = firmware.address("mf_harness_infer"), firmware.address("mf_harness_done")
    places = f"owners=owners.txt,out=edges.txt,begin={begin:x},end={end:x}"
    return ["-plugin", f"file={_literal(plugin.resolve())},{places}"]


def _literal(path: Path) -> str:
    """A path in an option of QEMU, where a comma ends a value and two are one."""
    return str(path).replace(",", ",,")


def _owners(recorder: Recorder) -> list[Edges]:
    layers = [edges for edges in recorder.layers if edges is not None]
    return [recorder.outside, recorder.model, *layers]


def _execute(
    command: list[str],
    folder: Path,
    project: CProject,
    built: Path,
    limit: float,
    count: int,
    progress: Callable[[int, int], None],
) -> None:
    """Run QEMU to its end; the length of what it wrote says how far it is."""
    deadline = time.monotonic() + limit
    with (folder / "said.txt").open("w+") as said:
        # semihosting opens files of this computer for the program: those in its folder alone
        with confined(folder, (Path(command[0]).resolve().parent, built)) as enter:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                preexec_fn=enter,  # noqa: PLW1509  it makes a few system calls
            )
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise ToolError(
                        f"'{project.name}' did not end in QEMU within {limit:.0f} s; its C sources "
                        "were changed, or microformer has a defect: compile again, else report it."
                    )
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_S)
                path = folder / "out.bin"
                written = path.stat().st_size if path.exists() else 0
                progress(min(written // project.output_size, count), count)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said.seek(0)
        lines = said.read().strip().splitlines() or ["it gave no reason"]
    if process.returncode != 0:
        raise ToolError(f"QEMU ended with code {process.returncode}: {lines[0][:300]}")


def _results(folder: Path, project: CProject, count: int) -> tuple[Array, int]:
    """Outputs int8 [count, output_size] and the stack that was used, in bytes."""
    path = folder / "out.bin"
    data = path.read_bytes() if path.exists() else b""
    size = count * project.output_size
    if len(data) != size + 4:
        raise ToolError(
            f"'{project.name}' wrote {len(data)} bytes in QEMU instead of {size + 4}: it stopped "
            "early, by a fault of memory or of an instruction; compile again, else report it."
        )
    outputs = np.frombuffer(data[:size], np.int8).reshape(count, project.output_size)
    return outputs.copy(), int.from_bytes(data[size:], "little")


def _read_edges(path: Path, recorder: Recorder, firmware: Firmware) -> None:
    """Fill the recorder with what the plugin counted."""
    owners = _owners(recorder)
    sized: dict[int, int] = {0: 0}
    for line in path.read_text("utf-8").splitlines():
        owner, *blocks, count = line.split()
        edges, keys = owners[int(owner, 16)], [int(block, 16) for block in blocks]
        for key in keys:
            if key not in sized:
                sized[key] = _sized(key, firmware)
        before, after = (sized[key] for key in keys)
        if after == 0:
            recorder.current, recorder.previous = edges, before
        else:
            edges[before, after] = edges.get((before, after), 0) + int(count)


def _sized(key: int, firmware: Firmware) -> int:
    """The plugin's address and instructions as address and bytes."""
    address, count = key >> SIZE_BITS, key & ((1 << SIZE_BITS) - 1)
    block = Block(address, firmware.code(address, 4 * count + 2), firmware.riscv)
    offsets = (*block.instruction_offsets, len(block.code))  # code may end behind the block
    if count >= len(offsets):
        raise ToolError(f"QEMU ran {count} instructions at {address:#010x}, where no code is.")
    return address << SIZE_BITS | offsets[count]
