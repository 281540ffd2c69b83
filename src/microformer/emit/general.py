"""Kernels for layers of any shape: one body each, where code shall be small."""

import re

from microformer.emit.names import wrapped
from microformer.graph.kernel_graph import Plan
from microformer.kernels.prototype import parameters

SPECIALISED_SHARE = 0.8
"""Of a balanced program's products: layers that make them up are specialised for their shape."""


def general_calls(plan: Plan, optimize: str) -> frozenset[int]:
    """The calls that are done by a kernel for any shape: one body for all layers that use it."""
    calls = plan.graph.calls
    if optimize == "speed" or plan.graph.target.is_cluster:
        return frozenset()
    plain = {i for i, call in enumerate(calls) if call.tiling is None}
    if optimize == "size":
        return frozenset(plain)
    left = SPECIALISED_SHARE * sum(call.macs for call in calls)
    for index in sorted(plain, key=lambda i: -calls[i].macs):
        if left <= 0:
            break
        left -= calls[index].macs
        plain.discard(index)
    return frozenset(plain)


def any_name(symbol: str) -> str:
    """The function of a kernel for any shape."""
    return f"{symbol.removeprefix('mf_')}_any"


def general_function(symbol: str) -> list[str]:
    """A kernel for layers of any shape, compiled once."""
    declared = parameters(symbol)
    names = [re.split(r"[ *]", parameter)[-1] for parameter in declared]
    return [
        "/* For layers of any shape. */",
        *wrapped(f"MF_ANY {any_name(symbol)}(", list(declared), ") {"),
        *wrapped(f"  {symbol}(", names, ");"),
        "}",
        "",
    ]
