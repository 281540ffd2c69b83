"""Graph, plan and C of the shipped model, word for word.

The ranges are a golden file too: onnxruntime's last bits differ between processors, and all that
follows from the ranges must not.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from microformer.calibrate import calibrate
from microformer.demo import demo_paths, radar_paths
from microformer.emit import emit
from microformer.graph.float_model import Range, Ranges
from microformer.graph.frontend import RangeDoppler
from microformer.graph.int_graph import IntGraph
from microformer.graph.serialize import from_bytes
from microformer.graph.tensor import Array
from microformer.load import load
from microformer.lower import lower
from microformer.pipeline.front import emit_both
from microformer.plan import plan
from microformer.quantize import quantize
from microformer.quantize.frontend import front_graph
from microformer.reference import evaluate
from microformer.targets import TARGETS

Golden = Callable[[str, str], None]
_RANGES = Path(__file__).parent / "ranges.json"


@pytest.fixture(scope="module")
def graph() -> IntGraph:
    """The shipped model, quantised over the golden ranges."""
    with demo_paths() as paths:
        model = load(paths.model)
        if not _RANGES.exists():  # delete it to take them anew
            with np.load(paths.calibration) as samples:
                made = calibrate(model, samples["x"])
            plain = {name: asdict(found) for name, found in made.by_name.items()}
            _RANGES.write_text(json.dumps({"samples": made.samples, "by_name": plain}, indent=1))
        stored = json.loads(_RANGES.read_text("utf-8"))
        by_name = {name: Range(**found) for name, found in stored["by_name"].items()}
        return quantize(model, Ranges(by_name, stored["samples"]))


def test_int_graph(graph: IntGraph, golden: Golden) -> None:
    golden("int_graph.txt", f"{graph}\n")


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_plan_and_program(graph: IntGraph, golden: Golden, target: str) -> None:
    placed = plan(lower(graph, TARGETS[target]))
    golden(f"{target}/plan.txt", f"{placed.graph}\n{placed}\n")
    for path, text in emit(placed).files.items():
        if "/" not in path and not path.endswith("_weights.c"):  # kernels have tests of their own
            golden(f"{target}/{path}", text)


def test_weights(graph: IntGraph, golden: Golden) -> None:
    files = emit(plan(lower(graph, TARGETS["cortex-m4"]))).files
    path, text = next((p, t) for p, t in files.items() if p.endswith("_weights.c"))
    golden(f"cortex-m4/{path}", "\n".join([*text.splitlines()[:60], ""]))  # the form, not the bulk


@pytest.fixture(scope="module")
def radar() -> tuple[IntGraph, RangeDoppler, Array]:
    """The shipped radar transformer, its front end, its samples."""
    with radar_paths() as paths, np.load(paths.samples) as file:
        made = from_bytes(paths.graph.read_text("utf-8"), paths.constants.read_bytes())
        codes = file["codes"] << np.int16(file["left"])
        sensors, _, points, _ = codes.shape[2:]
        return made, RangeDoppler(points, sensors, float(file["count"]), float(file["unit"])), codes


@pytest.mark.parametrize("target", ["cortex-m7", "pulp-ri5cy"])
def test_front_end(
    radar: tuple[IntGraph, RangeDoppler, Array], golden: Golden, target: str
) -> None:
    board = TARGETS[target]
    placed = plan(lower(radar[0], board), board)
    project, front = emit_both(radar[1], radar[0], placed, board)
    assert front is not None and set(front.project.sources) == set(project.sources)
    for path in (f"{front.project.name}.h", f"{front.project.name}.c", "README.md"):
        golden(f"radar/{target}/{path}", project.files[path])


def test_maps(radar: tuple[IntGraph, RangeDoppler, Array], golden: Golden) -> None:
    """Checksums of all maps and the scores behind them: the reference of equation (13)."""
    graph = front_graph(radar[1], radar[0])
    lines = []
    for sequence in radar[2]:
        maps = evaluate(graph, sequence)["window"]
        scores = evaluate(radar[0], maps[None])[radar[0].outputs[0]].reshape(-1)
        sums = " ".join(f"{zlib.crc32(window.tobytes()):08x}" for window in maps)
        lines.append(f"{sums}: {' '.join(map(str, scores))}")
    golden("radar/maps.txt", "\n".join([*lines, ""]))
