"""The bars of the cluster: whole layers, cycle-exact, weights in L2 unless said otherwise."""

from functools import cache

import pytest

from microformer.bench import Row, bench
from microformer.targets import TARGETS, with_cores, with_weights

pytestmark = pytest.mark.slow

RI5CY = TARGETS["pulp-ri5cy"]
LAYER, SMALL = "attention_S32_E64_H16_P64", "attention_S4_E32_H8_P32"


@cache
def measured(name: str, cores: int = 8, weights: str = "l2") -> Row:
    """A row, bit-exact."""
    (row,) = bench([name], with_weights(with_cores(RI5CY, cores), weights)).rows
    assert row.bit_exact and row.weights == weights
    return row


def cycles(name: str, cores: int = 8, weights: str = "l2") -> int:
    """Of a row."""
    counted = measured(name, cores, weights).cycles
    assert counted is not None
    return counted


@pytest.mark.parametrize(("name", "most"), [(LAYER, 655_000), (SMALL, 15_000)])
def test_attention_on_eight_cores(name: str, most: int) -> None:
    assert cycles(name) <= most


def test_the_small_layer_in_l1() -> None:
    assert cycles(SMALL, weights="l1") <= 12_000


def test_attention_on_one_core_and_its_scaling() -> None:
    alone = cycles(LAYER, cores=1)
    assert alone <= 5_300_000
    assert alone / cycles(LAYER) >= 7.2


@pytest.mark.parametrize(("name", "least"), [("K64", 14.5), ("K256", 18.5)])
def test_linear_and_its_scaling(name: str, least: float) -> None:
    row = f"linear_R64_{name}_N64"
    fast = measured(row)
    assert fast.macs_per_cycle is not None and fast.macs_per_cycle >= least
    assert cycles(row, cores=1) / cycles(row) >= 7.5


def test_attention_is_on_a_par_with_convolution() -> None:
    layer, convolution = measured(LAYER), measured("pointwise_R2560_K64_N64")
    assert layer.macs == convolution.macs
    assert convolution.cycles is not None and layer.cycles is not None
    assert convolution.cycles / layer.cycles >= 0.85


def test_heads_that_are_no_multiple_of_the_cores() -> None:
    twelve, sixteen = measured("attention_S32_E64_H12_P64"), measured(LAYER)
    assert twelve.macs_per_cycle is not None and sixteen.macs_per_cycle is not None
    assert twelve.macs_per_cycle >= 0.9 * sixteen.macs_per_cycle


def test_hot_code_and_conflicts_are_few() -> None:
    row = measured(LAYER)
    assert row.code_bytes_total is not None and row.code_bytes_total <= 8192
    assert row.conflicts is not None and row.conflicts <= 0.03 * 8 * cycles(LAYER)
    linear = measured("linear_R64_K64_N64")
    assert linear.conflicts is not None
    assert linear.conflicts <= 0.03 * 8 * cycles("linear_R64_K64_N64")
