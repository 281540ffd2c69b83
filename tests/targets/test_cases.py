"""The table of cases on every target: emulated cores, and this machine under the sanitizers."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microformer import reference
from microformer.build import build
from microformer.emit import emit
from microformer.graph.ends import flat_outputs
from microformer.graph.kernel_graph import KernelGraph
from microformer.graph.verify import verify
from microformer.kernels.registry import candidates, kernels
from microformer.lower import lower
from microformer.plan import plan
from microformer.plan.low_memory import other_ways
from microformer.reference.proof import prove
from microformer.run import run
from microformer.targets import TARGETS, QemuRunner, Target, resized
from tests.cases import CASES, Case, bundle, bundle_inputs
from tests.strategies import cases as drawn_cases
from tests.targets.images import shared_image

TABLES = [[case for case in CASES if not case.alone], *([case] for case in CASES if case.alone)]
IDS = ["values" if len(cases) > 1 else cases[0].name for cases in TABLES]
SAMPLES = 7


def _mismatches(cases: list[Case], got: np.ndarray, expected: np.ndarray) -> list[str]:
    """Names of the cases whose part of the output differs."""
    wrong, start = [], 0
    for case in cases:
        end = start + case.output().nbytes
        if not np.array_equal(got[:, start:end], expected[:, start:end]):
            wrong.append(case.name)
        start = end
    return wrong


@pytest.mark.parametrize("cases", TABLES, ids=IDS)
def test_the_cases_are_valid_programs(cases: list[Case]) -> None:
    graph = verify(bundle(cases), "cases")
    prove(graph)


# "<target>[ sanitized][ <isa>][ small]": a core of several sets runs the lesser ones too
RUNS = [
    *TARGETS,
    *("host sanitized", "host dsp", "host sanitized dsp", "cortex-m55 dsp"),
    *("host size", "cortex-m4 size", "cortex-m55 size", "rv32imc size"),
]
RUNS += [f"{name} small" for name in ("cortex-m4", "cortex-m7", "cortex-m33")]


def _with_room(target: Target) -> Target:
    """A board that holds the whole table."""
    return resized(target, data_bytes=max(target.data_memory()[1].size_bytes, 1 << 18))


def _small(graph: KernelGraph) -> KernelGraph:
    """The same calls by the kernels of small blocks wherever there is one."""
    calls = []
    for call in graph.calls:
        ways = [way.call for way in other_ways(call, graph)]
        calls.append(next((way for way in ways if way.symbol.endswith("_8k")), call))
    return replace(graph, calls=tuple(calls))


@pytest.mark.parametrize("cases", TABLES, ids=IDS)
@pytest.mark.parametrize("name", RUNS)
def test_cases(name: str, cases: list[Case], session_folder: Path) -> None:
    target, sanitize = TARGETS[name.split(maxsplit=1)[0]], "sanitized" in name
    runner = target.runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")
    if target.is_cluster:  # what is in L1 at once is small, and a cycle of the RTL is slow
        parts = [(cases[i::40], 2) for i in range(min(40, len(cases)))]
    else:
        parts = [(cases, SAMPLES)]
    ran, wanted = set[str](), set[str]()
    for part, samples in parts:
        fast, able = _check(name, target, part, session_folder, sanitize=sanitize, samples=samples)
        ran |= fast
        wanted |= able
    # what nobody would choose for these shapes runs as well
    for part, samples in parts if wanted - ran else ():
        preferred = frozenset(wanted - ran)
        fast, _ = _check(
            *(name, target, part, session_folder),
            sanitize=sanitize,
            samples=samples,
            preferred=preferred,
        )
        ran |= fast
    assert ran >= wanted


def _check(
    name: str,
    target: Target,
    cases: list[Case],
    folder: Path,
    *,
    sanitize: bool,
    samples: int,
    preferred: frozenset[str] = frozenset(),
) -> tuple[set[str], set[str]]:
    """Every case's bytes; the fast kernels that ran, and those that could have."""
    graph = bundle(cases)
    if not target.is_cluster and not target.is_host:  # the table is more than a small board holds
        target = _with_room(target)
    # the host runs the fast kernels too, in their plain C form
    isas = tuple(dict.fromkeys(k.isa for k in kernels())) if target.is_host else target.isas
    if "dsp" in name:
        isas = ("dsp", "ref")
    placed = plan(lower(graph, target, isas=isas, preferred=preferred))
    if name.endswith("small"):
        placed = plan(_small(placed.graph))
    project = emit(placed, optimize="size" if name.endswith("size") else "speed")
    fast = {layer.kernel for layer in project.layers if "_ref" not in layer.kernel}
    wanted = {
        k.symbol
        for case in cases
        for k in candidates(case.op, case.tensors(), case.output(), target, isas[:1])
        if k.isa == target.isas[0] != "ref" or k.isa == isas[0] == "dsp"
    }
    # those of small blocks stand where RAM is short, the others where it is not
    wanted = {symbol for symbol in wanted if symbol.endswith("_8k") == name.endswith("small")}
    inputs = bundle_inputs(cases, samples)
    expected = flat_outputs(graph, reference.evaluate(graph, inputs))
    image = shared_image(project, target, folder, sanitize=sanitize)
    emulated = not target.is_host and not isinstance(target.runner, QemuRunner)
    result = run(project, image, inputs, target, profile=False, check_alignment=emulated)
    assert _mismatches(cases, result.outputs, expected) == []
    return fast, wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(drawn_cases(), min_size=20, max_size=40))
def test_drawn_cases(name: str, drawn: list[Case]) -> None:
    """Shapes that nobody chose, many in one program, on the core itself."""
    target = TARGETS[name]
    runner = target.runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")
    cases = list({case.name: case for case in drawn if not case.alone}.values())
    if not cases:
        return
    project = emit(plan(lower(bundle(cases), target)))
    inputs = bundle_inputs(cases, 4)
    expected = reference.evaluate(bundle(cases), inputs)["y"]
    with tempfile.TemporaryDirectory() as folder:
        roomy = resized(target, data_bytes=1 << 20)
        image = build(project, roomy, Path(folder))
        result = run(project, image, inputs, roomy, profile=False)
    assert _mismatches(cases, result.outputs, expected) == []


@pytest.mark.parametrize("isas", [None, ("ref",)], ids=["fast", "ref"])
@pytest.mark.parametrize("name", [t.name for t in TARGETS.values() if t.timing is not None])
def test_the_timing_models_know_every_instruction(
    name: str, isas: tuple[str, ...] | None, session_folder: Path
) -> None:
    """Whatever compilers make of any kernel has cycles: half one an instruction at least."""
    target = TARGETS[name]
    runner = target.runner
    if isinstance(runner, QemuRunner) and shutil.which(runner.program) is None:
        pytest.skip(f"{runner.program} is not installed")
    target = _with_room(target)
    project = emit(plan(lower(bundle(TABLES[0]), target, isas=isas)))
    image = shared_image(project, target, session_folder)
    result = run(project, image, bundle_inputs(TABLES[0], 1), target)
    assert result.cycles is not None and result.instructions is not None
    assert 0.5 * result.instructions < result.cycles < 3 * result.instructions
