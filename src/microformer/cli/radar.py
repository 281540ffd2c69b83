"""``microformer demo tinyradar``: a simulated gesture, from radar samples to class."""

from collections.abc import Callable

import numpy as np

from microformer import pipeline, targets
from microformer.cli.bars import Bars
from microformer.cli.recognised import Shown, Words, recognise_all
from microformer.demo import radar_paths
from microformer.graph.frontend import RangeDoppler
from microformer.targets import RtlRunner, Target

WHAT = (
    "A gesture is a second: five windows of 32 sweeps by two sensors, to range-Doppler maps, "
    "then the network once."
)
WHENCE = "The recordings are of a simulator; the network was trained on other simulated persons."
CLUSTER, OTHERWISE = "pulp-ri5cy", "cortex-m7"


def choose_target() -> tuple[str, str]:
    """The demo's target, and why it is that one."""
    runner = targets.find(CLUSTER).runner
    assert isinstance(runner, RtlRunner)
    missing = pipeline.missing_rtl(runner.core)
    if not missing:
        return CLUSTER, "its RTL and Verilator are here, so cycles are exact"
    return OTHERWISE, f"{CLUSTER} would be exact, but cannot run here: {missing}"


def radar_demo(target: str | None, board_for: Callable[[str], Target], as_json: bool) -> None:
    """Run the shipped recordings; exit code 1 if a byte was wrong."""
    name, why = (target, "as asked for") if target else choose_target()
    board = board_for(name)
    with radar_paths() as paths:
        with np.load(paths.samples, allow_pickle=False) as file:
            shipped = dict(file)
        codes = shipped["codes"] << np.int16(shipped["left"])
        spec = RangeDoppler(
            points=codes.shape[4],
            sensors=codes.shape[2],
            count=float(shipped["count"]),
            unit=float(shipped["unit"]),
        )
        with Bars() as bars:
            with bars("load"):
                model = pipeline.load_model(paths.model)
            with bars("emit"):
                compiled = pipeline.compile_graph(
                    model, paths.graph, paths.constants, board, front=spec
                )
    shown = Shown(
        f"simulated gestures on {board.name}, from radar samples to class",
        "gesture (simulated)",
        [str(gesture) for gesture in shipped["gestures"]],
        shipped["y"],
        codes,
    )
    record = {"simulated": True, "why": why}
    words = Words("gesture", WHAT, WHENCE, record, first=f"{board.name}: {why}")
    recognise_all(compiled, board, shown, words, as_json)
