"""Layers that are done block by block: every operation with an L1 of very few bytes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cases import CASES, Case, bundle, bundle_inputs
from microformer import integer
from microformer.build import build
from microformer.emit import emit
from microformer.errors import TargetError
from microformer.graph.kernel_graph import Plan
from microformer.lower import lower
from microformer.plan import plan
from microformer.run import run
from microformer.targets import TARGETS

HOST, RI5CY = TARGETS["host"], TARGETS["pulp-ri5cy"]


def smallest(case: Case, isas: tuple[str, ...], share: float) -> Plan | None:
    """The plan of ``case`` in the least L1 that is not refused, or ``share`` of it more."""
    graph = lower(bundle([case]), HOST, isas=isas)
    low, high = 0, 1 << 17
    while high - low > 8:
        middle = (low + high) // 2
        target = replace(RI5CY, cores=1, stack_bytes=0, ram_bytes=middle)
        try:
            plan(graph, target)
            high = middle
        except TargetError:
            low = middle
    room = high + int(share * high)
    return plan(graph, replace(RI5CY, cores=1, stack_bytes=0, ram_bytes=room))
