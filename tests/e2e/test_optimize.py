"""`--optimize`: less code for more cycles, the same bytes out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import microformer
from microformer import store, targets
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.settings import Optimize
from microformer.targets import QemuRunner

MOST = {"cortex-m0plus": 0.6, "cortex-m4": 0.6, "cortex-m55": 0.6, "rv32imc": 0.7}
"""Share of the code bytes that a build for size has. RISC-V without floats in hardware has
some 2.4 kB of the compiler's own library for the quantiser in both."""


@pytest.mark.parametrize("target", MOST)
def test_a_build_for_size(target: str, tmp_path: Path) -> None:
    runner = targets.find(target).runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")
    with demo_paths() as paths, np.load(paths.calibration) as file:
        model, x = microformer.load(paths.model), file["x"]
    code = {}
    kinds: tuple[Optimize, ...] = ("speed", "balanced", "size")
    for kind in kinds:
        compiled = microformer.compile(model, x, target, effort="low", optimize=kind)
        store.save(compiled, tmp_path / kind)
        report = microformer.run(store.open_folder(tmp_path / kind), x[:2])
        assert report.bit_exact and report.firmware_exact and report.flash_bytes is not None
        code[kind] = report.flash_bytes - report.weight_bytes
    assert code["size"] < code["balanced"] < code["speed"]
    assert code["size"] <= MOST[target] * code["speed"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with demo_paths() as paths:
        line = ["compile", str(paths.model), "--random-data", "--target", "pico", "--effort", "low"]
        for kind, code in (("size", 0), ("small", 2)):
            place = tmp_path / kind
            arguments = [*line, "--optimize", kind, "-o", str(place)]
            monkeypatch.setattr("sys.argv", ["microformer", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            assert (ended.value.code or 0) == code and place.exists() == (code == 0)
    manifest = json.loads((tmp_path / "size" / "microformer" / "manifest.json").read_text())
    assert manifest["project"]["optimize"] == "size"
    assert "-Os" in (tmp_path / "size" / "CMakeLists.txt").read_text()
