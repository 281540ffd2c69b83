"""A command starts without what it does not need: what is imported, not how long it took."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import microformer
from microformer.demo import demo_paths

HEAVY = {"sympy", "onnx_ir", "onnxscript", "torch"}
AT_ALL = HEAVY | {"onnx", "onnxruntime", "numpy", "unicorn", "jinja2"}


def imported(*words: str) -> set[str]:
    """Top-level packages that ``python -m microformer ...`` imports until it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "microformer", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.findall(r"^import time:.*\|\s*([\w.]+)$", done.stderr, re.MULTILINE)
    return {name.split(".")[0] for name in found}


@pytest.mark.parametrize(
    "words",
    ["--help", "--version", "targets", "run --help", "bench --help", "compile --help"],
)
def test_nothing_heavy_before_there_is_work(words: str) -> None:
    assert not imported(*words.split()) & AT_ALL


def test_bench_and_run_need_neither_onnx_ir_nor_sympy(tmp_path: Path) -> None:
    assert not imported("bench", "--only", "linear_R2_K8_N4", "--json") & HEAVY
    with demo_paths() as paths:
        with np.load(paths.calibration) as file:
            compiled = microformer.compile(str(paths.model), file["x"][:8], "host")
        microformer.store.save(compiled, tmp_path / "net")
        assert not imported("run", str(tmp_path / "net"), "--data", str(paths.held_out)) & HEAVY


def test_public_modules_show_public_names_only() -> None:
    code = (
        "import json, microformer, microformer.targets, microformer.store, microformer.reference\n"
        "import microformer.pipeline as p\n"
        "print(json.dumps([dir(m) == sorted(m.__all__) for m in (microformer, microformer.targets,"
        " microformer.store, microformer.reference, p)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(json.loads(done.stdout))


def test_a_package_of_a_verbs_name_does_not_take_its_place() -> None:
    code = (
        "import microformer.load.onnx, microformer.quantize.scales, microformer.run\n"
        "import microformer\n"
        "print(*(type(getattr(microformer, n)).__name__ for n in ('load', 'quantize', 'run')))\n"
        "for name in microformer.__all__: getattr(microformer, name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["function"] * 3
