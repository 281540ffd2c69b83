"""Predicted cycles: a kernel's work times the prices of its core, which are data.

``prices/<core>.json`` is made by ``microformer bench --fit`` from measured rows. Selection, fusion,
tiling and ``estimate`` ask here. A kernel without prices on a core is counted roughly.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.kernel import Kernel
from microformer.kernels.signatures import Operands
from microformer.targets import Target

__all__ = ["Prices", "code_bytes", "core_of", "cycles", "prices"]

Prices = Mapping[str, Mapping[str, float]]
"""Cycles of each kind of work, by kernel."""

_FOLDER = Path(__file__).parent / "prices"


def core_of(target: Target) -> str:
    """The core whose prices a target has: its timing model's, or "" where there is none."""
    return "" if target.is_cluster or target.timing is None else target.timing


@cache
def _stored(core: str) -> Mapping[str, Any]:
    path = _FOLDER / f"{core}.json"
    if not core or not path.is_file():
        return {"kernels": {}, "code": {}}
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def prices(core: str) -> Prices:
    """All prices of a core, none where it was not measured."""
    found: Prices = _stored(core)["kernels"]
    return found


def code_bytes(core: str, symbol: str) -> int:
    """Bytes of a kernel's code, the mean of measured rows; 1 KiB where none was."""
    return int(_stored(core)["code"].get(symbol, 1024))


def cycles(kernel: Kernel, op: Op, inputs: Operands, output: Tensor, target: Target) -> float:
    """Cycles of one call, predicted."""
    known = prices(core_of(target)).get(kernel.symbol)
    if known is None:
        return kernel.cost(op, inputs, output, target)
    counted = kernel.work(op, inputs, output, target)
    return sum(known.get(name, 0.0) * count for name, count in counted.items())
