"""The Cortex-M3: the M4's rules, but for products (Arm DDI 0337I, table 3-1). Rule T14."""

from dataclasses import replace
from typing import Any

from microformer.errors import ToolError
from microformer.run.timing.cortex_m4 import CortexM4, Step

_PRODUCTS = {"mla": 2, "mls": 2, "umull": 5, "smull": 5, "umlal": 7, "smlal": 7}
"""MLA and MLS 2; of 64 bits 3 to 5, adding 4 to 7, by the operands: the slowest."""
_MISSING = ("sxtb16", "uxtb16", "sxtab16", "smla", "smul", "smlad", "smuad", "smmla", "pkh", "qadd")


class CortexM3(CortexM4):
    """Cycles of blocks on a Cortex-M3."""

    def step(self, instruction: Any) -> Step:
        name = str(instruction.insn_name())
        if name in _PRODUCTS:
            return replace(super().step(instruction), cycles=_PRODUCTS[name])
        if name.startswith(_MISSING):
            raise ToolError(
                f"The Cortex-M3 has no '{name}', and there is one at {instruction.address:#010x}."
            )
        return super().step(instruction)
