"""Every kernel gives the bits of ``microformer.reference``, under AddressSanitizer and UBSan."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from microformer import reference
from microformer.kernels.registry import Kernel, candidates, kernels
from microformer.targets import TARGETS
from tests.cases import CASES, Case, as_bytes, bundle, bundle_inputs
from tests.kernels.runner import KernelRunner
from tests.strategies import cases

HOST = TARGETS["host"]
ISAS = tuple(dict.fromkeys(kernel.isa for kernel in kernels()))
PAIRS = [
    (kernel, case)
    for case in CASES
    for kernel in candidates(case.op, case.tensors(), case.output(), HOST, ISAS)
]


class Runners:
    """A runner an instruction set, built when its first kernel is called."""

    def __init__(self, place: Path, *, all_in_l2: bool = False) -> None:
        self._place, self._all_in_l2 = place, all_in_l2
        self._made: dict[str, KernelRunner] = {}

    def of(self, kernel: Kernel) -> KernelRunner:
        """The runner of a kernel's instruction set."""
        if kernel.isa not in self._made:
            alike = [k for k in kernels() if k.isa == kernel.isa]
            self._made[kernel.isa] = KernelRunner(alike, self._place, all_in_l2=self._all_in_l2)
        return self._made[kernel.isa]

    def close(self) -> None:
        """End all processes."""
        for runner in self._made.values():
            runner.close()


@pytest.fixture(scope="module")
def runner(session_folder: Path) -> Iterator[Runners]:
    """Kernels under sanitizers."""
    made = Runners(session_folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def l2_runner(session_folder: Path) -> Iterator[Runners]:
    """Kernels of a cluster where whatever is not scratch lies in L2."""
    made = Runners(session_folder, all_in_l2=True)
    yield made
    made.close()


def check(runner: Runners, kernel: Kernel, case: Case, count: int, *, in_l1: bool = False) -> None:
    """The kernel's output equals the reference's on ``count`` samples."""
    drawn = case.draw(count)
    graph = bundle([case])
    expected = reference.evaluate(graph, bundle_inputs([case], count))[graph.outputs[0]]
    for sample in range(count):
        got = runner.of(kernel).call(
            kernel, case, [values[sample] for values in drawn], in_l1=in_l1
        )
        message = f"{case.name}, sample {sample}"
        wanted = expected[sample].reshape(-1)
        np.testing.assert_array_equal(as_bytes(got[None])[0], wanted, err_msg=message)


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_every_kernel_has_a_case() -> None:
    assert {kernel.symbol for kernel, _ in PAIRS} == {kernel.symbol for kernel in kernels()}


@pytest.mark.parametrize(
    ("kernel", "case"), PAIRS, ids=[f"{kernel.symbol}-{case.name}" for kernel, case in PAIRS]
)
def test_case(runner: Runners, kernel: Kernel, case: Case) -> None:
    check(runner, kernel, case, 7)


NEAR = [(kernel, case) for kernel, case in PAIRS if kernel.l1_scratch is not None]


@pytest.mark.parametrize(
    ("kernel", "case"), NEAR, ids=[f"{kernel.symbol}-{case.name}" for kernel, case in NEAR]
)
def test_case_of_l1(runner: Runners, kernel: Kernel, case: Case) -> None:
    """Constants lie in L1: the smaller scratch of that case is large enough to the byte."""
    check(runner, kernel, case, 3, in_l1=True)


FAR = [  # but for sums and products of two activations, which are never in L2
    (kernel, case)
    for kernel, case in PAIRS
    if kernel.isa == "xpulp"
    and not (kernel.family in ("add", "mul", "matmul") and isinstance(case.operands[1], tuple))
]


@pytest.mark.parametrize(
    ("kernel", "case"), FAR, ids=[f"{kernel.symbol}-{case.name}" for kernel, case in FAR]
)
def test_case_of_l2(l2_runner: Runners, kernel: Kernel, case: Case) -> None:
    """Constants are copied to scratch, and the scratch is as large as the registry says."""
    check(l2_runner, kernel, case, 7)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases())
def test_drawn_case(runner: Runners, case: Case) -> None:
    for kernel in candidates(case.op, case.tensors(), case.output(), HOST, ISAS):
        check(runner, kernel, case, 4)
