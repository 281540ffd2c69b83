"""A new instruction set is one folder and one line; facts about kernels are fields."""

import importlib.util
from pathlib import Path

import pytest

from microformer import pipeline
from microformer.bench.workloads import workload
from microformer.graph import ops
from microformer.kernels import registry
from microformer.kernels.kernel import Isa
from microformer.lower import lower
from microformer.targets import TARGETS, resized, with_cores
from tests.cases import bundle, bundle_inputs, linear

_C = """/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MF_LINEAR_S8_PRETEND_H
#define MF_LINEAR_S8_PRETEND_H

#include "mf_pretend.h"

static inline void mf_linear_s8_pretend(
    const int8_t *x, const int8_t *weight, const int32_t *mult, const int32_t *add,
    const int8_t *lut, int8_t *y, int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *scratch) {
  mf_pretend(x, weight, mult, add, lut, y, rows, k, n, shift, scratch);
}

#endif
"""
_PART = """/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MF_PRETEND_H
#define MF_PRETEND_H

#include "mf_linear_s8_ref.h"

#define mf_pretend mf_linear_s8_ref

#endif
"""
_REGISTRY = """
from functools import partial
from pathlib import Path

from microformer.kernels.costs import per_mac
from microformer.kernels.kernel import Isa, Kernel

_kernel = partial(Kernel, isa="pretend")

ISA = Isa(
    "pretend",
    folder=Path(__file__).parent,
    kernels=(_kernel("mf_linear_s8_pretend", "linear", per_mac(0.1, 0)),),
)
"""


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Isa:
    """One folder: C, private header, registry; and one line of ``kernels/registry.py``."""
    folder = tmp_path / "pretend"
    (folder / "parts").mkdir(parents=True)
    (folder / "mf_linear_s8_pretend.h").write_text(_C)
    (folder / "parts" / "mf_pretend.h").write_text(_PART)
    (folder / "registry.py").write_text(_REGISTRY)
    spec = importlib.util.spec_from_file_location("pretend_registry", folder / "registry.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    isa = module.ISA
    assert isinstance(isa, Isa)
    monkeypatch.setattr(registry, "ISAS", (*registry.ISAS, isa))  # the line
    return isa


def test_one_folder_and_one_line(pretend: Isa) -> None:
    case = linear(5, 16, 8)
    made = pipeline.measure_graph(
        bundle([case]), bundle_inputs([case], 7), TARGETS["host"], isas=("pretend", "ref")
    )
    assert made.bit_exact
    assert made.project.layers[0].kernel == "mf_linear_s8_pretend"
    assert {"mf/mf_linear_s8_pretend.h", "mf/mf_pretend.h"} <= set(made.project.files)


def test_the_other_targets_do_not_take_it(pretend: Isa) -> None:
    for name in ("host", "cortex-m4", "pulp-ri5cy"):
        calls = lower(bundle([linear(5, 16, 8)]), TARGETS[name]).calls
        assert all(registry.kernel_of(call.symbol).isa != pretend.name for call in calls)


def test_facts_are_fields() -> None:
    """Who calls a kernel, and whether its rows have pitches: of each, and not by its name."""
    for kernel in registry.kernels():
        assert kernel.all_cores == (kernel.isa == "xpulp"), kernel.symbol
        assert kernel.pitched == (kernel.family == "copy2d"), kernel.symbol
        assert not kernel.streams or kernel.all_cores, kernel.symbol


def test_kernels_are_asked_with_the_machine_in_hand() -> None:
    """A whole attention layer fits an L1 of 64 KiB, and not a smaller one."""
    graph = workload("attention_S32_E64_H16_P64")
    target = TARGETS["pulp-ri5cy"]
    assert [call.op for call in lower(graph, target).calls] == ["AttentionBlock"]
    small = resized(target, data_bytes=24 * 1024)
    assert "AttentionBlock" not in {call.op for call in lower(graph, small).calls}
    assert with_cores(target, 3).buffer_bytes() > target.buffer_bytes()


def test_ops_know_no_instruction_set() -> None:
    case = linear(2, 3, 4)
    assert isinstance(case.op, ops.Linear)
    names = {isa.name for isa in registry.ISAS}
    assert {kernel.isa for kernel in registry.kernels()} <= names
    assert not any(kernel.family in names for kernel in registry.kernels())
